import { useState } from "preact/hooks";

import { PAGE } from "../api";

export interface Older<T> {
  /** The newest ones and those that were fetched after them. */
  items: readonly T[];
  hasMore: boolean;
  isBusy: boolean;
  error: unknown;
  more: () => void;
}

/** `newest` with the pages before it, fetched one by one with `load`, which takes the id to go on from. */
export function useOlder<T extends { id: string }>(
  newest: readonly T[] | null,
  load: (before: string) => Promise<T[]>,
): Older<T> {
  const [older, setOlder] = useState<readonly T[]>([]);
  const [last, setLast] = useState<number | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const known = new Set(newest?.map((item) => item.id));
  const items = [...(newest ?? []), ...older.filter((item) => !known.has(item.id))];
  const more = async () => {
    setBusy(true);
    setError(null);
    try {
      const page = await load(items.at(-1)!.id);
      setOlder((before) => [...before, ...page]);
      setLast(page.length);
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  };
  return { items, hasMore: (last ?? newest?.length ?? 0) >= PAGE, isBusy, error, more: () => void more() };
}
