// What the worker tells the page, and the text frames of /ws/analytics it comes from.
import type { components } from "../hub/schema";
import type { RinkMeasures } from "../rink/measures";
import type { LiveState } from "./state";

export type GameEvent = components["schemas"]["EventView"];
export type SocketMessage = components["schemas"]["SocketMessage"];

export type Connection = "connecting" | "live" | "waiting" | "lost";

export type WorkerMessage =
  | { type: "connection"; connection: Connection }
  | { type: "hello"; game: number | null; rink: RinkMeasures }
  | { type: "game"; game: number }
  | { type: "events"; events: GameEvent[] }
  | { type: "refetch" }
  | { type: "state"; state: LiveState; arrivedMs: number };

