import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const hub = process.env.HUB ?? "http://localhost:8000";

export default defineConfig({
  plugins: [react(), tailwind()],
  // `npm run dev` serves the pages and takes everything else from a running hub.
  server: { proxy: { "/api": hub, "/ws": { target: hub, ws: true } } },
  build: { target: "es2022", assetsInlineLimit: 0 },
  worker: { format: "es" },
  test: {
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts"] } },
      { test: { name: "browser", include: ["tests/**/*.test.ts"], testTimeout: 300_000, hookTimeout: 120_000 } },
    ],
  },
});
