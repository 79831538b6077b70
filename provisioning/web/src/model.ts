/** What the manager tells about the fleet. Shares are 0 to 1, times Unix milliseconds, sizes bytes. */

import type { Document } from "@document";

import { anything, boolean, list, moment, nullable, number, object, oneOf, otherwise, record, text } from "./parse";
import type { Parse, Parsed } from "./parse";

const readings = {
  cpu: nullable(number),
  memory: nullable(number),
  disk: nullable(number),
  temperature: nullable(number),
  load: nullable(number),
};

export const health = object(readings);

const role = oneOf("owner", "user");
const resultsChoice = oneOf("none", "summary", "full");
const channelState = oneOf("connecting", "on", "unreachable", "refused", "contested", "broken", "off");

/** What every row of a device has in common. */
const known = {
  id: text,
  name: text,
  online: boolean,
  last_seen: nullable(moment),
  labels: record(text),
  version: nullable(text),
  board: nullable(text),
  health: nullable(health),
  tasks: object({ running: number, waiting: number, failed: number }),
  owned: nullable(boolean),
};

/** A device as a list shows it: `requests` counts who waits to be let in. */
export const device = object({
  ...known,
  requests: otherwise(number, 0),
  channels: otherwise(list(object({ name: text, kind: text, state: channelState })), []),
});

const pairingRequest = {
  id: text,
  code: text,
  channel: text,
  sender: text,
  name: text,
  created_ms: number,
  expires_ms: number,
};

const personFacts = {
  id: text,
  name: text,
  role,
  identities: list(object({ channel: text, sender: text, name: text, since_ms: number })),
};

/** Where a channel is not simply on, `en` and `zh` say why. */
const channelFacts = {
  name: text,
  kind: text,
  state: channelState,
  account: text,
  en: text,
  zh: text,
  since_ms: number,
};

/** The device that something belongs to, where it is listed across the fleet. */
const ofDevice = { device: text, device_name: text, online: boolean };

export const fleetPeople = object({
  requests: list(object({ ...ofDevice, ...pairingRequest })),
  people: list(object({ ...ofDevice, ...personFacts })),
});

export const fleetChannel = object({ ...ofDevice, ...channelFacts });

/** `desired` is null where the device decides; `reported` what it does. */
export const settings = object({
  results: object({
    desired: nullable(resultsChoice),
    reported: nullable(resultsChoice),
    version: number,
    followed: boolean,
  }),
});

const system = object({
  os: nullable(text),
  kernel: nullable(text),
  arch: nullable(text),
  cpus: nullable(number),
  memory_bytes: nullable(number),
  disk_bytes: nullable(number),
});

export const deviceDetail = object({
  ...known,
  people: otherwise(list(object(personFacts)), []),
  requests: otherwise(list(object(pairingRequest)), []),
  turned_away: otherwise(number, 0),
  channels: otherwise(list(object(channelFacts)), []),
  /** Whether the device left people, requests or channels out, because its report would not hold them. */
  cut: otherwise(boolean, false),
  settings: nullable(settings),
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

/** A task with all the steps of its chain, first to last, and what came out of it. */
export const taskDetail = object({
  id: text,
  chain: list(task),
  result: nullable(object({ id: text, title: text })),
});

/** Something that the manager asked of a device, and what came of it in a sentence per language. */
export const command = object({
  id: text,
  device: text,
  verb: oneOf("pair.approve", "pair.refuse", "pair.revoke", "task.cancel", "task.retry"),
  subject: text,
  state: oneOf("sent", "done", "failed", "expired"),
  code: nullable(text),
  en: nullable(text),
  zh: nullable(text),
  created: moment,
  updated: moment,
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
export type Role = Parsed<typeof role>;
export type ResultsChoice = Parsed<typeof resultsChoice>;
export type Settings = Parsed<typeof settings>;
export type ChannelState = Parsed<typeof channelState>;
export type FleetPeople = Parsed<typeof fleetPeople>;
/** `isGone` marks one that the device has no more, and that is still drawn for the outcome of what was asked. */
export type PairingRequest = FleetPeople["requests"][number] & { isGone?: true };
export type Person = FleetPeople["people"][number] & { isGone?: true };
export type Channel = Parsed<typeof fleetChannel>;
export type Command = Parsed<typeof command>;
export type Verb = Command["verb"];
export type CommandState = Command["state"];
export type TaskDetail = Parsed<typeof taskDetail>;
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
  | { kind: "command"; command: Command }
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
    case "command":
      return { kind, command: command(value, kind) };
    case "manager":
      return { kind, ...object({ link: oneOf("up", "down") })(value, kind) };
    default:
      return null;
  }
}
