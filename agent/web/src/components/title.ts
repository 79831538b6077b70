import { useEffect, useRef, useState } from "preact/hooks";

import type { Message } from "../model";

/** Name the tab, and count there what the device says while nobody looks. */
export function useTitle(title: string, messages: readonly Message[]): void {
  const seen = useRef(0);
  const [isHidden, setHidden] = useState(document.hidden);
  useEffect(() => {
    const watch = () => setHidden(document.hidden);
    document.addEventListener("visibilitychange", watch);
    return () => document.removeEventListener("visibilitychange", watch);
  }, []);
  useEffect(() => {
    if (!isHidden || seen.current === 0) seen.current = messages.at(-1)?.seq ?? 0;
    const fresh = messages.filter((message) => message.direction === "out" && message.seq > seen.current).length;
    document.title = fresh > 0 ? `(${fresh}) ${title}` : title;
  }, [title, messages, isHidden]);
}
