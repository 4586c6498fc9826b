// Owns the WebSocket: decodes frames, resumes after a cut, says when nothing comes. One for each page.
import type { SocketMessage, WorkerMessage } from "./messages";
import { NHL } from "../rink/measures";
import { Picture } from "./picture";

// A cut is tried again soon, then more slowly, never more than this apart.
const retryMax_ms = 5000;
// No state for this long while connected: the box is silent, and the page says so.
const silent_ms = 2000;

const post = (message: WorkerMessage) => postMessage(message);
let resume: { epoch: string; offset: number; fact: number } | undefined;
let tries = 0;
let silence: ReturnType<typeof setTimeout> | undefined;

function connect(): void {
  const url = new URL("/ws/analytics", self.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  if (resume) {
    url.searchParams.set("epoch", resume.epoch);
    url.searchParams.set("offset", String(resume.offset));
  }
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  let picture = new Picture();
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    if (typeof data !== "string") {
      const state = picture.take(data);
      if (!state) return;
      if (silence !== undefined) clearTimeout(silence);
      else post({ type: "connection", connection: "live" });
      silence = setTimeout(fellSilent, silent_ms);
      post({ type: "state", state, arrivedMs: performance.timeOrigin + performance.now() });
      return;
    }
    const message = JSON.parse(data) as SocketMessage;
    if (message.type === "hello") {
      tries = 0;
      if (resume?.epoch !== message.epoch || resume.fact !== message.fact) post({ type: "refetch" });
      resume = { epoch: message.epoch, offset: message.offset, fact: message.fact };
      post({ type: "hello", game: message.game ?? null, rink: { ...NHL, ...message.rink } });
      post({ type: "connection", connection: "waiting" });
    } else if (message.type === "event") {
      if (resume) resume.offset = message.event.offset;
      post({ type: "events", events: [message.event] });
    } else if (message.type === "correction") {
      if (resume) resume.fact = message.fact;
      post({ type: "refetch" });
    } else if (message.type === "game") {
      picture = new Picture();
      post({ type: "game", game: message.game });
    } else {
      resume = { epoch: message.epoch, offset: message.offset, fact: resume?.fact ?? 0 };
      post({ type: "refetch" });
    }
  };
  socket.onclose = () => {
    if (silence !== undefined) clearTimeout(silence);
    silence = undefined;
    post({ type: "connection", connection: "lost" });
    const wait = Math.min(250 * 2 ** tries, retryMax_ms) * (0.5 + Math.random() / 2);
    tries += 1;
    setTimeout(connect, wait);
  };
}

function fellSilent(): void {
  silence = undefined;
  post({ type: "connection", connection: "waiting" });
}

post({ type: "connection", connection: "connecting" });
connect();
