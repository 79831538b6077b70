import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { startOfDay, useFormat } from "../format";
import { useNow } from "../hooks";
import { useWords } from "../i18n";
import { countsOf } from "../listing";
import type { Device } from "../model";
import type { Arrivals, Devices, Waiting } from "../store";

interface SummaryProps {
  devices: Devices;
  arrivals: Arrivals | null;
  waiting: Waiting;
}

/** The fleet in a few figures. */
export function Summary({ devices, arrivals, waiting }: SummaryProps) {
  const words = useWords();
  const format = useFormat();
  const totals = useMemo(() => ({ ...countsOf(devices), ...workOf(devices) }), [devices]);
  const absent = [
    totals.offline ? words.offlineCount(format.count(totals.offline)) : "",
    totals.never ? words.neverCount(format.count(totals.never)) : "",
  ].filter(Boolean);
  return (
    <section class="summary" data-testid="summary">
      <Tile name={words.onlineNow} figure={format.count(totals.online)} testid="summary-online">
        <span class="tile-of">{words.ofTotal(format.count(devices.size))}</span>
        <div class="tile-bar">
          <span style={{ width: `${devices.size ? (100 * totals.online) / devices.size : 0}%` }} />
        </div>
        <p>{absent.join(" · ") || (devices.size > 0 && words.allOnline)}</p>
      </Tile>
      <Tile name={words.tasksRunning} figure={format.count(totals.running)} testid="summary-running">
        <p>
          {words.waitingCount(format.count(totals.waiting))} ·{" "}
          <span class={totals.failed ? "is-bad" : undefined}>{words.failedCount(format.count(totals.failed))}</span>
        </p>
      </Tile>
      <Results arrivals={arrivals} />
      <Tile name={words.waitingForYou} figure={format.count(waiting.requests)} testid="summary-waiting">
        <p>
          <a class="link" href="#/people">
            {waiting.requests ? words.requestsCount(format.count(waiting.requests)) : words.nothingWaits}
          </a>{" "}
          ·{" "}
          <a class={waiting.channels ? "link is-bad" : "link"} href="#/channels?show=trouble">
            {words.channelsInTrouble(format.count(waiting.channels))}
          </a>
        </p>
      </Tile>
    </section>
  );
}

function Results({ arrivals }: { arrivals: Arrivals | null }) {
  const words = useWords();
  const format = useFormat();
  const now = useNow();
  const from = Math.max(arrivals?.from ?? 0, startOfDay(now));
  const counted = arrivals ? [...arrivals.created.values()].filter((created) => created >= from) : [];
  const name = from === startOfDay(now) ? words.resultsToday : words.resultsSince(format.clock(from));
  return (
    <Tile name={name} figure={arrivals ? format.count(counted.length) : words.none} testid="summary-results">
      <p>{counted.length ? words.lastResult(format.ago(Math.max(...counted), now)) : words.noResultYet}</p>
    </Tile>
  );
}

interface TileProps {
  name: string;
  figure: string;
  testid: string;
  children: ComponentChildren;
}

function Tile({ name, figure, testid, children }: TileProps) {
  return (
    <div class="tile card" data-testid={testid}>
      <h2>{name}</h2>
      <strong class="tile-figure">{figure}</strong>
      {children}
    </div>
  );
}

/** The tasks of the whole fleet. */
function workOf(devices: Devices): Device["tasks"] {
  const work = { running: 0, waiting: 0, failed: 0 };
  for (const { tasks } of devices.values()) {
    work.running += tasks.running;
    work.waiting += tasks.waiting;
    work.failed += tasks.failed;
  }
  return work;
}
