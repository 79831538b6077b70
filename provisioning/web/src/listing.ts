/** Which devices are listed, and in which order. Pure. */

import type { Device } from "./model";
import type { Column, Shown, View } from "./router";
import type { Devices } from "./store";
import { isInTrouble } from "./trouble";

type Value = string | number | null;

const VALUE: Record<Column, (device: Device) => Value> = {
  state: (device) => (device.online ? 0 : wasSeen(device) ? 1 : 2),
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

const IS_SHOWN: Record<Shown, (device: Device) => boolean> = {
  all: () => true,
  online: (device) => device.online,
  offline: (device) => !device.online && wasSeen(device),
  never: (device) => !device.online && !wasSeen(device),
  trouble: isInTrouble,
};

/** Compares text as people count: pi-2 before pi-10. */
export const byText = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** The devices that fit the search and the filters, in order. What has no value comes last either way. */
export function listed(devices: Devices, view: View): Device[] {
  const terms = termsOf(view.query);
  const fitting = [...devices.values()].filter(
    (device) => IS_SHOWN[view.shown](device) && hasLabels(device, view.labels) && holds(device, terms),
  );
  const value = VALUE[view.sort];
  const sign = view.descending ? -1 : 1;
  const byName = (a: Device, b: Device) => byText.compare(a.name, b.name) || byText.compare(a.id, b.id);
  return fitting.sort((a, b) => compare(value(a), value(b), sign) || byName(a, b));
}

/** How many devices each state has. */
export function countsOf(devices: Devices): Record<Shown, number> {
  const counts: Record<Shown, number> = { all: devices.size, online: 0, offline: 0, never: 0, trouble: 0 };
  for (const device of devices.values()) {
    counts[device.online ? "online" : wasSeen(device) ? "offline" : "never"] += 1;
    if (isInTrouble(device)) counts.trouble += 1;
  }
  return counts;
}

export interface LabelCount {
  /** Written name=value, as the filter has it. */
  label: string;
  name: string;
  value: string;
  count: number;
}

/** Every label that a device has, by name and value. */
export function labelsOf(devices: Devices): LabelCount[] {
  const found = new Map<string, LabelCount>();
  for (const device of devices.values()) {
    for (const [name, value] of Object.entries(device.labels)) {
      const label = `${name}=${value}`;
      const known = found.get(label);
      if (known) known.count += 1;
      else found.set(label, { label, name, value, count: 1 });
    }
  }
  return [...found.values()].sort((a, b) => byText.compare(a.name, b.name) || byText.compare(a.value, b.value));
}

/** The words of a search, each of which must be found. */
export function termsOf(query: string): string[] {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

export function holdsAll(text: string, terms: readonly string[]): boolean {
  if (!terms.length) return true;
  const small = text.toLowerCase();
  return terms.every((term) => small.includes(term));
}

function holds(device: Device, terms: readonly string[]): boolean {
  if (!terms.length) return true;
  const labels = Object.entries(device.labels).map(([name, value]) => `${name}:${value} ${name}=${value}`);
  return holdsAll([device.name, device.id, device.board, device.version, ...labels].join("\n"), terms);
}

function hasLabels(device: Device, labels: readonly string[]): boolean {
  return labels.every((label) => {
    const cut = label.indexOf("=");
    return device.labels[label.slice(0, cut)] === label.slice(cut + 1);
  });
}

function wasSeen(device: Device): boolean {
  return device.last_seen !== null;
}

function compare(a: Value, b: Value, sign: number): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * byText.compare(String(a), String(b));
}
