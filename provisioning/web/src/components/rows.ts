import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

const ROWS_BEYOND = 6;

export interface Rows {
  /** To be put on the element that holds the rows. */
  holder: RefObject<HTMLDivElement | null>;
  first: number;
  /** One past the last row to draw. */
  end: number;
}

/** Which of `count` rows of `height` pixels are on the screen, as the window scrolls; a few beyond it included. */
export function useVisibleRows(count: number, height: number): Rows {
  const holder = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState({ first: 0, end: 0 });

  useLayoutEffect(() => {
    const read = () => {
      const top = holder.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / height) - ROWS_BEYOND);
      const end = Math.min(count, Math.ceil((innerHeight - top) / height) + ROWS_BEYOND);
      setRange((known) => (known.first === first && known.end === end ? known : { first, end }));
    };
    read();
    addEventListener("scroll", read, { passive: true });
    addEventListener("resize", read);
    return () => {
      removeEventListener("scroll", read);
      removeEventListener("resize", read);
    };
  }, [count, height]);

  return { holder, first: Math.min(range.first, count), end: Math.min(range.end, count) };
}
