/** Keeps the reader's place: at the end while they are there, where they read when older messages come in above. */

import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Message } from "../model";

/** So many pixels from the end still count as the end. */
const END_SLACK_PX = 48;
/** Older messages are asked for when the top is this near. */
const TOP_MARGIN = "600px 0px 0px 0px";

interface Watched {
  messages: readonly Message[];
  /** Messages under way; one more brings the reader to the end. */
  sent: number;
  onTop: () => void;
}

export interface Scroll {
  box: RefObject<HTMLElement | null>;
  content: RefObject<HTMLDivElement | null>;
  top: RefObject<HTMLDivElement | null>;
  /** Messages that came in below what the reader sees. */
  unread: number;
  toEnd: () => void;
}

export function useScroll({ messages, sent, onTop }: Watched): Scroll {
  const box = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const before = useRef({ first: 0, last: 0, height: 0, sent: 0 });
  const [unread, setUnread] = useState(0);

  const toEnd = useCallback(() => {
    isAtEnd.current = true;
    setUnread(0);
    box.current?.scrollTo({ top: box.current.scrollHeight, behavior: "smooth" });
  }, []);

  useLayoutEffect(() => {
    const view = box.current;
    if (!view) return;
    const first = messages[0]?.seq ?? 0;
    const last = messages.at(-1)?.seq ?? 0;
    const was = before.current;
    if (sent > was.sent) isAtEnd.current = true;
    if (isAtEnd.current) {
      view.scrollTop = view.scrollHeight;
    } else {
      if (first < was.first) view.scrollTop += view.scrollHeight - was.height;
      const fresh = messages.filter((message) => message.seq > was.last && message.direction === "out").length;
      if (fresh > 0) setUnread((count) => count + fresh);
    }
    before.current = { first, last, height: view.scrollHeight, sent };
  }, [messages, sent]);

  useEffect(() => {
    const view = box.current;
    if (!view || !content.current) return undefined;
    const watch = () => {
      isAtEnd.current = view.scrollHeight - view.scrollTop - view.clientHeight < END_SLACK_PX;
      if (isAtEnd.current) setUnread(0);
    };
    const grown = new ResizeObserver(() => {
      if (isAtEnd.current) view.scrollTop = view.scrollHeight;
      before.current.height = view.scrollHeight;
    });
    view.addEventListener("scroll", watch, { passive: true });
    grown.observe(content.current);
    grown.observe(view);
    return () => {
      view.removeEventListener("scroll", watch);
      grown.disconnect();
    };
  }, []);

  useEffect(() => {
    if (!top.current) return undefined;
    const near = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) onTop();
    }, { root: box.current, rootMargin: TOP_MARGIN });
    near.observe(top.current);
    return () => near.disconnect();
  }, [onTop, messages]);

  return { box, content, top, unread, toEnd };
}
