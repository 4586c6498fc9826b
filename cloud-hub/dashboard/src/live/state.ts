// What the page knows of one game at one instant, decoded. Metres and seconds; times are milliseconds since 1970 UTC.

export type Side = "home" | "away";
export type Role = "skater" | "goalie" | "official";

export interface Player {
  entity: number;
  role: Role;
  side: Side | null;
  number: number | null;
  x: number;
  y: number;
  vx: number;
  vy: number;
  sigma: number;
}

export interface Puck {
  x: number;
  y: number;
  z: number;
  vx: number;
  vy: number;
}

export interface GameClock {
  period: number;
  remainingMs: number;
  running: boolean;
  homeScore: number;
  awayScore: number;
}

export interface LiveState {
  game: number;
  tick: number;
  capturedMs: number;
  clock: GameClock;
  puck: Puck | null;
  players: Player[];
}
