import { expect, it } from "vitest";
import type { GameEvent } from "./messages";
import { addEvents } from "./useLive";

const event = (offset: number): GameEvent => ({
  offset,
  game: 1,
  uncertainty_us: 0,
  captured_us: offset,
  clock: { period: 1, remaining_ms: 0, running: true, home_score: 0, away_score: 0 },
  side: "home",
  number: 9,
  position_m: null,
  kind: "shot",
  detail: {},
});

it("keeps events newest first and none twice", () => {
  const list = addEvents([event(3), event(2)], [event(4), event(3), event(1)]);
  expect(list.map(({ offset }) => offset)).toEqual([4, 3, 2, 1]);
});
