import type { ComponentChildren, VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { useWords } from "../i18n";
import { useVisibleRows } from "./rows";

/** Where a row stands: its index, and its distance from the top of the table in pixels. */
export interface Place {
  index: number;
  top: number;
}

interface RowTableProps<T> {
  /** Names the table in the style sheet, which gives each of its rows the height `height`. */
  kind: string;
  label: string;
  head: ComponentChildren;
  items: readonly T[];
  height: number;
  children: (item: T, place: Place) => VNode;
}

/**
 * A table of rows of one height; only those on the screen are in the page, so five thousand scroll like fifty.
 *
 * The arrow keys, page keys, Home and End move the focus among the `.row-link` of the rows.
 */
export function RowTable<T>({ kind, label, head, items, height, children }: RowTableProps<T>) {
  const words = useWords();
  const { holder, first, end } = useVisibleRows(items.length, height);
  const wanted = useRef<number | null>(null);
  const focusWanted = () => {
    const index = wanted.current;
    const link = holder.current?.querySelector<HTMLElement>(`[aria-rowindex="${(index ?? -2) + 2}"] .row-link`);
    if (!link) return;
    wanted.current = null;
    link.focus();
  };
  useLayoutEffect(focusWanted, [first, end]);

  const move = (event: KeyboardEvent) => {
    const row = (event.target as Element).closest("[aria-rowindex]");
    const isLink = (event.target as Element).matches(".row-link");
    if (!row || !isLink || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = destination(event.key, Number(row.getAttribute("aria-rowindex")) - 2, items.length, height);
    if (target === null) return;
    event.preventDefault();
    wanted.current = target;
    if (target < first || target >= end) {
      const top = scrollY + (holder.current?.getBoundingClientRect().top ?? 0);
      scrollTo(0, top + target * height - innerHeight / 2);
    }
    focusWanted();
  };
  return (
    <div class={`rows card ${kind}`} role="table" aria-label={label} aria-rowcount={items.length + 1} data-testid={kind}>
      <div class="row-head" role="row" aria-rowindex={1}>
        {head}
      </div>
      <div
        class="row-holder"
        role="rowgroup"
        aria-description={words.keys}
        ref={holder}
        style={{ height: `${items.length * height}px` }}
        onKeyDown={move}
      >
        {items.slice(first, end).map((item, at) => children(item, { index: first + at, top: (first + at) * height }))}
      </div>
    </div>
  );
}

/** What a row has to carry to stand in its place. */
export function rowAt({ index, top }: Place) {
  return { role: "row", "aria-rowindex": index + 2, style: { transform: `translateY(${top}px)` } } as const;
}

function destination(key: string, from: number, count: number, height: number): number | null {
  const page = Math.max(1, Math.floor(innerHeight / height) - 3);
  const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = steps[key];
  return step === undefined ? null : Math.min(count - 1, Math.max(0, from + step));
}
