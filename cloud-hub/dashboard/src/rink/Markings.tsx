// The ice with its lines, circles and goals, drawn to scale: one SVG unit is one metre, y up as on the ice.
import { goalLineReach, type RinkMeasures } from "./measures";

const lineRed = "var(--line-red)";
const lineBlue = "var(--line-blue)";

// Line widths of the rule book: 12 in for blue and centre lines, 2 in for the others.
const wide = 0.3048;
const thin = 0.0508;

function End({ rink, side }: { rink: RinkMeasures; side: 1 | -1 }) {
  const goal = rink.goal_line_m * side;
  const reach = goalLineReach(rink);
  const post = rink.goal_width_m / 2;
  return (
    <g fill="none" strokeWidth={thin}>
      <line x1={rink.blue_line_m * side} x2={rink.blue_line_m * side} y1={-rink.width_m / 2} y2={rink.width_m / 2} stroke={lineBlue} strokeWidth={wide} />
      <line x1={goal} x2={goal} y1={-reach} y2={reach} stroke={lineRed} />
      <path
        d={`M ${goal} ${rink.crease_m} A ${rink.crease_m} ${rink.crease_m} 0 0 ${side === 1 ? 1 : 0} ${goal} ${-rink.crease_m}`}
        fill="#9cc9ee"
        stroke={lineRed}
      />
      <path d={`M ${goal} ${-post} h ${1.02 * side} v ${2 * post} h ${-1.02 * side}`} stroke={lineRed} strokeWidth={2 * thin} />
      {[1, -1].map((across) => (
        <g key={across}>
          <circle cx={rink.end_spot_m * side} cy={rink.spot_across_m * across} r={rink.circle_m} stroke={lineRed} />
          <circle cx={rink.end_spot_m * side} cy={rink.spot_across_m * across} r={0.3} fill={lineRed} />
          <circle cx={rink.neutral_spot_m * side} cy={rink.spot_across_m * across} r={0.3} fill={lineRed} />
        </g>
      ))}
    </g>
  );
}

export function Markings({ rink }: { rink: RinkMeasures }) {
  const boards = {
    x: -rink.length_m / 2,
    y: -rink.width_m / 2,
    width: rink.length_m,
    height: rink.width_m,
    rx: rink.corner_m,
  };
  return (
    <g>
      <clipPath id="inside-boards">
        <rect {...boards} />
      </clipPath>
      <rect {...boards} fill="var(--ice)" />
      <g clipPath="url(#inside-boards)">
        <line x1={0} x2={0} y1={-rink.width_m / 2} y2={rink.width_m / 2} stroke={lineRed} strokeWidth={wide} />
        <circle r={rink.circle_m} fill="none" stroke={lineBlue} strokeWidth={thin} />
        <circle r={0.15} fill={lineBlue} />
        <End rink={rink} side={1} />
        <End rink={rink} side={-1} />
      </g>
      <rect {...boards} fill="none" stroke="var(--boards)" strokeWidth={0.25} />
    </g>
  );
}
