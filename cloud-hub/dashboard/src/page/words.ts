// Events, clocks and sides in the words a person reads.
import type { Connection, GameEvent } from "../live/messages";
import type { GameClock } from "../live/state";

export function period(n: number): string {
  if (n === 0) return "before the game";
  return n <= 3 ? ["1st", "2nd", "3rd"][n - 1] ?? "" : n === 4 ? "OT" : `${n - 3}OT`;
}

export function clockText(remaining_ms: number): string {
  const seconds = Math.ceil(remaining_ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function score(clock: GameClock): string {
  return `${clock.homeScore} – ${clock.awayScore}`;
}

const connectionWords: Record<Connection, string> = {
  connecting: "connecting",
  live: "live",
  waiting: "connected, no game is being seen",
  lost: "connection lost, trying again",
};
export const connectionText = (connection: Connection) => connectionWords[connection];

const titles: Record<string, string> = {
  zone_entry: "Zone entry",
  zone_exit: "Zone exit",
  shot: "Shot",
  goal: "Goal",
  face_off: "Face-off",
  stoppage: "Stoppage",
  play_start: "Play on",
  shift_start: "Shift starts",
  shift_end: "Shift ends",
  pass: "Pass",
  penalty: "Penalty",
  period_start: "Period starts",
  period_end: "Period ends",
  note: "Note",
};

export function eventText({ kind, detail }: GameEvent): string {
  const title = titles[kind] ?? kind;
  const parts = [
    detail.crossing,
    detail.zone && `${detail.zone} zone`,
    detail.reason,
    detail.speed_mps != null && `${Math.round(detail.speed_mps * 3.6)} km/h`,
    detail.distance_m != null && `from ${detail.distance_m.toFixed(0)} m`,
    detail.receiver != null && `to ${detail.receiver}`,
    detail.length_ms != null && `${Math.round(detail.length_ms / 1000)} s`,
    detail.length_s != null && `${Math.round(detail.length_s / 60)} min`,
    detail.text,
  ].filter((part): part is string => Boolean(part));
  return parts.length ? `${title}: ${parts.join(", ")}` : title;
}
