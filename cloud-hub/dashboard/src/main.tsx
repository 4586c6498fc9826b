// Puts the page into index.html.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { glide } from "./live/useLive";
import { LivePage } from "./page/LivePage";
import "./main.css";

// The newest state, for the browser's console and the test that compares it with the simulation's truth.
Object.assign(globalThis, { rinkside: { newest: () => glide.newest } });

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <LivePage />
  </StrictMode>,
);
