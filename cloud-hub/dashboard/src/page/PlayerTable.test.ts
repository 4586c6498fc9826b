import { expect, test } from "vitest";
import { columns, sorted, type Line } from "./PlayerTable";

const line = (number: number, toi_ms: number | null) => ({ number, side: "home", toi_ms }) as Line;

test("greatest first, and what is not known last either way", () => {
  const lines = [line(1, null), line(2, 10), line(3, 30), line(4, 10)];
  const toi = columns[0];
  if (!toi) throw new Error("no column");
  expect(sorted(lines, toi, false).map((one) => one.number)).toEqual([3, 2, 4, 1]);
  expect(sorted(lines, toi, true).map((one) => one.number)).toEqual([2, 4, 3, 1]);
});
