// The live rink: markings below, skaters above, kept to the same scale.
import type { LiveState } from "../live/state";
import { Markings } from "./Markings";
import type { RinkMeasures } from "./measures";
import { Skaters } from "./Skaters";

// Room beyond the boards for a player leaning over them.
const margin_m = 1;

interface Props {
  rink: RinkMeasures;
  at: (nowMs: number) => LiveState | undefined;
  label: string;
}

export function Rink({ rink, at, label }: Props) {
  const [width, height] = [rink.length_m + 2 * margin_m, rink.width_m + 2 * margin_m];
  return (
    <div className="relative w-full" style={{ aspectRatio: `${width} / ${height}` }} role="img" aria-label={label}>
      <svg className="absolute inset-0 h-full w-full" viewBox={`${-width / 2} ${-height / 2} ${width} ${height}`} aria-hidden="true">
        <g transform="scale(1 -1)">
          <Markings rink={rink} />
        </g>
      </svg>
      <Skaters rink={rink} margin_m={margin_m} at={at} />
    </div>
  );
}
