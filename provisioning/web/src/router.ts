/** Which page is shown, read from and written to the fragment of the address. */

import { useEffect, useState } from "preact/hooks";

export const COLUMNS = [
  "state", "name", "board", "version", "cpu", "memory", "disk", "temperature", "tasks", "seen",
] as const;
export type Column = (typeof COLUMNS)[number];

export const SHOWN = ["all", "online", "offline", "never", "trouble"] as const;
export type Shown = (typeof SHOWN)[number];

export const CHANNELS_SHOWN = ["all", "trouble", "on", "connecting", "off", "offline"] as const;
export type ChannelsShown = (typeof CHANNELS_SHOWN)[number];

export const PEOPLE_SHOWN = ["all", "owner", "user"] as const;
export type PeopleShown = (typeof PEOPLE_SHOWN)[number];

/** How the list of devices is searched, filtered and sorted; `labels` are written name=value, and all must fit. */
export interface View {
  query: string;
  shown: Shown;
  labels: readonly string[];
  sort: Column;
  descending: boolean;
}

/** How people or channels are searched and filtered. */
export interface Filter<S extends string> {
  query: string;
  shown: S;
}

export type Route =
  | { page: "devices"; view: View }
  | { page: "device"; id: string }
  | { page: "task"; device: string; id: string }
  | { page: "result"; device: string; id: string }
  | { page: "people"; filter: Filter<PeopleShown> }
  | { page: "channels"; filter: Filter<ChannelsShown> };

export const EVERYTHING: View = { query: "", shown: "all", labels: [], sort: "name", descending: false };

/** Return the route that `hash` names; an unknown address leads to the devices. */
function parseRoute(hash: string): Route {
  const [path = "", rest = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page, device, part, id] = path.split("/").map(decoded);
  const search = new URLSearchParams(rest);
  if (page === "people") return { page, filter: parseFilter(search, PEOPLE_SHOWN) };
  if (page === "channels") return { page, filter: parseFilter(search, CHANNELS_SHOWN) };
  if (page !== "devices" || !device) return { page: "devices", view: parseView(search) };
  if (part === "tasks" && id) return { page: "task", device, id };
  if (part === "results" && id) return { page: "result", device, id };
  return { page: "device", id: device };
}

export function devicesAddress(view: View): string {
  const search = new URLSearchParams();
  if (view.query) search.set("q", view.query);
  if (view.shown !== EVERYTHING.shown) search.set("show", view.shown);
  for (const label of view.labels) search.append("label", label);
  if (view.sort !== EVERYTHING.sort) search.set("sort", view.sort);
  if (view.descending) search.set("order", "desc");
  return search.size ? `#/devices?${search}` : "#/devices";
}

export function deviceAddress(id: string): string {
  return `#/devices/${encodeURIComponent(id)}`;
}

export function taskAddress(device: string, id: string): string {
  return `${deviceAddress(device)}/tasks/${encodeURIComponent(id)}`;
}

export function resultAddress(device: string, id: string): string {
  return `${deviceAddress(device)}/results/${encodeURIComponent(id)}`;
}

export function filterAddress(page: "people" | "channels", filter: Filter<string>): string {
  const search = new URLSearchParams();
  if (filter.query) search.set("q", filter.query);
  if (filter.shown !== "all") search.set("show", filter.shown);
  return search.size ? `#/${page}?${search}` : `#/${page}`;
}

/** Change the address of the current page without a new entry in the history. */
export function replaceAddress(address: string): void {
  history.replaceState(history.state, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const read = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  return route;
}

function parseView(search: URLSearchParams): View {
  return {
    query: search.get("q") ?? EVERYTHING.query,
    shown: SHOWN.find((shown) => shown === search.get("show")) ?? EVERYTHING.shown,
    labels: [...new Set(search.getAll("label"))],
    sort: COLUMNS.find((column) => column === search.get("sort")) ?? EVERYTHING.sort,
    descending: search.get("order") === "desc",
  };
}

function parseFilter<S extends string>(search: URLSearchParams, choices: readonly [S, ...S[]]): Filter<S> {
  const shown = choices.find((choice) => choice === search.get("show")) ?? choices[0];
  return { query: search.get("q") ?? "", shown };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // A stray % typed by hand; the address then simply finds no device.
  }
}
