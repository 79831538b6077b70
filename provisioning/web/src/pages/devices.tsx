import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { DeviceTable } from "../components/device-table";
import { Empty, Trouble } from "../components/empty";
import { Summary } from "../components/summary";
import { Toolbar } from "../components/toolbar";
import { type Followed, useNow, useTitle } from "../hooks";
import { useWords } from "../i18n";
import { countsOf, labelsOf, listed } from "../listing";
import type { Device } from "../model";
import { devicesAddress, EVERYTHING, replaceAddress, type View } from "../router";
import type { Arrivals, Devices, Waiting } from "../store";

interface DevicesPageProps {
  devices: Followed<Devices>;
  arrivals: Arrivals | null;
  view: View;
  waiting: Waiting;
  /** Where the list was scrolled to when it was left. */
  scrolled: RefObject<number>;
}

/** The fleet: its sums, and every device with its state. */
export function DevicesPage({ devices, arrivals, view, waiting, scrolled }: DevicesPageProps) {
  const words = useWords();
  useTitle(words.devices);
  const change = (next: View) => replaceAddress(devicesAddress(next));

  useLayoutEffect(() => {
    scrollTo(0, scrolled.current ?? 0);
    return () => {
      scrolled.current = scrollY;
    };
  }, []);

  if (!devices.value) {
    return (
      <div class="page">
        {devices.error ? <Trouble error={devices.error} onAgain={devices.reload} /> : <Skeleton />}
      </div>
    );
  }
  return (
    <div class="page" data-testid="devices-page">
      <h1 class="visually-hidden">{words.devices}</h1>
      <Summary devices={devices.value} arrivals={arrivals} waiting={waiting} />
      {devices.value.size ? <List devices={devices.value} view={view} onView={change} /> : <NoDevice />}
    </div>
  );
}

function List({ devices, view, onView }: { devices: Devices; view: View; onView: (view: View) => void }) {
  const words = useWords();
  const rows = useSteadyOrder(devices, view);
  const counts = useMemo(() => countsOf(devices), [devices]);
  const labels = useMemo(() => labelsOf(devices), [devices]);
  return (
    <>
      <Toolbar view={view} onView={onView} counts={counts} labels={labels} listed={rows.length} />
      {rows.length ? (
        <DeviceTable devices={rows} view={view} onView={onView} />
      ) : (
        <div class="card">
          <Empty icon="search" title={words.noMatch} testid="no-match">
            <p>{words.noMatchBody}</p>
            <button class="button" onClick={() => onView({ ...EVERYTHING, sort: view.sort, descending: view.descending })}>
              {words.showAll}
            </button>
          </Empty>
        </div>
      )}
    </>
  );
}

const ORDER_HELD_MS = 3000;

/**
 * The listed devices. Their figures are always the newest, but rows change places only every few seconds: a list
 * sorted by CPU would otherwise flee from the pointer.
 */
function useSteadyOrder(devices: Devices, view: View): Device[] {
  const turn = useNow(ORDER_HELD_MS);
  const latest = useRef(devices);
  latest.current = devices;
  const ids = useMemo(
    () => listed(latest.current, view).map((device) => device.id),
    [view, devices.size, turn],
  );
  return useMemo(() => ids.flatMap((id) => devices.get(id) ?? []), [ids, devices]);
}

function NoDevice() {
  const words = useWords();
  return (
    <div class="card">
      <Empty icon="chip" title={words.emptyTitle} testid="empty">
        <p>{words.emptyBody}</p>
        <pre class="command">make run</pre>
        <p class="faint">{words.emptyAfter}</p>
      </Empty>
    </div>
  );
}

function Skeleton() {
  const words = useWords();
  return (
    <div class="skeleton" role="status" aria-label={words.loading}>
      <div class="summary">
        <div class="tile card" />
        <div class="tile card" />
        <div class="tile card" />
      </div>
    </div>
  );
}
