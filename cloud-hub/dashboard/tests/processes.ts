// Starts a real hub, a real appliance on a simulated game, and a real browser; ends them all.
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, chromium } from "playwright-core";

export const repository = resolve(import.meta.dirname, "../../..");
const binaries = process.env.RINKSIDE_BINARIES ?? join(process.env.CARGO_TARGET_DIR ?? join(repository, "target"), "debug");
export const binary = (name: string) => join(binaries, name);

type Log = Record<string, unknown>;

// A process whose log is JSON lines on standard error; `heard` waits for the first line that fits.
export class Service {
  #lines: Log[] = [];
  #raw: string[] = [];
  #waiting: { fits: (line: Log) => boolean; found: (line: Log) => void }[] = [];
  readonly process: ChildProcess;

  constructor(name: string, args: string[]) {
    this.process = spawn(binary(name), args, { cwd: repository, stdio: ["ignore", "ignore", "pipe"] });
    const { stderr } = this.process;
    if (!stderr) throw new Error(`${name} has no standard error`);
    createInterface({ input: stderr }).on("line", (text) => {
      this.#raw.push(text);
      if (!text.startsWith("{")) return;
      const line = JSON.parse(text) as Log;
      this.#lines.push(line);
      this.#waiting = this.#waiting.filter(({ fits, found }) => {
        if (fits(line)) found(line);
        return !fits(line);
      });
    });
  }

  heard(fits: (line: Log) => boolean): Promise<Log> {
    const known = this.#lines.find(fits);
    if (known) return Promise.resolve(known);
    return new Promise((found, lost) => {
      this.#waiting.push({ fits, found });
      this.process.once("exit", (code) => lost(new Error(`ended with ${code}; its last words:\n${this.#raw.slice(-10).join("\n")}`)));
    });
  }

  stop(): Promise<void> {
    if (this.process.exitCode !== null) return Promise.resolve();
    return new Promise((done) => {
      this.process.once("exit", () => done());
      this.process.kill("SIGTERM");
    });
  }
}

// A UDP port nobody has now.
export function freePort(): Promise<number> {
  return new Promise((found) => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => found(port));
    });
  });
}

// A browser that asks nothing of anybody but the page.
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

export interface Rinkside {
  page: string;
  folder: string;
  // When the simulated game began, microseconds UTC.
  startUs: number;
  seed: number;
  hub: Service;
  edge: Service;
  browser: Browser;
  // A new hub on the same address and data, after `hub.stop()`.
  restartHub: () => Promise<void>;
  stop: () => Promise<void>;
}

export async function startRinkside(seed: number): Promise<Rinkside> {
  const folder = mkdtempSync(join(tmpdir(), "rinkside-"));
  const ingest = `127.0.0.1:${await freePort()}`;
  const serve = async (listen: string) => {
    const hub = new Service("cloud-hub", ["serve", "--data", join(folder, "hub"), "--listen", listen, "--ingest", ingest]);
    const ready = await hub.heard(({ message }) => message === "the hub is ready");
    return { hub, page: `http://${ready.address}` };
  };
  const { hub, page } = await serve("127.0.0.1:0");
  const config = join(folder, "edge.toml");
  writeFileSync(
    config,
    `[uplink]\nvenue = "test"\nedge = "test"\n[simulation]\nseed = ${seed}\n[[sensors.lines]]\npath = "simulated"\n[web]\nlisten = "127.0.0.1:0"\n`,
  );
  const certificate = join(folder, "hub", "certificates", "ca.pem");
  const edge = new Service("edge-agent", [
    "run", "--log-json", "--config", config, "--data", join(folder, "edge"), "--hub", `quic/${ingest}`, "--ca", certificate,
  ]);
  const work = await edge.heard(({ message }) => message === "box at work");
  const browser = await openBrowser();
  const rinkside: Rinkside = {
    page,
    folder,
    startUs: Number(work.start_us),
    seed,
    hub,
    edge,
    browser,
    restartHub: async () => {
      rinkside.hub = (await serve(new URL(page).host)).hub;
    },
    stop: async () => {
      await browser.close();
      await edge.stop();
      await rinkside.hub.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return rinkside;
}
