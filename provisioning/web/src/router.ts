/** Which page is shown, read from and written to the fragment of the address. */

import { useEffect, useState } from "preact/hooks";

export const COLUMNS = [
  "state", "name", "board", "version", "cpu", "memory", "disk", "temperature", "tasks", "seen",
] as const;
export type Column = (typeof COLUMNS)[number];

const SHOWN = ["all", "online", "offline"] as const;
export type Shown = (typeof SHOWN)[number];

/** How the list of devices is searched, filtered and sorted. */
export interface View {
  query: string;
  shown: Shown;
  sort: Column;
  descending: boolean;
}

export type Route =
  | { page: "devices"; view: View }
  | { page: "device"; id: string; result: string | null };

export const EVERYTHING: View = { query: "", shown: "all", sort: "name", descending: false };

/** Return the route that `hash` names; an unknown address leads to the devices. */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page, id, part, result] = path.split("/").map(decoded);
  if (page === "devices" && id) return { page: "device", id, result: (part === "results" && result) || null };
  return { page: "devices", view: parseView(new URLSearchParams(search)) };
}

export function devicesAddress(view: View): string {
  const search = new URLSearchParams();
  if (view.query) search.set("q", view.query);
  if (view.shown !== EVERYTHING.shown) search.set("show", view.shown);
  if (view.sort !== EVERYTHING.sort) search.set("sort", view.sort);
  if (view.descending) search.set("order", "desc");
  return search.size ? `#/devices?${search}` : "#/devices";
}

export function deviceAddress(id: string, result?: string): string {
  const device = `#/devices/${encodeURIComponent(id)}`;
  return result ? `${device}/results/${encodeURIComponent(result)}` : device;
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
    sort: COLUMNS.find((column) => column === search.get("sort")) ?? EVERYTHING.sort,
    descending: search.get("order") === "desc",
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // A stray % typed by hand; the address then simply finds no device.
  }
}
