// Puts the page into index.html.
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { glide } from "./live/useLive";
import { LoginPage } from "./login/LoginPage";
import { askWhoIAm, useSession } from "./login/useSession";
import { LivePage } from "./page/LivePage";
import "./main.css";

// The newest state, for the browser's console and the test that compares it with the simulation's truth.
Object.assign(globalThis, { rinkside: { newest: () => glide.newest } });

// The page of whoever may see it; until the hub has said who that is, nothing.
function Page() {
  useEffect(() => void askWhoIAm(), []);
  const state = useSession((session) => session.state);
  if (state === "asking") return null;
  return state === "out" ? <LoginPage /> : <LivePage />;
}

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
