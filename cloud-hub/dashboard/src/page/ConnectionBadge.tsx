// Whether what is shown is now.
import { useLive } from "../live/useLive";
import { connectionText } from "./words";

export function ConnectionBadge() {
  const connection = useLive((live) => live.connection);
  const colour = connection === "live" ? "var(--good)" : connection === "lost" ? "var(--bad)" : "var(--faint)";
  return (
    <p role="status" className="flex items-center gap-2 text-sm font-medium" style={{ color: colour }} data-testid="connection" data-connection={connection}>
      <span className="inline-block h-2.5 w-2.5 rounded-full" style={{ background: colour }} aria-hidden="true" />
      {connectionText(connection)}
    </p>
  );
}
