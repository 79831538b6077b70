/** Where the points of a line plot lie: pure arithmetic on a box of 100 by 100, whose corner 0 0 is the upper left. */

export interface Point {
  time_ms: number;
  value: number;
}

export interface Frame {
  from_ms: number;
  to_ms: number;
  low: number;
  high: number;
}

/** Points further apart are not joined: in between the device was off. */
const GAP_MS = 5 * 60_000;

export function x(frame: Frame, time_ms: number): number {
  return bounded(((time_ms - frame.from_ms) / (frame.to_ms - frame.from_ms)) * 100);
}

export function y(frame: Frame, value: number): number {
  return bounded(100 - ((value - frame.low) / (frame.high - frame.low)) * 100);
}

/** Return the line as the `d` of an SVG path; a point alone is a dot of no length, which a round cap shows. */
export function lineOf(frame: Frame, points: readonly Point[]): string {
  return runs(frame, points).map((run) => `M${joined(frame, run)}${run.length === 1 ? "h0" : ""}`).join("");
}

/** Return what lies under the line as the `d` of an SVG path. */
export function areaOf(frame: Frame, points: readonly Point[]): string {
  return runs(frame, points)
    .map((run) => {
      const [from, to] = [run[0]!, run.at(-1)!].map(({ time_ms }) => x(frame, time_ms).toFixed(2));
      return `M${from} 100L${joined(frame, run)}L${to} 100Z`;
    })
    .join("");
}

/** Return the point nearest to the share `across` of the frame's time; undefined when there is none. */
export function nearest(frame: Frame, points: readonly Point[], across: number): Point | undefined {
  const time_ms = frame.from_ms + across * (frame.to_ms - frame.from_ms);
  const seen = points.filter((point) => point.time_ms >= frame.from_ms);
  return seen.reduce<Point | undefined>((best, point) => {
    return !best || Math.abs(point.time_ms - time_ms) < Math.abs(best.time_ms - time_ms) ? point : best;
  }, undefined);
}

/** The points in the frame, cut where too much time lies between two. */
function runs(frame: Frame, points: readonly Point[]): Point[][] {
  const cut: Point[][] = [];
  for (const point of points) {
    if (point.time_ms < frame.from_ms) continue;
    const run = cut.at(-1);
    const last = run?.at(-1);
    if (run && last && point.time_ms - last.time_ms <= GAP_MS) run.push(point);
    else cut.push([point]);
  }
  return cut;
}

function joined(frame: Frame, run: readonly Point[]): string {
  return run.map(({ time_ms, value }) => at(frame, time_ms, value)).join("L");
}

function at(frame: Frame, time_ms: number, value: number): string {
  return `${x(frame, time_ms).toFixed(2)} ${y(frame, value).toFixed(2)}`;
}

function bounded(share: number): number {
  return Math.min(100, Math.max(0, share));
}
