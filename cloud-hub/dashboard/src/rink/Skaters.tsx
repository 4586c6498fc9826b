// Everybody on the ice and the puck, drawn on a canvas over the markings at display rate. React is not asked per frame.
import { useEffect, useRef } from "react";
import type { LiveState, Player } from "../live/state";
import type { RinkMeasures } from "./measures";

// Drawn larger than life, or nobody would see them on a phone: a skater is about 0.5 m across.
const playerRadius_m = 0.95;
const puckRadius_m = 0.38;

interface Props {
  rink: RinkMeasures;
  margin_m: number;
  at: (nowMs: number) => LiveState | undefined;
}

export function Skaters({ rink, margin_m, at }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    let request = 0;
    const colours = getComputedStyle(document.documentElement);
    const colour = (name: string) => colours.getPropertyValue(name).trim();
    const draw = () => {
      request = requestAnimationFrame(draw);
      const { clientWidth, clientHeight } = element;
      const ratio = window.devicePixelRatio || 1;
      const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
      if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, width, height);
      const state = at(performance.timeOrigin + performance.now());
      if (!state) return;
      const scale = width / (rink.length_m + 2 * margin_m);
      context.setTransform(scale, 0, 0, -scale, width / 2, height / 2);
      for (const player of state.players) drawPlayer(context, player, colour);
      if (state.puck) {
        context.beginPath();
        context.arc(state.puck.x, state.puck.y, puckRadius_m, 0, 2 * Math.PI);
        context.fillStyle = colour("--puck");
        context.fill();
        context.lineWidth = 0.1;
        context.strokeStyle = "#ffffff";
        context.stroke();
      }
    };
    draw();
    return () => cancelAnimationFrame(request);
  }, [rink, margin_m, at]);
  return <canvas ref={canvas} className="absolute inset-0 h-full w-full" aria-hidden="true" />;
}

function drawPlayer(context: CanvasRenderingContext2D, player: Player, colour: (name: string) => string): void {
  const fill = player.side === "home" ? "--home" : player.side === "away" ? "--away" : "--official";
  const official = player.role === "official";
  context.beginPath();
  if (player.role === "goalie") {
    const r = playerRadius_m * 0.95;
    context.roundRect(player.x - r, player.y - r, 2 * r, 2 * r, 0.35);
  } else {
    context.arc(player.x, player.y, official ? playerRadius_m * 0.7 : playerRadius_m, 0, 2 * Math.PI);
  }
  context.fillStyle = colour(fill);
  context.globalAlpha = official ? 0.6 : 1;
  context.fill();
  context.lineWidth = 0.12;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.globalAlpha = 1;
  if (player.number === null || official) return;
  // Text is drawn upright: the y axis points up here.
  context.save();
  context.translate(player.x, player.y);
  context.scale(1, -1);
  context.font = "bold 1px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = "#ffffff";
  context.fillText(String(player.number), 0, 0.05);
  context.restore();
}
