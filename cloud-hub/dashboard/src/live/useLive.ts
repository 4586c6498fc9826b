// The page's live state: what changes seldom in a Zustand store, what changes per frame in a Glide that React never sees.
import { create } from "zustand";
import { NHL, type RinkMeasures } from "../rink/measures";
import { askWhoIAm } from "../login/useSession";
import { Glide } from "./glide";
import type { Connection, GameEvent, WorkerMessage } from "./messages";
import type { GameClock } from "./state";

// Newest events kept on the page; older ones are a click away in the hub.
const eventsMax = 200;

interface Live {
  connection: Connection;
  rink: RinkMeasures;
  game: number | null;
  clock: GameClock | null;
  onIce: number;
  // Newest first, by offset, none twice.
  events: GameEvent[];
}

export const useLive = create<Live>(() => ({
  connection: "connecting",
  rink: NHL,
  game: null,
  clock: null,
  onIce: 0,
  events: [],
}));

export const glide = new Glide();

export function addEvents(known: GameEvent[], fresh: GameEvent[]): GameEvent[] {
  const byOffset = new Map([...known, ...fresh].map((event) => [event.offset, event]));
  return [...byOffset.values()].sort((a, b) => b.offset - a.offset).slice(0, eventsMax);
}

async function refetch(): Promise<void> {
  const answer = await fetch(`/api/events/live?limit=${eventsMax}`);
  if (!answer.ok) return;
  const { events } = (await answer.json()) as { events: GameEvent[] };
  const { game } = useLive.getState();
  useLive.setState({ events: addEvents([], events.filter((event) => game === null || event.game === game)) });
}

function take(message: WorkerMessage): void {
  switch (message.type) {
    case "connection":
      useLive.setState({ connection: message.connection });
      // Perhaps the hub has closed it because whoever watches may not any more.
      if (message.connection === "lost") void askWhoIAm();
      break;
    case "hello":
      useLive.setState({ rink: message.rink, game: message.game });
      break;
    case "game":
      glide.clear();
      useLive.setState({ game: message.game, events: [] });
      break;
    case "events":
      useLive.setState(({ events }) => ({ events: addEvents(events, message.events) }));
      break;
    case "refetch":
      void refetch();
      break;
    case "state": {
      glide.push(message.state, message.arrivedMs);
      const { clock, players } = message.state;
      const shown = useLive.getState();
      // The clock is shown to the second: React hears of it when what is shown changes.
      const second = (ms: number) => Math.ceil(ms / 1000);
      const same =
        shown.clock !== null &&
        second(shown.clock.remainingMs) === second(clock.remainingMs) &&
        shown.clock.running === clock.running &&
        shown.clock.period === clock.period &&
        shown.clock.homeScore === clock.homeScore &&
        shown.clock.awayScore === clock.awayScore &&
        shown.onIce === players.length;
      if (!same) useLive.setState({ clock, onIce: players.length });
      break;
    }
  }
}

export function startLive(): () => void {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => take(data);
  return () => worker.terminate();
}
