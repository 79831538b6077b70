import { useMemo, useState } from "preact/hooks";

import { useFormat } from "../format";
import { useConnection, useFollowed, useNow } from "../hooks";
import { useWords } from "../i18n";
import type { Telemetry } from "../model";
import { shownSpan, withGaps } from "../plot-data";
import { telemetryAfter } from "../store";
import { Trouble } from "./empty";
import { type Curve, Plot } from "./plot";

const HOURS = [1, 24, 168] as const;
const SPAN_RENEWED_MS = 10_000;

/** The readings of a device over time, live. */
export function Health({ id }: { id: string }) {
  const words = useWords();
  const format = useFormat();
  const { api } = useConnection();
  const [hours, setHours] = useState<number>(24);
  const telemetry = useFollowed(
    `telemetry ${id} ${hours}`,
    () => api.telemetry(id, hours),
    (value, events) => telemetryAfter(value, events, id, hours),
  );
  const agent = telemetry.value?.series.rss.at(-1);
  return (
    <section class="section" data-testid="health">
      <div class="section-head">
        <h2>{words.health}</h2>
        {agent != null && <span class="section-note">{words.agentMemory(format.bytes(agent))}</span>}
        <div class="segments" role="group" aria-label={words.range}>
          {HOURS.map((choice) => (
            <button
              key={choice}
              data-testid={`hours-${choice}`}
              aria-pressed={choice === hours}
              onClick={() => setHours(choice)}
            >
              {words.hours(choice)}
            </button>
          ))}
        </div>
      </div>
      {telemetry.error && !telemetry.value ? <Trouble error={telemetry.error} onAgain={telemetry.reload} /> : null}
      {telemetry.value && <Plots telemetry={telemetry.value} hours={hours} />}
      {!telemetry.value && !telemetry.error && <div class="plots waiting" role="status" aria-label={words.loading} />}
    </section>
  );
}

const RANGES = {
  left: (): [number, number] => [0, 1],
  right: (high: number): [number, number] => [0, Math.max(1, high * 1.15)],
};
const TEMPERATURE_RANGES = { ...RANGES, left: (high: number): [number, number] => [20, Math.max(85, high * 1.05)] };
const LOAD_RANGES = { ...RANGES, left: RANGES.right };

function Plots({ telemetry, hours }: { telemetry: Telemetry; hours: number }) {
  const words = useWords();
  const format = useFormat();
  const now = useNow(SPAN_RENEWED_MS);
  const hasSensor = telemetry.series.temperature.some((value) => value !== null);
  const span = shownSpan(telemetry.time, hours, now / 1000);
  const data = useMemo(
    () => ({
      use: withGaps(telemetry, ["cpu", "memory"]),
      disk: withGaps(telemetry, ["disk"]),
      heat: withGaps(telemetry, hasSensor ? ["temperature", "load"] : ["load"]),
    }),
    [telemetry, hasSensor],
  );
  const curves = useMemo(() => {
    const side = hasSensor ? "right" : "left";
    const load: Curve = { name: words.load, colour: "load", side, say: format.load, mark: String };
    const temperature: Curve = { name: words.temperature, colour: "heat", side: "left", say: format.degrees };
    return {
      use: [
        { name: words.cpu, colour: "cpu", side: "left", say: format.percent },
        { name: words.memory, colour: "memory", side: "left", say: format.percent },
      ] satisfies Curve[],
      disk: [{ name: words.disk, colour: "disk", side: "left", say: format.percent }] satisfies Curve[],
      heat: hasSensor ? [temperature, load] : [load],
    };
  }, [words, format, hasSensor]);

  if (!telemetry.time.length) return <div class="plots-empty card">{words.noReadings}</div>;
  return (
    <div class="plots">
      <Plot
        testid="plot-use"
        title={words.cpuAndMemory}
        data={data.use}
        span={span}
        curves={curves.use}
        ranges={RANGES}
      />
      <Plot testid="plot-disk" title={words.disk} data={data.disk} span={span} curves={curves.disk} ranges={RANGES} />
      <Plot
        testid="plot-heat"
        title={hasSensor ? words.temperatureAndLoad : words.load}
        data={data.heat}
        span={span}
        curves={curves.heat}
        ranges={hasSensor ? TEMPERATURE_RANGES : LOAD_RANGES}
      />
    </div>
  );
}
