// One rink's measures in metres, as the hub says them; NHL until it has. Origin at centre ice, x along, y across.

export interface RinkMeasures {
  length_m: number;
  width_m: number;
  corner_m: number;
  goal_line_m: number;
  blue_line_m: number;
  end_spot_m: number;
  neutral_spot_m: number;
  spot_across_m: number;
  circle_m: number;
  goal_width_m: number;
  crease_m: number;
}

const foot = 0.3048;

// NHL rule book, section 1: 200 × 85 ft, corners 28 ft.
export const NHL: RinkMeasures = {
  length_m: 200 * foot,
  width_m: 85 * foot,
  corner_m: 28 * foot,
  goal_line_m: 89 * foot,
  blue_line_m: 25 * foot,
  end_spot_m: 69 * foot,
  neutral_spot_m: 20 * foot,
  spot_across_m: 22 * foot,
  circle_m: 15 * foot,
  goal_width_m: 6 * foot,
  crease_m: 6 * foot,
};

// How far up the goal line reaches before it meets the boards' corner.
export function goalLineReach(rink: RinkMeasures): number {
  const intoCorner = Math.max(0, rink.goal_line_m - (rink.length_m / 2 - rink.corner_m));
  return rink.width_m / 2 - rink.corner_m + Math.sqrt(Math.max(0, rink.corner_m ** 2 - intoCorner ** 2));
}
