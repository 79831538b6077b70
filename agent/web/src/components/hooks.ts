/** What the pages need from the browser and the device, as hooks. */

import { createContext } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";

import { SignedOut, type Api } from "../api";
import type { Bell, Cause } from "../bell";
import type { Me, Role, Scope } from "../model";
import type { People } from "../owner";
import { parseRoute, type Route } from "../route";

/** What every page of a signed-in person may use. */
export interface Device {
  api: Api;
  me: Me;
  bell: Bell;
  /** Whose tasks and results are shown; only the owner may ask for all. */
  scope: Scope;
  setScope: (scope: Scope) => void;
  /** Show one sentence for a while, with a way to what it is about; what it gives takes it away before that. */
  toast: (text: string, link?: { href: string; label: string }) => () => void;
  /** Write `text` in the person's own chat, and go there. */
  say: (text: string) => void;
  /** The cookie has lost its worth. */
  signedOut: () => void;
}

export const DeviceContext = createContext<Device | null>(null);

export function useDevice(): Device {
  const device = useContext(DeviceContext);
  if (!device) throw new Error("this part of the page is drawn without a session");
  return device;
}

export interface Loaded<T> {
  value: T | null;
  /** Why the last try failed; the value from before stays. */
  error: unknown;
  reload: () => void;
}

/** The people of the device, kept for all pages of the owner. */
export const PeopleContext = createContext<Loaded<People> | null>(null);

interface Fetched<T> {
  key: string;
  value: T | null;
  error: unknown;
}

interface Refresh {
  every_ms?: number;
  /** What makes the value out of date. */
  on?: readonly Cause[];
}

/** Fetch a value, and again when it may have changed. When `key` changes, the old value is dropped. */
export function useLoaded<T>(key: string, load: () => Promise<T>, { every_ms, on = [] }: Refresh = {}): Loaded<T> {
  const { bell, signedOut } = useDevice();
  const [state, setState] = useState<Fetched<T>>({ key, value: null, error: null });
  const latest = useRef(load);
  latest.current = load;
  const fetching = useRef<() => void>(() => undefined);
  const causes = on.join();

  useEffect(() => {
    let turn = 0;
    const fetchNow = async () => {
      const mine = (turn += 1);
      try {
        const value = await latest.current();
        if (mine === turn) setState({ key, value, error: null });
      } catch (error) {
        if (mine !== turn) return;
        if (error instanceof SignedOut) signedOut();
        else setState((was) => ({ key, value: was.key === key ? was.value : null, error }));
      }
    };
    fetching.current = () => void fetchNow();
    void fetchNow();
    const unlisten = bell.listen((cause) => {
      if (cause === "back" || causes.split(",").includes(cause)) void fetchNow();
    });
    const timer = every_ms && setInterval(() => document.hidden || void fetchNow(), every_ms);
    return () => {
      turn = -1;
      unlisten();
      if (timer) clearInterval(timer);
    };
  }, [key, bell, signedOut, every_ms, causes]);

  const reload = useCallback(() => fetching.current(), []);
  const isCurrent = state.key === key;
  return { value: isCurrent ? state.value : null, error: isCurrent ? state.error : null, reload };
}

export interface Paged<T> extends Loaded<readonly T[]> {
  hasMore: boolean;
  more: () => void;
}

/** Fetch a list page by page, newest first, and its first page again when it may have changed. */
export function usePaged<T>(
  key: string,
  limit: number,
  load: (before: T | undefined) => Promise<readonly T[]>,
  orderOf: (item: T) => string | number,
  refresh: Refresh = {},
): Paged<T> {
  const { signedOut } = useDevice();
  const [older, setOlder] = useState<{ key: string; items: readonly T[]; hasMore: boolean | null }>(
    { key, items: [], hasMore: null },
  );
  const first = useLoaded(key, () => load(undefined), refresh);
  const mine = older.key === key ? older : { key, items: [], hasMore: null };
  const value = first.value && merged(mine.items, first.value, orderOf);
  const more = () => {
    const last = value?.at(-1);
    if (last === undefined) return;
    load(last).then(
      (page) => setOlder((was) => ({
        key,
        items: [...(was.key === key ? was.items : []), ...page],
        hasMore: page.length >= limit,
      })),
      (error: unknown) => {
        if (error instanceof SignedOut) signedOut();
      },
    );
  };
  return { ...first, value, hasMore: mine.hasMore ?? (first.value?.length ?? 0) >= limit, more };
}

/** Both lists as one, what comes later in the order first; of the same item the fresh one. */
function merged<T>(old: readonly T[], fresh: readonly T[], orderOf: (item: T) => string | number): readonly T[] {
  const items = new Map([...old, ...fresh].map((item) => [orderOf(item), item]));
  return [...items.entries()].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, item]) => item);
}

/** Unix milliseconds, renewed every `every_ms`. */
export function useNow(every_ms: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}

export function useRoute(role: Role): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const read = () => setHash(location.hash);
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  return parseRoute(hash, role);
}
