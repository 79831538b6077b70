import { useLayoutEffect, useMemo } from "preact/hooks";

import { Refused } from "../api";
import { Commands } from "../components/commands";
import { Copyable } from "../components/copy";
import { Crumbs } from "../components/crumbs";
import { DeviceChannels } from "../components/device-channels";
import { DevicePeople, of } from "../components/device-people";
import { DeviceSettings } from "../components/device-settings";
import { Empty, Trouble } from "../components/empty";
import { Fact } from "../components/fact";
import { Health } from "../components/health";
import { nameOf } from "../components/identities";
import { Labels } from "../components/labels";
import { Requests, useRequests } from "../components/requests";
import { Results } from "../components/results";
import { DeviceState } from "../components/state";
import { Tasks } from "../components/tasks";
import { type Format, momentOfUlid, useFormat } from "../format";
import { useConnection, useFollowed, useNow, useReloadAfter, useTitle } from "../hooks";
import { useWords, type Words } from "../i18n";
import type { DeviceDetail, Result } from "../model";
import { detailAfter, resultsAfter } from "../store";

const RELOADED_MS = 1000;

interface DevicePageProps {
  id: string;
  /** The address of the list, as it was left. */
  back: string;
}

/** One device: what it is, how it fares, what it does and what it found. */
export function DevicePage({ id, back }: DevicePageProps) {
  const words = useWords();
  const { api } = useConnection();
  const device = useFollowed(`device ${id}`, () => api.device(id), detailAfter);
  const results = useFollowed<readonly Result[]>(
    `results ${id}`,
    () => api.results(id),
    (value, events) => resultsAfter(value, events, id),
  );
  // People, requests and settings come with a full fetch only; an event says no more than that something has changed.
  useReloadAfter(device.reload, (event) => event.kind === "device" && event.device.id === id, RELOADED_MS);
  useTitle(device.value?.name ?? id);
  useLayoutEffect(() => scrollTo(0, 0), []);

  const isMissing = device.error instanceof Refused && device.error.status === 404;
  return (
    <div class="page" data-testid="device-page" data-id={id}>
      <Crumbs crumbs={[{ address: back, name: words.devices, testid: "back" }]} />
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
          <DeviceRequests device={device.value} />
          <Health id={id} />
          <div class="device-parts">
            <div class="device-work">
              <Tasks id={id} results={results.value ?? []} />
              <Results id={id} results={results} />
            </div>
            <div class="device-ties">
              <DevicePeople device={device.value} />
              <DeviceChannels device={device.value} />
              {device.value.settings && (
                <DeviceSettings device={device.value} settings={device.value.settings} onSaved={device.reload} />
              )}
              <Commands device={device.value} />
            </div>
          </div>
        </>
      )}
    </div>
  );
}

/** Who waits to be let in; nothing where nobody does. */
function DeviceRequests({ device }: { device: DeviceDetail }) {
  const words = useWords();
  const format = useFormat();
  const waiting = useMemo(
    () => device.requests.map((request) => ({ ...of(device), ...request })),
    [device.requests, device.online],
  );
  const requests = useRequests(waiting, device.id);
  if (!requests.length && !device.turned_away) return null;
  return (
    <section class="section" data-testid="requests">
      {requests.length > 0 && (
        <>
          <div class="section-head">
            <h2>{words.requests}</h2>
            <span class="section-note">{words.requestsHint}</span>
          </div>
          <Requests requests={requests} across={false} />
        </>
      )}
      {device.turned_away > 0 && <p class="section-note">{words.turnedAway(format.count(device.turned_away))}</p>}
    </section>
  );
}

function DeviceHeader({ device }: { device: DeviceDetail }) {
  const words = useWords();
  const format = useFormat();
  const now = useNow();
  const started = device.boot_id ? momentOfUlid(device.boot_id) : null;
  const owner = device.people.find((person) => person.role === "owner");
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
        {device.owned !== null && (
          <Fact name={words.roles.owner}>{owner && device.owned ? nameOf(owner, words) : words.nobodyYet}</Fact>
        )}
        {system && <Fact name={words.system}>{system}</Fact>}
      </dl>
    </header>
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
