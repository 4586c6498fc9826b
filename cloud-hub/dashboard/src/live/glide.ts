// Places at display rate from states at tick rate. States come in late and unevenly; the picture is drawn a little in
// the past, between two states, or carried on with their velocity for a moment when the next is late.
import type { LiveState, Player, Puck } from "./state";

// Two ticks at 50 Hz: enough to have a state on both sides of the instant drawn.
const behindMs = 40;
// A skater at 11 m/s is 1.6 m on after this; longer guesses look worse than standing still.
const carryOnMs = 150;
// States kept: one second.
const statesMax = 50;

export class Glide {
  #states: LiveState[] = [];
  // Smallest of (here − there) over recent states: the clocks' difference plus the quickest way.
  #offsetMs = Number.POSITIVE_INFINITY;

  push(state: LiveState, arrivedMs: number): void {
    const last = this.#states.at(-1);
    if (last && (state.game !== last.game || state.capturedMs < last.capturedMs - 1000)) this.clear();
    else if (last && state.tick <= last.tick) return;
    // Lets the offset drift up by 1 ms a second, so that a slow clock or a longer way is followed.
    this.#offsetMs = Math.min(this.#offsetMs + 0.02, arrivedMs - state.capturedMs);
    this.#states.push(state);
    if (this.#states.length > statesMax) this.#states.shift();
  }

  clear(): void {
    this.#states = [];
    this.#offsetMs = Number.POSITIVE_INFINITY;
  }

  get newest(): LiveState | undefined {
    return this.#states.at(-1);
  }

  // The state to draw at `nowMs` of this machine's clock.
  at(nowMs: number): LiveState | undefined {
    const newest = this.newest;
    if (!newest) return undefined;
    const wanted = nowMs - this.#offsetMs - behindMs;
    const after = this.#states.findIndex((state) => state.capturedMs > wanted);
    if (after === -1) return carriedOn(newest, Math.min(wanted - newest.capturedMs, carryOnMs));
    const later = this.#states[after];
    const earlier = this.#states[after - 1];
    if (!later || !earlier) return this.#states[0];
    return between(earlier, later, (wanted - earlier.capturedMs) / (later.capturedMs - earlier.capturedMs));
  }
}

function carriedOn(state: LiveState, ms: number): LiveState {
  const s = ms / 1000;
  const move = <T extends { x: number; y: number; vx: number; vy: number }>(thing: T): T => ({
    ...thing,
    x: thing.x + thing.vx * s,
    y: thing.y + thing.vy * s,
  });
  return { ...state, capturedMs: state.capturedMs + ms, players: state.players.map(move), puck: state.puck && move(state.puck) };
}

function between(a: LiveState, b: LiveState, share: number): LiveState {
  const mix = (from: number, to: number) => from + (to - from) * share;
  const before = new Map(a.players.map((player) => [player.entity, player]));
  const players = b.players.map((to): Player => {
    const from = before.get(to.entity);
    return from ? { ...to, x: mix(from.x, to.x), y: mix(from.y, to.y) } : to;
  });
  const puck: Puck | null =
    a.puck && b.puck ? { ...b.puck, x: mix(a.puck.x, b.puck.x), y: mix(a.puck.y, b.puck.y) } : b.puck;
  return { ...b, capturedMs: mix(a.capturedMs, b.capturedMs), players, puck };
}
