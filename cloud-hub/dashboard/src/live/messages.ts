// What the worker tells the page, and the text frames of /ws/analytics it comes from.
import type { RinkMeasures } from "../rink/measures";
import type { LiveState, Side } from "./state";

export interface GameEvent {
  offset: number;
  game: number;
  captured_us: number;
  clock: { period: number; remaining_ms: number; running: boolean; home_score: number; away_score: number };
  side: Side | null;
  number: number | null;
  position_m: [number, number] | null;
  kind: string;
  detail: {
    crossing?: string;
    speed_mps?: number;
    distance_m?: number;
    zone?: string;
    reason?: string;
    length_ms?: number;
    receiver?: number;
    length_m?: number;
    length_s?: number;
    text?: string;
  };
}

export type SocketMessage =
  | { type: "hello"; protocol: number; epoch: string; offset: number; game: number | null; rink: RinkMeasures }
  | { type: "event"; event: GameEvent }
  | { type: "game"; game: number }
  | { type: "reset"; epoch: string; offset: number; reason: string };

export type Connection = "connecting" | "live" | "waiting" | "lost";

export type WorkerMessage =
  | { type: "connection"; connection: Connection }
  | { type: "hello"; game: number | null; rink: RinkMeasures }
  | { type: "game"; game: number }
  | { type: "events"; events: GameEvent[] }
  | { type: "refetch" }
  | { type: "state"; state: LiveState; arrivedMs: number };

