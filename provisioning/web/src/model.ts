/** What the manager tells about the fleet. Shares are 0 to 1, times Unix milliseconds, sizes bytes. */

import type { Document } from "@document";

import { anything, boolean, list, moment, nullable, number, object, oneOf, record, text } from "./parse";
import type { Parse, Parsed } from "./parse";

const readings = {
  cpu: nullable(number),
  memory: nullable(number),
  disk: nullable(number),
  temperature: nullable(number),
  load: nullable(number),
};

export const health = object(readings);

const row = {
  id: text,
  name: text,
  online: boolean,
  last_seen: nullable(moment),
  labels: record(text),
  version: nullable(text),
  board: nullable(text),
  health: nullable(health),
  tasks: object({ running: number, waiting: number, failed: number }),
};

export const device = object(row);

const system = object({
  os: nullable(text),
  kernel: nullable(text),
  arch: nullable(text),
  cpus: nullable(number),
  memory_bytes: nullable(number),
  disk_bytes: nullable(number),
});

export const deviceDetail = object({
  ...row,
  system: nullable(system),
  boot_id: nullable(text),
  created: nullable(moment),
  lost: nullable(number),
});

export const task = object({
  id: text,
  kind: text,
  title: nullable(text),
  state: oneOf("waiting", "ready", "running", "done", "failed", "cancelled"),
  progress: nullable(number),
  error: nullable(text),
  attempt: number,
  created: moment,
  updated: moment,
  message_id: nullable(text),
  parents: list(text),
});

/** `bytes` is the full size on the device. */
const resultRow = {
  id: text,
  task_id: nullable(text),
  message_id: nullable(text),
  created: moment,
  title: text,
  bytes: number,
};

export const result = object(resultRow);

export const resultDetail = object({
  ...resultRow,
  device: text,
  report: text,
  document: anything as Parse<Document>,
  plots: list(object({ name: text, title: text, svg: text })),
  on_device: nullable(object({ bytes: number, name: text })),
  cut: nullable(boolean),
});

/** Columns of equal length: `time` in Unix seconds, ascending; null where a device had no reading. */
export const telemetry = object({
  time: list(number),
  series: object({
    cpu: list(nullable(number)),
    memory: list(nullable(number)),
    disk: list(nullable(number)),
    temperature: list(nullable(number)),
    load: list(nullable(number)),
    rss: list(nullable(number)),
  }),
});

export const me = object({
  fleet: text,
  version: text,
  /** `link` tells whether the manager hears its broker, and so the fleet. */
  manager: object({ id: text, link: nullable(oneOf("up", "down")) }),
});

export type Health = Parsed<typeof health>;
export type Device = Parsed<typeof device>;
export type DeviceDetail = Parsed<typeof deviceDetail>;
export type Task = Parsed<typeof task>;
export type TaskState = Task["state"];
export type Result = Parsed<typeof result>;
export type ResultDetail = Parsed<typeof resultDetail>;
export type Plot = ResultDetail["plots"][number];
export type Telemetry = Parsed<typeof telemetry>;
export type Reading = keyof Telemetry["series"];
export type Me = Parsed<typeof me>;

const point = object({ device: text, time: moment, ...readings, rss: nullable(number) });

export type Point = Parsed<typeof point>;

/** Something that happened in the fleet, as the manager's stream tells it. */
export type FleetEvent =
  | { kind: "device"; device: Device }
  | { kind: "task"; device: string; task: Task }
  | { kind: "result"; device: string; result: Result }
  | { kind: "telemetry"; device: string; point: Point }
  | { kind: "manager"; link: "up" | "down" };

/** Return the event in `data`, or null for a kind that this console does not know yet. */
export function parseEvent(kind: string, data: string): FleetEvent | null {
  const value: unknown = JSON.parse(data);
  switch (kind) {
    case "device":
      return { kind, device: device(value, kind) };
    case "task":
      return { kind, ...object({ device: text, task })(value, kind) };
    case "result":
      return { kind, ...object({ device: text, result })(value, kind) };
    case "telemetry": {
      const reading = point(value, kind);
      return { kind, device: reading.device, point: reading };
    }
    case "manager":
      return { kind, ...object({ link: oneOf("up", "down") })(value, kind) };
    default:
      return null;
  }
}
