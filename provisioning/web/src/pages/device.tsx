import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";

import { Refused } from "../api";
import { Copyable } from "../components/copy";
import { Empty, Trouble } from "../components/empty";
import { Health } from "../components/health";
import { Icon } from "../components/icon";
import { Labels } from "../components/labels";
import { Results } from "../components/results";
import { DeviceState } from "../components/state";
import { Tasks } from "../components/tasks";
import { type Format, momentOfUlid, useFormat } from "../format";
import { useConnection, useFollowed, useNow, useTitle } from "../hooks";
import { useWords, type Words } from "../i18n";
import type { DeviceDetail, Result } from "../model";
import { detailAfter, resultsAfter } from "../store";

interface DevicePageProps {
  id: string;
  /** The result that the address names. */
  chosen: string | null;
  /** The address of the list, as it was left. */
  back: string;
}

/** One device: what it is, how it fares, what it does and what it found. */
export function DevicePage({ id, chosen, back }: DevicePageProps) {
  const words = useWords();
  const { api } = useConnection();
  const device = useFollowed(`device ${id}`, () => api.device(id), detailAfter);
  const results = useFollowed<readonly Result[]>(
    `results ${id}`,
    () => api.results(id),
    (value, events) => resultsAfter(value, events, id),
  );
  useTitle(device.value?.name ?? id);
  useLayoutEffect(() => scrollTo(0, 0), []);

  const isMissing = device.error instanceof Refused && device.error.status === 404;
  return (
    <div class="page" data-testid="device-page" data-id={id}>
      <a class="back" href={back} data-testid="back">
        <Icon name="back" size={14} />
        {words.devices}
      </a>
      {device.value && <DeviceHeader device={device.value} />}
      {isMissing && (
        <div class="card">
          <Empty icon="chip" title={words.notFound} testid="not-found">
            <p>{words.notFoundBody}</p>
          </Empty>
        </div>
      )}
      {device.error && !device.value && !isMissing ? <Trouble error={device.error} onAgain={device.reload} /> : null}
      {device.value && (
        <>
          <Health id={id} />
          <Tasks id={id} results={results.value ?? []} />
          <Results id={id} results={results} chosen={chosen} />
        </>
      )}
    </div>
  );
}

function DeviceHeader({ device }: { device: DeviceDetail }) {
  const words = useWords();
  const format = useFormat();
  const now = useNow();
  const started = device.boot_id ? momentOfUlid(device.boot_id) : null;
  const system = systemLine(device.system, words, format);
  return (
    <header class="device-header card" data-testid="device-header">
      <div class="device-title">
        <h1>{device.name}</h1>
        <DeviceState device={device} now={now} />
        <Labels labels={device.labels} />
      </div>
      <dl class="facts">
        <Fact name={words.id}>
          <Copyable text={device.id} testid="copy-id" />
        </Fact>
        <Fact name={words.board}>{device.board ?? words.none}</Fact>
        <Fact name={words.version}>{device.version ?? words.none}</Fact>
        {started !== null && (
          <Fact name={words.started} title={format.moment(started)}>
            {format.ago(started, now)}
          </Fact>
        )}
        <Fact name={words.lastSeen} title={device.last_seen === null ? undefined : format.moment(device.last_seen)}>
          {device.last_seen === null ? words.neverSeen : format.ago(device.last_seen, now)}
        </Fact>
        {device.created !== null && <Fact name={words.joined}>{format.date(device.created, now)}</Fact>}
        {device.lost ? <Fact name={words.lost}>{format.count(device.lost)}</Fact> : null}
        {system && <Fact name={words.system}>{system}</Fact>}
      </dl>
    </header>
  );
}

function Fact({ name, title, children }: { name: string; title?: string | undefined; children: ComponentChildren }) {
  return (
    <div class="fact" title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What the device is made of, in one line; null when it has not said. */
function systemLine(system: DeviceDetail["system"], words: Words, format: Format): string | null {
  if (!system) return null;
  const parts = [
    system.os,
    [system.kernel, system.arch].filter(Boolean).join(" "),
    system.cpus ? words.cores(system.cpus) : null,
    system.memory_bytes ? `${words.memory} ${format.bytes(system.memory_bytes)}` : null,
    system.disk_bytes ? `${words.disk} ${format.bytes(system.disk_bytes)}` : null,
  ];
  return parts.filter(Boolean).join(" · ") || null;
}
