import { expect, it } from "vitest";
import { clockText, period } from "./words";

it("shows the clock as the scoreboard does", () => {
  expect(clockText(1_200_000)).toBe("20:00");
  expect(clockText(59_001)).toBe("1:00");
  expect(clockText(500)).toBe("0:01");
  expect(clockText(0)).toBe("0:00");
});

it("names periods", () => {
  expect([0, 1, 3, 4, 5].map(period)).toEqual(["before the game", "1st", "3rd", "OT", "2OT"]);
});
