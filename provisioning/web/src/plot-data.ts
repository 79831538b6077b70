/** Readings as a plot wants them. Pure. */

import type { Reading, Telemetry } from "./model";

export type Column = (number | null)[];

/** A device reports every 30 s; a silence this long is drawn as a gap, never as a straight line. */
const SILENCE_S = 150;
const STEPS_OF_SILENCE = 3;

/** Return the time and the named columns, with an empty row wherever the device was silent. */
export function withGaps(telemetry: Telemetry, names: readonly Reading[]): [number[], ...Column[]] {
  const { time, series } = telemetry;
  const silence = Math.max(SILENCE_S, STEPS_OF_SILENCE * usualStep(time));
  const times: number[] = [];
  const columns = names.map((): Column => []);
  time.forEach((second, index) => {
    const before = time[index - 1];
    if (before !== undefined && second - before > silence) {
      times.push((before + second) / 2);
      for (const column of columns) column.push(null);
    }
    times.push(second);
    columns.forEach((column, at) => column.push(series[names[at]!][index] ?? null));
  });
  return [times, ...columns];
}

/** The median of the steps, in seconds. */
function usualStep(time: readonly number[]): number {
  const steps = time.slice(1).map((second, index) => second - time[index]!);
  return steps.sort((a, b) => a - b)[steps.length >> 1] ?? 0;
}

const SHORTEST_S = 15 * 60;

/**
 * The span of time to draw, in Unix seconds: the last `hours`, but for a device that has reported for less only the
 * time since its first reading, at least a quarter of an hour.
 */
export function shownSpan(time: readonly number[], hours: number, now: number): [number, number] {
  const end = Math.max(now, time.at(-1) ?? 0);
  const first = time[0] ?? end;
  return [Math.min(Math.max(first, end - hours * 3600), end - SHORTEST_S), end];
}
