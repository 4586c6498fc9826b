// What everybody has done in the game that is shown: a table, sorted by any column, asked for again every ten seconds.
import { useEffect, useState } from "react";
import type { components } from "../hub/schema";
import { useLive } from "../live/useLive";

export type Line = components["schemas"]["PlayerStatistics"];
type GamePlayers = components["schemas"]["GamePlayers"];

const ASK_EVERY_MS = 10_000;

interface Column {
  title: string;
  says: string;
  of: (line: Line) => number | null;
  text?: (value: number) => string;
}

const minutes = (ms: number) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;
const percent = (share: number) => `${Math.round(share * 100)} %`;

export const columns: Column[] = [
  { title: "TOI", says: "time on the ice while play was on", of: (line) => line.toi_ms ?? null, text: minutes },
  { title: "Shifts", says: "shifts", of: (line) => line.shifts?.count ?? null },
  { title: "Mean", says: "mean length of a shift, seconds", of: (line) => line.shifts?.mean_ms ?? null, text: (ms) => `${Math.round(ms / 1000)} s` },
  { title: "G", says: "goals", of: (line) => line.goals },
  { title: "A", says: "assists, by the passes that were seen", of: (line) => line.assists },
  { title: "SOG", says: "shots on goal", of: (line) => line.shots_on_goal },
  { title: "CF", says: "attempts for while on the ice", of: (line) => line.on_ice.corsi_for },
  { title: "CA", says: "attempts against while on the ice", of: (line) => line.on_ice.corsi_against },
  { title: "CF %", says: "share of attempts while on the ice", of: (line) => line.on_ice.corsi_share ?? null, text: percent },
  { title: "PDO", says: "shooting plus saving while on the ice", of: (line) => line.on_ice.pdo ?? null, text: (pdo) => pdo.toFixed(3) },
  { title: "Entries", says: "entries into the offensive zone", of: (line) => line.entries },
  { title: "km", says: "distance skated", of: (line) => line.skating?.distance_m ?? null, text: (metres) => (metres / 1000).toFixed(2) },
  { title: "Top", says: "greatest speed, km/h", of: (line) => line.skating?.speed_max_mps ?? null, text: (mps) => (mps * 3.6).toFixed(1) },
  { title: "Bursts", says: "bursts above 18 mph", of: (line) => (line.skating ? line.skating.bursts_18_mph + line.skating.bursts_20_mph + line.skating.bursts_22_mph : null) },
  { title: "Puck", says: "time with the puck", of: (line) => line.skating?.possession_ms ?? null, text: minutes },
];

// Greatest first; what is not known comes last, and equals stay as the hub lists them.
export function sorted(lines: Line[], column: Column, rising: boolean): Line[] {
  return [...lines].sort((one, other) => {
    const [a, b] = [column.of(one), column.of(other)];
    if (a === null || b === null) return (a === null ? 1 : 0) - (b === null ? 1 : 0);
    return rising ? a - b : b - a;
  });
}

function useLines(game: number | null): Line[] {
  const [lines, setLines] = useState<Line[]>([]);
  useEffect(() => {
    setLines([]);
    if (game === null) return;
    const ended = new AbortController();
    const ask = async () => {
      try {
        const answer = await fetch(`/api/core/games/${game}/statistics/players`, { signal: ended.signal });
        if (answer.ok) setLines(((await answer.json()) as GamePlayers).players);
      } catch {
        // The connection badge says that the hub is away; the last figures stay.
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), ASK_EVERY_MS);
    return () => {
      ended.abort();
      clearInterval(timer);
    };
  }, [game]);
  return lines;
}

export function PlayerTable() {
  const lines = useLines(useLive((live) => live.game));
  const [by, setBy] = useState({ at: 0, rising: false });
  const column = columns[by.at];
  if (lines.length === 0 || !column) return null;
  return (
    <section aria-label="Players" className="overflow-x-auto rounded-lg border" style={{ background: "var(--panel)", borderColor: "var(--edge)" }}>
      <table className="w-full border-collapse text-sm whitespace-nowrap tabular-nums" data-testid="players">
        <caption className="px-3 pt-3 pb-1 text-left font-semibold" style={{ color: "var(--faint)" }}>
          Players
        </caption>
        <thead>
          <tr>
            <th scope="col" className="px-3 py-1.5 text-left">
              Player
            </th>
            {columns.map((one, at) => (
              <th key={one.title} scope="col" className="text-right" aria-sort={at !== by.at ? "none" : by.rising ? "ascending" : "descending"}>
                <button type="button" title={one.says} className="px-2 py-1.5 font-semibold" onClick={() => setBy({ at, rising: at === by.at && !by.rising })}>
                  {one.title}
                  <span aria-hidden="true">{at !== by.at ? "" : by.rising ? " ▲" : " ▼"}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted(lines, column, by.rising).map((line) => (
            <tr key={`${line.side}${line.number}`} className="border-t" style={{ borderColor: "var(--edge)" }}>
              <th scope="row" className="border-l-4 px-3 py-1 text-left font-semibold" style={{ borderColor: `var(--${line.side})` }}>
                <span className="sr-only">{line.side} </span>#{line.number}
                {line.goalie && <span style={{ color: "var(--faint)" }}> G</span>}
              </th>
              {columns.map((one) => {
                const value = one.of(line);
                return (
                  <td key={one.title} className="px-2 py-1 text-right">
                    {value === null ? "–" : (one.text ?? String)(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
