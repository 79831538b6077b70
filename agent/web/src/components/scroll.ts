/**
 * Keeps the reader's place: at the end while they are there, where they read when older messages come in above. An
 * answer that is taller than the view is shown from its top, as it is read from there.
 */

import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Message } from "../model";
import { firstToRead } from "../timeline";

/** So many pixels from the end still count as the end. */
const END_SLACK_PX = 48;
/** So many pixels stay free above an answer that is shown from its top. */
const TOP_GAP_PX = 8;
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
  toUnread: () => void;
}

/** Where the page keeps the reader: at the end, or at the top of the message with this `seq`. */
type Kept = "end" | number;

export function useScroll({ messages, sent, onTop }: Watched): Scroll {
  const box = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const place = useRef<Kept | "elsewhere">("end");
  /** How far the page itself scrolled last: what differs from it was the reader. */
  const placed = useRef(0);
  const before = useRef({ first: 0, last: 0, height: 0, sent: 0 });
  const firstUnread = useRef<number | null>(null);
  const [unread, setUnread] = useState(0);

  const toUnread = useCallback(() => {
    const view = box.current;
    if (!view) return;
    const next = landing(view, firstUnread.current);
    place.current = next;
    firstUnread.current = null;
    setUnread(0);
    view.scrollTo({ top: offset(view, next), behavior: "smooth" });
  }, []);

  useLayoutEffect(() => {
    const view = box.current;
    if (!view) return;
    const first = messages[0]?.seq ?? 0;
    const last = messages.at(-1)?.seq ?? 0;
    const was = before.current;
    const answer = firstToRead(messages, was.last)?.seq ?? null;
    if (sent > was.sent) place.current = "end";
    else if (place.current === "end") place.current = landing(view, answer);
    else if (answer !== null) {
      const fresh = messages.filter((message) => message.seq > was.last && message.direction === "out").length;
      firstUnread.current ??= answer;
      setUnread((count) => count + fresh);
    }
    if (place.current !== "elsewhere") placed.current = scrollTo(view, place.current);
    else if (first < was.first) view.scrollTop += view.scrollHeight - was.height;
    before.current = { first, last, height: view.scrollHeight, sent };
  }, [messages, sent]);

  useEffect(() => {
    const view = box.current;
    if (!view || !content.current) return undefined;
    const watch = () => {
      if (place.current !== "elsewhere" && Math.abs(view.scrollTop - placed.current) < 1) return;
      const isAtEnd = view.scrollHeight - view.scrollTop - view.clientHeight < END_SLACK_PX;
      place.current = isAtEnd ? "end" : "elsewhere";
      if (!isAtEnd) return;
      firstUnread.current = null;
      setUnread(0);
    };
    const grown = new ResizeObserver(() => {
      if (place.current !== "elsewhere") placed.current = scrollTo(view, place.current);
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

  return { box, content, top, unread, toUnread };
}

/** The place to read on from the message `seq`: its top, unless it and all after it fit into the view. */
function landing(view: HTMLElement, seq: number | null): Kept {
  return seq !== null && view.scrollHeight - offset(view, seq) > view.clientHeight ? seq : "end";
}

/** Scroll to `place`; return how far that turned out to be. */
function scrollTo(view: HTMLElement, place: Kept): number {
  view.scrollTop = offset(view, place);
  return view.scrollTop;
}

/** How far the view is scrolled at `place`. */
function offset(view: HTMLElement, place: Kept): number {
  const row = place === "end" ? null : view.querySelector(`[data-seq="${place}"]`);
  if (!row) return view.scrollHeight - view.clientHeight;
  return row.getBoundingClientRect().top - view.getBoundingClientRect().top + view.scrollTop - TOP_GAP_PX;
}
