/** Which devices are listed, and in which order. Pure. */

import type { Device } from "./model";
import type { Column, View } from "./router";
import type { Devices } from "./store";

type Value = string | number | null;

const VALUE: Record<Column, (device: Device) => Value> = {
  state: (device) => (device.online ? 0 : 1),
  name: (device) => device.name,
  board: (device) => device.board,
  version: (device) => device.version,
  cpu: (device) => device.health?.cpu ?? null,
  memory: (device) => device.health?.memory ?? null,
  disk: (device) => device.health?.disk ?? null,
  temperature: (device) => device.health?.temperature ?? null,
  tasks: ({ tasks }) => tasks.running * 1e6 + tasks.waiting + tasks.failed / 1e6,
  seen: (device) => device.last_seen,
};

/** Compares text as people count: pi-2 before pi-10. */
const byText = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** The devices that fit the search and the filter, in order. What has no value comes last either way. */
export function listed(devices: Devices, view: View): Device[] {
  const terms = view.query.toLowerCase().split(/\s+/).filter(Boolean);
  const fitting = [...devices.values()].filter(
    (device) => isShown(device, view) && (!terms.length || holdsAll(device, terms)),
  );
  const value = VALUE[view.sort];
  const sign = view.descending ? -1 : 1;
  const byName = (a: Device, b: Device) => byText.compare(a.name, b.name) || byText.compare(a.id, b.id);
  return fitting.sort((a, b) => compare(value(a), value(b), sign) || byName(a, b));
}

function isShown(device: Device, view: View): boolean {
  return view.shown === "all" || device.online === (view.shown === "online");
}

function holdsAll(device: Device, terms: readonly string[]): boolean {
  const labels = Object.entries(device.labels).map(([name, value]) => `${name}:${value}`);
  const text = [device.name, device.id, device.board, device.version, ...labels].join("\n").toLowerCase();
  return terms.every((term) => text.includes(term));
}

function compare(a: Value, b: Value, sign: number): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * byText.compare(String(a), String(b));
}
