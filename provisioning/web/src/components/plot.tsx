import "uplot/dist/uPlot.min.css";

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import UPlot from "uplot";

import { type Format, useFormat } from "../format";
import type { Column } from "../plot-data";
import { useShownTheme } from "../theme";

export interface Curve {
  name: string;
  /** A colour of the style sheet, by the name of its variable. */
  colour: string;
  /** "left" curves share the first axis, "right" ones the second. */
  side: "left" | "right";
  say: (value: number) => string;
  /** What stands at the axis, where that is shorter. */
  mark?: (value: number) => string;
}

interface PlotProps {
  title: string;
  testid: string;
  data: [number[], ...Column[]];
  span: [number, number];
  curves: readonly Curve[];
  /** The range of each axis, from the lowest and highest value drawn. */
  ranges: Record<Curve["side"], (high: number) => [number, number]>;
}

const HEIGHT = 168;

/** Curves over time. Its head shows the newest values, or those under the pointer. */
export function Plot({ title, testid, data, span, curves, ranges }: PlotProps) {
  const format = useFormat();
  const theme = useShownTheme();
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<UPlot | null>(null);
  const shown = useRef(span);
  const [pointed, setPointed] = useState<number | null>(null);
  shown.current = span;

  useLayoutEffect(() => {
    const holder = box.current!;
    const plot = new UPlot(options(holder, curves, ranges, format, () => shown.current, setPointed), data, holder);
    const resized = new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: HEIGHT }));
    drawn.current = plot;
    resized.observe(holder);
    return () => {
      drawn.current = null;
      resized.disconnect();
      plot.destroy();
    };
  }, [theme, format, curves]);

  useEffect(() => drawn.current?.setData(data), [data, span[0], span[1]]);

  const at = pointed ?? data[0].length - 1;
  const moment = data[0][at];
  return (
    <figure class="plot card" data-testid={testid}>
      <figcaption>
        <h3>{title}</h3>
        <span class="plot-time">{pointed !== null && moment !== undefined && format.clock(moment * 1000)}</span>
        <span class="plot-values">
          {curves.map((curve, index) => (
            <PlotValue key={curve.name} curve={curve} value={data[index + 1]?.[at] ?? null} named={curves.length > 1} />
          ))}
        </span>
      </figcaption>
      <div class="plot-box" ref={box} />
    </figure>
  );
}

function PlotValue({ curve, value, named }: { curve: Curve; value: number | null; named: boolean }) {
  return (
    <span class="plot-value">
      <i class={`swatch ${curve.colour}`} />
      {named && <span class="plot-name">{curve.name}</span>}
      <strong>{value === null ? "—" : curve.say(value)}</strong>
    </span>
  );
}

function options(
  holder: HTMLElement,
  curves: readonly Curve[],
  ranges: PlotProps["ranges"],
  format: Format,
  span: () => [number, number],
  onPoint: (index: number | null) => void,
): UPlot.Options {
  const style = getComputedStyle(holder);
  const font = `11px ${style.fontFamily}`;
  const colour = (name: string, percent = 100) =>
    resolved(holder, `color-mix(in srgb, var(--${name}) ${percent}%, transparent)`);
  const line = colour("line");
  const ink = colour("faint");
  const grid = { stroke: line, width: 1 };
  const ticks = { show: false };
  const sides = (["left", "right"] as const).filter((side) => curves.some((curve) => curve.side === side));
  return {
    width: holder.clientWidth,
    height: HEIGHT,
    padding: [8, sides.includes("right") ? 0 : 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: "health" }, points: { size: 7 } },
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)] },
    scales: {
      x: { range: () => span() },
      left: { range: (_plot, _low, high) => ranges.left(high ?? 0) },
      right: { range: (_plot, _low, high) => ranges.right(high ?? 0) },
    },
    axes: [
      {
        stroke: ink, font, ticks, grid: { show: false }, size: 26, gap: 4, space: 64,
        values: (_plot, seconds) => seconds.map((second) => timeLabel(second * 1000, format)),
      },
      ...sides.map((side) => ({
        scale: side, side: side === "left" ? 3 : 1, stroke: ink, font, ticks, size: 44, gap: 6, space: 34,
        grid: side === "left" ? grid : { show: false },
        values: (_plot: UPlot, values: number[]) => values.map(marks(curves, side)),
      })),
    ],
    series: [
      {},
      ...curves.map((curve) => ({
        scale: curve.side,
        stroke: colour(curve.colour),
        ...(curve.side === "left" && { fill: colour(curve.colour, 9) }),
        width: 1.75,
        points: { size: 4, fill: colour(curve.colour) },
      })),
    ],
  };
}

function marks(curves: readonly Curve[], side: Curve["side"]): (value: number) => string {
  const curve = curves.find((candidate) => candidate.side === side)!;
  return (value) => (curve.mark ?? curve.say)(value);
}

/** The time of day; at midnight the date. */
function timeLabel(moment: number, format: Format): string {
  const clock = format.clock(moment);
  return clock === "00:00" ? format.date(moment, moment) : clock;
}

/** What a colour of the style sheet is right now; a canvas knows no variables. */
function resolved(holder: HTMLElement, colour: string): string {
  const probe = document.createElement("span");
  probe.style.color = colour;
  holder.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
