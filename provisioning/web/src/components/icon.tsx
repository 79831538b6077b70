const PATHS = {
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.4 10.4 14 14",
  close: "m4 4 8 8m0-8-8 8",
  back: "M10 3 5 8l5 5",
  up: "m4.5 9.5 3.5-4 3.5 4",
  down: "m4.5 6.5 3.5 4 3.5-4",
  system: "M2.5 3.5h11v7h-11zM6 13h4",
  light: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1.2v1.4m0 10.8v1.4M1.2 8h1.4m10.8 0h1.4M3.2 3.2l1 1m7.6 7.6 1 1m0-9.6-1 1m-7.6 7.6-1 1",
  dark: "M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1Z",
  leave: "M6 2.5H3.5v11H6M7 8h7m-2.5-2.8L14.2 8l-2.7 2.8",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  done: "m3.5 8.5 3 3 6-7",
  running: "M5 3.5 12 8l-7 4.5z",
  waiting: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM8 5v3.2l2 1.6",
  failed: "M8 3v6m0 3.2v.1",
  chip: "M4.5 4.5h7v7h-7zM6.5 2v2.5m3-2.5v2.5m-3 7V14m3-2.5V14M2 6.5h2.5M2 9.5h2.5m7-3H14m-2.5 3H14",
  people: "M6 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 6 8ZM1.6 13.200C1.9 10.9 3.7 9.6 6 9.600s4.1 1.3 4.4 3.600M10.6 3.200a2.4 2.4 0 0 1 0 4.500M12.2 9.900c1.2.5 2 1.6 2.2 3.3",
  channel: "M2.5 3h11v7.500H8L4.8 13.200v-2.700H2.500z",
  alert: "M8 2.4 14.3 13.200H1.700ZM8 6.600v3.100m0 1.600v.1",
  retry: "M13.2 8a5.2 5.2 0 1 1-1.6-3.700M13.2 2.200v2.600h-2.6",
  stop: "M4.5 4.500h7v7h-7z",
  tag: "M2.5 2.500h5l6 6-5 5-6-6zM5.3 5.300v.1",
  next: "m6 3 5 5-5 5",
  report: "M4 2h5.500L12.5 5v9H4zM6.5 7.500h3.500M6.5 10.500h3.5",
} as const;

export type IconName = keyof typeof PATHS;

/** A line drawing in the colour of the text around it; it says nothing to a screen reader. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
