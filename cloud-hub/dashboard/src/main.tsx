// Puts the page into index.html.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { LivePage } from "./page/LivePage";
import "./main.css";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <LivePage />
  </StrictMode>,
);
