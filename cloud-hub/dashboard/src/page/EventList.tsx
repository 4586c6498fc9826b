// What happened, newest first.
import { useLive } from "../live/useLive";
import type { GameEvent } from "../live/messages";
import { clockText, eventText, period } from "./words";

// Shifts and passes are many; what turns a game is marked.
const marked = new Set(["goal", "penalty"]);

function Row({ event }: { event: GameEvent }) {
  const side = event.side === "home" ? "var(--home)" : event.side === "away" ? "var(--away)" : "var(--edge)";
  return (
    <li className="grid grid-cols-[5.5rem_1fr] gap-2 border-l-4 px-3 py-1.5" style={{ borderColor: side }} data-kind={event.kind}>
      <span className="text-sm tabular-nums" style={{ color: "var(--faint)" }}>
        {period(event.clock.period)} {clockText(event.clock.remaining_ms)}
      </span>
      <span className={marked.has(event.kind) ? "font-bold" : ""}>
        {event.side && <span className="sr-only">{event.side} </span>}
        {event.number != null && <span className="mr-1 font-semibold tabular-nums">#{event.number}</span>}
        <span className={event.correction?.action === "withdraw" ? "line-through" : ""}>{eventText(event)}</span>
        {event.correction && (
          <span className="ml-1 text-sm" style={{ color: "var(--faint)" }}>
            {event.correction.action === "withdraw" ? "withdrawn" : "corrected"}: {event.correction.reason}
          </span>
        )}
      </span>
    </li>
  );
}

export function EventList() {
  const events = useLive((live) => live.events);
  return (
    <section aria-label="Events" className="flex max-h-[inherit] min-h-0 flex-col rounded-lg border" style={{ background: "var(--panel)", borderColor: "var(--edge)" }}>
      <h2 className="px-3 pt-3 pb-1 text-sm font-semibold" style={{ color: "var(--faint)" }}>
        Events
      </h2>
      {events.length === 0 ? (
        <p className="px-3 pb-3 text-sm" style={{ color: "var(--faint)" }}>
          Nothing has happened yet.
        </p>
      ) : (
        <ol className="min-h-0 flex-1 space-y-1 overflow-y-auto pb-3" tabIndex={0} aria-live="polite" data-testid="events">
          {events.map((event) => (
            <Row key={event.offset} event={event} />
          ))}
        </ol>
      )}
    </section>
  );
}
