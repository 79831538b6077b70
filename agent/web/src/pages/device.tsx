import { Fetched } from "../components/empty";
import { useDevice, useLoaded } from "../components/hooks";
import { Page } from "../components/page";
import { Plot } from "../components/plot";
import { words, writeBytes, writeCount, writeDegrees, writePercent, writeSpan } from "../i18n";
import type { TaskState } from "../model";
import type { Departed, Health, Sample } from "../owner";
import { channelName } from "../components/names";
import { Keys } from "./keys";
import { Fact } from "./task";
import { Browser } from "./you";

const EVERY_MS = 10_000;

/** How the device is, what has left it, and how its owner gets in. */
export function DevicePage() {
  const { api } = useDevice();
  const health = useLoaded("health", () => api.health(), { every_ms: EVERY_MS });
  return (
    <Page title={words.device.title} testid="device">
      <Fetched from={health}>
        {(value) => (
          <>
            <Plots health={value} />
            <Facts health={value} />
            <Egress departed={value.egress} />
          </>
        )}
      </Fetched>
      <Keys />
      <Browser />
    </Page>
  );
}

type Figure = "cpu" | "memory" | "disk" | "temperature";

/** On which scale each figure is drawn: from, to, and how a value is written. */
const SCALES: Readonly<Record<Figure, { low: number; high: number; write: (value: number) => string }>> = {
  cpu: { low: 0, high: 1, write: writePercent },
  memory: { low: 0, high: 1, write: writePercent },
  disk: { low: 0, high: 1, write: writePercent },
  temperature: { low: 20, high: 100, write: writeDegrees },
};

function Plots({ health: { health, samples } }: { health: Health }) {
  return (
    <section class="section" aria-labelledby="health">
      <h2 id="health">{words.device.health}</h2>
      <p class="section-text">{words.device.lastHour}</p>
      <div class="plots" data-testid="plots">
        {(Object.keys(SCALES) as Figure[]).map((figure) => (
          <Plot key={figure} name={words.device[figure]} figure={figure} now={health[figure]} {...SCALES[figure]}
            points={pointsOf(samples, figure)}
            none={figure === "temperature" && health.temperature === null
              ? words.device.noSensor
              : words.device.noSamples} />
        ))}
      </div>
    </section>
  );
}

function pointsOf(samples: readonly Sample[], figure: Figure) {
  return samples.flatMap((sample) => {
    const value = sample[figure];
    return value === null ? [] : [{ time_ms: sample.time_ms, value }];
  });
}

function Facts({ health: { health, uptime_s, release, tasks, undelivered, link, address } }: { health: Health }) {
  const { me } = useDevice();
  return (
    <section class="section" aria-labelledby="facts">
      <h2 id="facts">{words.device.facts}</h2>
      <dl class="card facts" data-testid="facts">
        <Fact name={words.device.address} value={address} isCode />
        <Fact name={words.device.idLabel} value={me.device.id} isCode />
        <Fact name={words.device.release} value={release} />
        <Fact name={words.device.uptime} value={writeSpan(uptime_s)} />
        <Fact name={words.device.agent} value={writeBytes(health.rss)} />
        <Fact name={words.device.load} value={health.load.toFixed(2)} />
        <Fact name={words.device.tasks} value={taskCounts(tasks)} />
        <Fact name={words.device.undelivered} value={undeliveredCounts(undelivered)} />
        <Fact name={words.device.manager} value={managerState(link)} />
      </dl>
    </section>
  );
}

function taskCounts(tasks: Health["tasks"]): string {
  return writeCounts(tasks, (state) => (words.tasks.states[state as TaskState] ?? state).toLowerCase()) || "0";
}

function undeliveredCounts(undelivered: Health["undelivered"]): string {
  const { undeliveredStates, undeliveredNone } = words.device;
  return writeCounts(undelivered, (state) => undeliveredStates[state] ?? state) || undeliveredNone;
}

/** Write how many there are of each state; states with one name are counted together. */
function writeCounts(states: Readonly<Record<string, number>>, nameOf: (state: string) => string): string {
  const counts = new Map<string, number>();
  for (const [state, count] of Object.entries(states)) {
    if (count > 0) counts.set(nameOf(state), (counts.get(nameOf(state)) ?? 0) + count);
  }
  return [...counts].map(([name, count]) => `${writeCount(count)} ${name}`).join(", ");
}

function managerState(link: Health["link"]): string {
  if (link === null) return words.device.managerNone;
  return link.connected ? words.device.managerOn : words.device.managerOff(link.outbox);
}

function Egress({ departed }: { departed: readonly Departed[] }) {
  return (
    <section class="section" aria-labelledby="egress">
      <h2 id="egress">{words.device.egress}</h2>
      <p class="section-text">{words.device.egressText}</p>
      {departed.length === 0 ? (
        <p class="card result-none" data-testid="egress-none">{words.device.egressNone}</p>
      ) : (
        <div class="card table-box">
          <table class="table" data-testid="egress">
            <thead>
              <tr>
                <th scope="col">{words.device.destination}</th>
                <th scope="col">{words.device.kind}</th>
                <th scope="col" class="figure">{words.device.count}</th>
                <th scope="col" class="figure">{words.device.bytes}</th>
              </tr>
            </thead>
            <tbody>
              {departed.map(({ destination, kind, count, bytes }) => (
                <tr key={`${destination} ${kind}`}>
                  <td>{destination === "manager" ? words.device.manager : channelName(destination)}</td>
                  <td>{words.device.kinds[kind] ?? kind}</td>
                  <td class="figure">{writeCount(count)}</td>
                  <td class="figure">{writeBytes(bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
