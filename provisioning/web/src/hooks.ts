/** What the pages need from the browser and from the live connection, as hooks. */

import { createContext } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";

import { type Api, Refused } from "./api";
import type { Deed, Deeds } from "./deeds";
import type { Live, LiveState } from "./live";
import type { FleetEvent } from "./model";

export interface Connection {
  api: Api;
  live: Live;
  deeds: Deeds;
}

export const ConnectionContext = createContext<Connection | null>(null);

/** The connection of the signed-in person; only below the sign-in page. */
export function useConnection(): Connection {
  const connection = useContext(ConnectionContext);
  if (!connection) throw new Error("this part of the page is drawn without a session");
  return connection;
}

export interface Followed<T> {
  value: T | null;
  error: unknown;
  reload: () => void;
}

/** How soon a fetch that failed is tried again while the stream is open. */
const RETRY_MS = 3000;

/**
 * Fetch a value at every opening of the stream and keep it up to date with `after`.
 *
 * Events that arrive while a fetch is under way are held and applied to its answer, so none falls between the two.
 * `key` names what is fetched: when it changes, the old value is dropped.
 */
export function useFollowed<T>(
  key: string,
  load: () => Promise<T>,
  after: (value: T, events: readonly FleetEvent[]) => T,
): Followed<T> {
  const { live } = useConnection();
  const [state, setState] = useState<{ key: string; value: T | null; error: unknown }>(() => ({
    key,
    value: null,
    error: null,
  }));
  const latest = useRef({ load, after });
  latest.current = { load, after };
  const refetch = useRef<() => void>(() => undefined);

  useEffect(() => {
    let current: T | null = null;
    let held: FleetEvent[] | null = null;
    let turn = 0;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const show = (value: T | null, error: unknown) => {
      current = value;
      setState({ key, value, error });
    };
    const opened = async () => {
      const mine = (turn += 1);
      clearTimeout(retry);
      held = [];
      try {
        const value = await latest.current.load();
        if (mine !== turn) return;
        show(held.length ? latest.current.after(value, held) : value, null);
      } catch (error) {
        if (mine !== turn) return;
        show(current, error);
        if (!(error instanceof Refused)) retry = setTimeout(() => live.isOpen && void opened(), RETRY_MS);
      } finally {
        if (mine === turn) held = null;
      }
    };
    const happened = (events: readonly FleetEvent[]) => {
      if (held) return void held.push(...events);
      if (current === null) return;
      const next = latest.current.after(current, events);
      if (next !== current) show(next, null);
    };
    refetch.current = () => void opened();
    const unfollow = live.follow({ opened: () => void opened(), happened });
    return () => {
      turn += 1;
      clearTimeout(retry);
      unfollow();
    };
  }, [live, key]);

  const reload = useCallback(() => refetch.current(), []);
  const isCurrent = state.key === key;
  return { value: isCurrent ? state.value : null, error: isCurrent ? state.error : null, reload };
}

/** Call `reload` after events that say only that something has changed, at most once in `every` milliseconds. */
export function useReloadAfter(reload: () => void, isCause: (event: FleetEvent) => boolean, every: number): void {
  const { live } = useConnection();
  const cause = useRef(isCause);
  cause.current = isCause;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    let last = -Infinity;
    const happened = (events: readonly FleetEvent[]) => {
      if (timer !== null || !events.some((event) => cause.current(event))) return;
      timer = setTimeout(
        () => {
          timer = null;
          last = performance.now();
          reload();
        },
        Math.max(0, last + every - performance.now()),
      );
    };
    const unfollow = live.follow({ opened: () => undefined, happened });
    return () => {
      unfollow();
      if (timer !== null) clearTimeout(timer);
    };
  }, [live, reload, every]);
}

/** Everything that this page has asked devices for, oldest first. */
export function useDeeds(): readonly Deed[] {
  const { deeds } = useConnection();
  const [all, setAll] = useState(() => deeds.all());
  useEffect(() => {
    const read = () => setAll(deeds.all());
    read();
    return deeds.watch(read);
  }, [deeds]);
  return all;
}

export function useLiveState(): LiveState {
  const { live } = useConnection();
  const [state, setState] = useState(live.state);
  useEffect(() => {
    const read = () => setState(live.state);
    read();
    return live.watch(read);
  }, [live]);
  return state;
}

/** Unix milliseconds, renewed every `every` milliseconds. */
export function useNow(every = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const read = () => setMatches(media.matches);
    read();
    media.addEventListener("change", read);
    return () => media.removeEventListener("change", read);
  }, [query]);
  return matches;
}

/** Give the browser's tab the title of the page. */
export function useTitle(...parts: readonly string[]): void {
  const title = [...parts, "Outpost"].join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}
