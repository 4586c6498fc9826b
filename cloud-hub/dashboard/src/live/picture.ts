// The binary frames of /ws/analytics, decoded. The layout stands in cloud-hub/src/services/core/live_frame.rs.
//
// Comes in: frames in the order received. Goes out: the newest state, in metres. A delta that does not follow what is
// held is left out; the hub sends a keyframe at least once a second.
import type { LiveState, Player, Role, Side } from "./state";

const version = 1;
const keyframe = 1;
const headerBytes = 48;
const wholeBytes = 14;
const movedBytes = 8;
const numberUnknown = 255;
const roles: Role[] = ["skater", "goalie", "official"];
const sides: (Side | null)[] = [null, "home", "away"];

// Whole centimetres, so that summed differences stay exact.
interface Entry {
  role: Role;
  side: Side | null;
  number: number | null;
  x: number;
  y: number;
  vx: number;
  vy: number;
  sigma: number;
}

export class Picture {
  #entries = new Map<number, Entry>();
  #sequence: number | null = null;

  // The state after this frame; undefined when the frame cannot be used.
  take(frame: ArrayBuffer): LiveState | undefined {
    const view = new DataView(frame);
    if (frame.byteLength < headerBytes || view.getUint8(0) !== version) return undefined;
    const whole = view.getUint16(6, true);
    const moved = view.getUint16(8, true);
    const gone = view.getUint16(10, true);
    const sequence = view.getUint32(12, true);
    if (frame.byteLength !== headerBytes + whole * wholeBytes + moved * movedBytes + gone * 2) return undefined;
    if (view.getUint8(1) === keyframe) this.#entries.clear();
    else if (this.#sequence === null || (this.#sequence + 1) >>> 0 !== sequence) return undefined;
    this.#sequence = sequence;

    let at = headerBytes;
    for (let i = 0; i < whole; i += 1, at += wholeBytes) {
      const kind = view.getUint8(at + 2);
      const number = view.getUint8(at + 3);
      this.#entries.set(view.getUint16(at, true), {
        role: roles[kind & 3] ?? "skater",
        side: sides[(kind >> 2) & 3] ?? null,
        number: number === numberUnknown ? null : number,
        x: view.getInt16(at + 4, true),
        y: view.getInt16(at + 6, true),
        vx: view.getInt16(at + 8, true),
        vy: view.getInt16(at + 10, true),
        sigma: view.getUint8(at + 12),
      });
    }
    for (let i = 0; i < moved; i += 1, at += movedBytes) {
      const entry = this.#entries.get(view.getUint16(at, true));
      if (!entry) continue;
      entry.x += view.getInt8(at + 2);
      entry.y += view.getInt8(at + 3);
      entry.vx += view.getInt8(at + 4);
      entry.vy += view.getInt8(at + 5);
      entry.sigma = view.getUint8(at + 6);
    }
    for (let i = 0; i < gone; i += 1, at += 2) this.#entries.delete(view.getUint16(at, true));
    return this.#state(view, sequence);
  }

  #state(view: DataView, sequence: number): LiveState {
    const flags = view.getUint8(2);
    const m = (offset: number) => view.getInt16(offset, true) / 100;
    const players: Player[] = [];
    for (const [entity, { role, side, number, x, y, vx, vy, sigma }] of this.#entries) {
      players.push({ entity, role, side, number, x: x / 100, y: y / 100, vx: vx / 100, vy: vy / 100, sigma: sigma / 100 });
    }
    return {
      game: Number(view.getBigUint64(16, true)),
      tick: sequence,
      capturedMs: Number(view.getBigInt64(24, true)) / 1000,
      clock: {
        period: view.getUint8(3),
        remainingMs: view.getUint32(32, true),
        running: (flags & 1) !== 0,
        homeScore: view.getUint8(4),
        awayScore: view.getUint8(5),
      },
      puck: flags & 2 ? { x: m(36), y: m(38), z: m(40), vx: m(42), vy: m(44) } : null,
      players,
    };
  }
}
