/** What becomes of what a page knows when events arrive. Pure: no network, no clock. */

import type {
  Command, Device, DeviceDetail, FleetEvent, Health, Point, Reading, Result, Task, TaskDetail, Telemetry,
} from "./model";
import { troubledChannels } from "./trouble";

export type Devices = ReadonlyMap<string, Device>;

const COMMANDS_KEPT = 20;

export function byId(devices: readonly Device[]): Devices {
  return new Map(devices.map((device) => [device.id, device]));
}

export function devicesAfter(devices: Devices, events: readonly FleetEvent[]): Devices {
  if (!events.some((event) => event.kind === "device" || event.kind === "telemetry")) return devices;
  const next = new Map(devices);
  for (const event of events) {
    if (event.kind === "device") next.set(event.device.id, event.device);
    if (event.kind !== "telemetry") continue;
    const known = next.get(event.device);
    if (known) next.set(event.device, withPoint(known, event.point));
  }
  return next;
}

/** What waits for somebody across the fleet. */
export interface Waiting {
  /** People who ask to be let in. */
  requests: number;
  /** Channels that do not work. */
  channels: number;
}

export function waitingIn(devices: Devices | null): Waiting {
  const waiting: Waiting = { requests: 0, channels: 0 };
  for (const device of devices?.values() ?? []) {
    waiting.requests += device.requests;
    waiting.channels += troubledChannels(device).length;
  }
  return waiting;
}

/** Follow the device; what only a full fetch tells (system, people, requests, settings) stays as it was. */
export function detailAfter(detail: DeviceDetail, events: readonly FleetEvent[]): DeviceDetail {
  let next = detail;
  for (const event of events) {
    if (event.kind === "device" && event.device.id === detail.id) {
      next = { ...next, ...event.device, requests: next.requests, channels: next.channels };
    }
    if (event.kind === "telemetry" && event.device === detail.id) next = withPoint(next, event.point);
  }
  return next;
}

/** The tasks of device `id`, newest first. */
export function tasksAfter(tasks: readonly Task[], events: readonly FleetEvent[], id: string): readonly Task[] {
  let next = tasks;
  for (const event of events) {
    if (event.kind === "task" && event.device === id) next = withNewest(next, event.task);
  }
  return next;
}

/** The results of device `id`, newest first. */
export function resultsAfter(results: readonly Result[], events: readonly FleetEvent[], id: string): readonly Result[] {
  let next = results;
  for (const event of events) {
    if (event.kind === "result" && event.device === id) next = withNewest(next, event.result);
  }
  return next;
}

/** Follow the steps of one task, and what comes out of it. */
export function taskAfter(detail: TaskDetail, events: readonly FleetEvent[], device: string): TaskDetail {
  let { chain, result } = detail;
  for (const event of events) {
    if (event.kind === "task" && event.device === device) {
      chain = chain.map((step) => (step.id === event.task.id ? event.task : step));
    }
    if (event.kind === "result" && event.device === device) {
      const isOurs = chain.some((step) => step.id === event.result.task_id);
      if (isOurs) result = { id: event.result.id, title: event.result.title };
    }
  }
  return { ...detail, chain, result };
}

/** What was last asked of device `id`, newest first. */
export function commandsAfter(commands: readonly Command[], events: readonly FleetEvent[], id: string) {
  let next = commands;
  for (const event of events) {
    if (event.kind === "command" && event.command.device === id) next = withNewest(next, event.command);
  }
  return next.slice(0, COMMANDS_KEPT);
}

/** The readings of device `id` within the last `hours` before its newest one. */
export function telemetryAfter(
  telemetry: Telemetry,
  events: readonly FleetEvent[],
  id: string,
  hours: number,
): Telemetry {
  const points = events.flatMap((event) => (event.kind === "telemetry" && event.device === id ? [event.point] : []));
  const last = telemetry.time.at(-1) ?? 0;
  const newer = points.filter((point) => point.time / 1000 > last);
  const newest = newer.at(-1);
  if (!newest) return telemetry;
  const time = [...telemetry.time, ...newer.map((point) => point.time / 1000)];
  const start = time.findIndex((second) => second >= newest.time / 1000 - hours * 3600);
  const column = (name: Reading) => [...telemetry.series[name], ...newer.map((point) => point[name])].slice(start);
  return {
    time: time.slice(start),
    series: {
      cpu: column("cpu"),
      memory: column("memory"),
      disk: column("disk"),
      temperature: column("temperature"),
      load: column("load"),
      rss: column("rss"),
    },
  };
}

/** When each result came, by its id; complete from `from` on. */
export interface Arrivals {
  from: number;
  created: ReadonlyMap<string, number>;
}

export function arrivalsAfter(arrivals: Arrivals, events: readonly FleetEvent[]): Arrivals {
  const results = events.flatMap((event) => (event.kind === "result" ? [event.result] : []));
  if (!results.length) return arrivals;
  return { ...arrivals, created: new Map([...arrivals.created, ...results.map((r) => [r.id, r.created] as const)]) };
}

function withPoint<T extends Pick<Device, "last_seen">>(device: T, point: Point): T {
  const { cpu, memory, disk, temperature, load } = point;
  const health: Health = { cpu, memory, disk, temperature, load };
  return { ...device, health, last_seen: Math.max(device.last_seen ?? 0, point.time) };
}

function withNewest<T extends { id: string; created: number }>(items: readonly T[], item: T): readonly T[] {
  if (items.some((known) => known.id === item.id)) {
    return items.map((known) => (known.id === item.id ? item : known));
  }
  return [...items, item].sort((a, b) => b.created - a.created);
}
