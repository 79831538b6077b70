/** The page's few signs, drawn here so that nothing is loaded. */

import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"
      stroke-linejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

/** A hut under a signal: the device at its post. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="currentColor" />
      <path class="mark-lines" d="M6.5 24.5 16 14l9.5 10.5M16 24.5v-3.2M12.6 10.4a4.8 4.8 0 0 1 6.8 0" />
      <path class="mark-lines" d="M9.8 7.4a8.8 8.8 0 0 1 12.4 0" stroke-opacity=".5" />
    </svg>
  );
}

export function SendIcon() {
  return <Icon><path d="M12 19V5M5.5 11.5 12 5l6.5 6.5" /></Icon>;
}

export function AttachIcon() {
  return (
    <Icon>
      <path d="m20 11-8.6 8.6a5 5 0 0 1-7.1-7.1l8.9-8.9a3.4 3.4 0 0 1 4.8 4.8l-8.9 8.9a1.7 1.7 0 0 1-2.4-2.4l8-8" />
    </Icon>
  );
}

export function CloseIcon() {
  return <Icon><path d="m6 6 12 12M18 6 6 18" /></Icon>;
}

export function DownloadIcon() {
  return <Icon><path d="M12 4v11m-5-4.5 5 5 5-5M5 20h14" /></Icon>;
}

export function FileIcon() {
  return (
    <Icon>
      <path d="M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5zM13.5 3v5.5H19M8.5 13h7M8.5 16.5h4.5" />
    </Icon>
  );
}

export function DownIcon() {
  return <Icon><path d="M12 5v14m-6.5-6.5L12 19l6.5-6.5" /></Icon>;
}
