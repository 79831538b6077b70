import { useState } from "preact/hooks";

import { words, writeTime } from "../i18n";
import { areaOf, lineOf, nearest, x, y, type Frame, type Point } from "../line-plot";

const HOUR_MS = 3_600_000;
/** After a start the plot grows from this to the whole hour. */
const SHORTEST_MS = 600_000;

interface PlotProps {
  name: string;
  /** The class that gives its colour. */
  figure: string;
  /** The value at this moment; null when it cannot be had. */
  now: number | null;
  low: number;
  high: number;
  write: (value: number) => string;
  /** Oldest first. */
  points: readonly Point[];
  /** What is said when there is nothing to draw. */
  none: string;
}

/** One figure over the last hour. Under the pointer it tells the value of that moment. */
export function Plot({ name, figure, now, low, high, write, points, none }: PlotProps) {
  const [pointed, setPointed] = useState<Point | null>(null);
  const to_ms = points.at(-1)?.time_ms ?? 0;
  const span_ms = Math.min(HOUR_MS, Math.max(SHORTEST_MS, to_ms - (points[0]?.time_ms ?? 0)));
  const frame: Frame = { from_ms: to_ms - span_ms, to_ms, low, high };
  const highest = points.length > 0 ? Math.max(now ?? low, ...points.map(({ value }) => value)) : null;
  const shown = pointed ?? (now === null ? null : { time_ms: to_ms, value: now });
  const dotted = pointed ?? points.at(-1);
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    setPointed(nearest(frame, points, (event.clientX - box.left) / box.width) ?? null);
  };
  return (
    <figure class={`card plot plot-${figure}`} data-testid="plot" data-figure={figure}>
      <figcaption class="plot-head">
        <span class="plot-name">{name}</span>
        <strong class="plot-now">{shown === null ? "–" : write(shown.value)}</strong>
        <span class="plot-note">
          {pointed ? writeTime(new Date(pointed.time_ms)) : highest !== null && words.device.highest(write(highest))}
        </span>
      </figcaption>
      {points.length === 0 ? (
        <p class="plot-none">{none}</p>
      ) : (
        <div class="plot-box">
          <span class="plot-scale" aria-hidden="true"><span>{write(high)}</span><span>{write(low)}</span></span>
          <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img"
            aria-label={words.device.plotText(name, now === null ? "–" : write(now), write(highest ?? low))}
            onPointerMove={point} onPointerLeave={() => setPointed(null)}>
            <path class="plot-grid" d="M0 0H100M0 50H100M0 100H100" />
            <path class="plot-area" d={areaOf(frame, points)} />
            <path class="plot-line" d={lineOf(frame, points)} />
            {pointed && <path class="plot-cursor" d={`M${x(frame, pointed.time_ms)} 0V100`} />}
            {dotted && <path class="plot-dot" d={`M${x(frame, dotted.time_ms)} ${y(frame, dotted.value)}h0`} />}
          </svg>
          <span class="plot-times" aria-hidden="true">
            <time>{writeTime(new Date(frame.from_ms))}</time>
            <time>{writeTime(new Date(frame.from_ms + span_ms / 2))}</time>
            <time>{writeTime(new Date(to_ms))}</time>
          </span>
        </div>
      )}
    </figure>
  );
}
