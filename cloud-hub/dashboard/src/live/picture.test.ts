import { describe, expect, it } from "vitest";
import { Picture } from "./picture";

type Put = (view: DataView, at: number) => void;

function frame(kind: number, sequence: number, counts: [number, number, number], entries: [number, Put][]): ArrayBuffer {
  const bytes = 48 + entries.reduce((sum, [size]) => sum + size, 0);
  const view = new DataView(new ArrayBuffer(bytes));
  view.setUint8(0, 1);
  view.setUint8(1, kind);
  view.setUint8(2, 3);
  view.setUint8(3, 2);
  view.setUint8(4, 1);
  counts.forEach((count, i) => view.setUint16(6 + 2 * i, count, true));
  view.setUint32(12, sequence, true);
  view.setBigUint64(16, 2024020001n, true);
  view.setBigInt64(24, 1_700_000_000_000_000n, true);
  view.setUint32(32, 754_000, true);
  view.setInt16(36, -250, true);
  let at = 48;
  for (const [size, put] of entries) {
    put(view, at);
    at += size;
  }
  return view.buffer as ArrayBuffer;
}

const whole = (entity: number, x: number): [number, Put] => [
  14,
  (view, at) => {
    view.setUint16(at, entity, true);
    view.setUint8(at + 2, 0b1001);
    view.setUint8(at + 3, 30);
    view.setInt16(at + 4, x, true);
  },
];
const moved = (entity: number, dx: number): [number, Put] => [
  8,
  (view, at) => {
    view.setUint16(at, entity, true);
    view.setInt8(at + 2, dx);
  },
];
const gone = (entity: number): [number, Put] => [2, (view, at) => view.setUint16(at, entity, true)];

describe("Picture", () => {
  it("reads a keyframe", () => {
    const state = new Picture().take(frame(1, 4, [1, 0, 0], [whole(5, 2612)]));
    expect(state?.players).toEqual([
      { entity: 5, role: "goalie", side: "away", number: 30, x: 26.12, y: 0, vx: 0, vy: 0, sigma: 0 },
    ]);
    expect(state?.clock).toEqual({ period: 2, remainingMs: 754_000, running: true, homeScore: 1, awayScore: 0 });
    expect(state?.puck?.x).toBe(-2.5);
    expect(state?.game).toBe(2024020001);
  });

  it("adds deltas and takes away who is gone", () => {
    const picture = new Picture();
    picture.take(frame(1, 4, [2, 0, 0], [whole(5, 100), whole(6, 200)]));
    const state = picture.take(frame(2, 5, [0, 1, 1], [moved(5, -12), gone(6)]));
    expect(state?.players.map(({ entity, x }) => [entity, x])).toEqual([[5, 0.88]]);
  });

  it("leaves out a delta that does not follow", () => {
    const picture = new Picture();
    expect(picture.take(frame(2, 5, [0, 0, 0], []))).toBeUndefined();
    picture.take(frame(1, 4, [1, 0, 0], [whole(5, 100)]));
    expect(picture.take(frame(2, 6, [0, 1, 0], [moved(5, 1)]))).toBeUndefined();
    expect(picture.take(frame(2, 5, [0, 1, 0], [moved(5, 1)]))?.players[0]?.x).toBe(1.01);
  });

  it("is not moved by bytes that are no frame", () => {
    expect(new Picture().take(new ArrayBuffer(3))).toBeUndefined();
    expect(new Picture().take(frame(1, 4, [9, 0, 0], []))).toBeUndefined();
  });
});
