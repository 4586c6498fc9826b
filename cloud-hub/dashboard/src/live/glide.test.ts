import { describe, expect, it } from "vitest";
import { Glide } from "./glide";
import type { LiveState } from "./state";

function state(tick: number, x: number, over: Partial<LiveState> = {}): LiveState {
  return {
    game: 1,
    tick,
    capturedMs: tick * 20,
    clock: { period: 1, remainingMs: 1_200_000, running: true, homeScore: 0, awayScore: 0 },
    puck: null,
    players: [{ entity: 7, role: "skater", side: "home", number: 9, x, y: 0, vx: 5, vy: 0, sigma: 0.1 }],
    ...over,
  };
}

describe("Glide", () => {
  it("draws between two states", () => {
    const glide = new Glide();
    for (let tick = 0; tick <= 10; tick += 1) glide.push(state(tick, tick * 0.1), tick * 20 + 1000);
    // 1000 ms apart, 40 ms behind: at 1150 the instant drawn is 110, half way between ticks 5 and 6.
    expect(glide.at(1150)?.players[0]?.x).toBeCloseTo(0.55, 2);
  });

  it("carries on for a moment, then stands", () => {
    const glide = new Glide();
    glide.push(state(0, 0), 1000);
    expect(glide.at(1140)?.players[0]?.x).toBeCloseTo(0.5, 2);
    expect(glide.at(60_000)?.players[0]?.x).toBeCloseTo(0.75, 2);
  });

  it("takes no state twice and none that is older", () => {
    const glide = new Glide();
    glide.push(state(5, 1), 1100);
    glide.push(state(4, 9), 1101);
    glide.push(state(5, 9), 1102);
    expect(glide.newest?.players[0]?.x).toBe(1);
  });

  it("begins again with another game", () => {
    const glide = new Glide();
    glide.push(state(500, 1), 11_000);
    glide.push(state(0, 2, { game: 2 }), 11_020);
    expect(glide.newest?.game).toBe(2);
  });
});
