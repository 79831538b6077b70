import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { startOfDay, useFormat } from "../format";
import { useNow } from "../hooks";
import { useWords } from "../i18n";
import type { Arrivals, Devices } from "../store";

interface SummaryProps {
  devices: Devices;
  arrivals: Arrivals | null;
}

/** The fleet in three figures. */
export function Summary({ devices, arrivals }: SummaryProps) {
  const words = useWords();
  const format = useFormat();
  const totals = useMemo(() => totalsOf(devices), [devices]);
  const offline = devices.size - totals.online;
  return (
    <section class="summary" data-testid="summary">
      <Tile name={words.onlineNow} figure={format.count(totals.online)} testid="summary-online">
        <span class="tile-of">{words.ofTotal(format.count(devices.size))}</span>
        <div class="tile-bar">
          <span style={{ width: `${devices.size ? (100 * totals.online) / devices.size : 0}%` }} />
        </div>
        <p>{offline ? words.offlineCount(format.count(offline)) : devices.size > 0 && words.allOnline}</p>
      </Tile>
      <Tile name={words.tasksRunning} figure={format.count(totals.running)} testid="summary-running">
        <p>
          {words.waitingCount(format.count(totals.waiting))} ·{" "}
          <span class={totals.failed ? "is-bad" : undefined}>{words.failedCount(format.count(totals.failed))}</span>
        </p>
      </Tile>
      <Results arrivals={arrivals} />
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

interface Totals {
  online: number;
  running: number;
  waiting: number;
  failed: number;
}

function totalsOf(devices: Devices): Totals {
  const totals: Totals = { online: 0, running: 0, waiting: 0, failed: 0 };
  for (const device of devices.values()) {
    totals.online += device.online ? 1 : 0;
    totals.running += device.tasks.running;
    totals.waiting += device.tasks.waiting;
    totals.failed += device.tasks.failed;
  }
  return totals;
}
