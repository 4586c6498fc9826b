// Score, clock and period, as over the ice.
import { useLive } from "../live/useLive";
import { clockText, period, score } from "./words";

export function Scoreboard() {
  const clock = useLive((live) => live.clock);
  return (
    <section aria-label="Scoreboard" className="flex items-baseline gap-4 tabular-nums" data-testid="scoreboard">
      <span className="text-sm font-semibold" style={{ color: "var(--home)" }}>
        HOME
      </span>
      <span className="text-3xl font-bold">{clock ? score(clock) : "– – –"}</span>
      <span className="text-sm font-semibold" style={{ color: "var(--away)" }}>
        AWAY
      </span>
      <span className="ml-2 text-2xl">{clock ? clockText(clock.remainingMs) : "--:--"}</span>
      <span className="text-sm" style={{ color: "var(--faint)" }}>
        {clock ? `${period(clock.period)}${clock.running ? "" : ", stopped"}` : ""}
      </span>
    </section>
  );
}
