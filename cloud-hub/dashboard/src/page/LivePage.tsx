// The live page: the rink as it is now, the scoreboard, what happened, and whether the connection holds.
import { useCallback, useEffect } from "react";
import { logOut, useSession } from "../login/useSession";
import { glide, startLive, useLive } from "../live/useLive";
import { Rink } from "../rink/Rink";
import { ConnectionBadge } from "./ConnectionBadge";
import { EventList } from "./EventList";
import { PlayerTable } from "./PlayerTable";
import { Scoreboard } from "./Scoreboard";

export function LivePage() {
  useEffect(startLive, []);
  const rink = useLive((live) => live.rink);
  const onIce = useLive((live) => live.onIce);
  const name = useSession((session) => session.name);
  const at = useCallback((nowMs: number) => glide.at(nowMs), []);
  return (
    <div className="mx-auto flex min-h-screen max-w-[1800px] flex-col gap-4 p-4">
      <header className="flex flex-wrap items-center justify-between gap-x-8 gap-y-2">
        <h1 className="text-xl font-semibold">Jarvis Rinkside</h1>
        <Scoreboard />
        <ConnectionBadge />
        {name && (
          <button type="button" className="text-sm underline" onClick={() => void logOut()}>
            Log {name} out
          </button>
        )}
      </header>
      <main className="grid flex-1 gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="flex min-w-0 flex-col gap-2">
          <Rink rink={rink} at={at} label={`The rink, ${onIce} people on the ice`} />
          <p className="text-sm" style={{ color: "var(--faint)" }} data-testid="on-ice">
            {onIce} on the ice
          </p>
          <PlayerTable />
        </div>
        <div className="max-h-[80vh] min-h-64 lg:max-h-[calc(100vh-6rem)]">
          <EventList />
        </div>
      </main>
    </div>
  );
}
