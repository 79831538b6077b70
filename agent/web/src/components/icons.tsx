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

export function ChatIcon() {
  return (
    <Icon>
      <path d="M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7.5L7 20.5V17H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2Z" />
    </Icon>
  );
}

export function TasksIcon() {
  return <Icon><path d="m3.5 6.5 1.7 1.7 3-3.4M3.5 16.5l1.7 1.7 3-3.4M12 7h8.5M12 17h8.5" /></Icon>;
}

export function ResultsIcon() {
  return <Icon><path d="M4 20h16M7 16.5v-5M12 16.5v-9M17 16.5v-3" /></Icon>;
}

export function PeopleIcon() {
  return (
    <Icon>
      <path d="M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20c.4-3.4 3-5.5 6.5-5.500s6.1 2.1 6.5 5.500M15.5 4.900a3.5 3.5 0 0 1 0 6.200M18 15.200c2 .8 3.2 2.5 3.5 4.8" />
    </Icon>
  );
}

export function ChannelsIcon() {
  return <Icon><path d="M20.5 4 3 11l6 2.300M20.5 4 17 19l-8-5.700M20.5 4 9 13.300V20l3.3-4" /></Icon>;
}

export function DeviceIcon() {
  return (
    <Icon>
      <path d="M7.5 5.500h9a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-9a2 2 0 0 1 2-2ZM9.5 9.500h5v5h-5zM9 2.500v3M15 2.500v3M9 18.500v3M15 18.500v3M2.5 9h3M2.5 15h3M18.5 9h3M18.5 15h3" />
    </Icon>
  );
}

export function PersonIcon() {
  return (
    <Icon>
      <path d="M12 11.500a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.500c.5-3.9 3.5-6.2 7.5-6.200s7 2.3 7.5 6.2" />
    </Icon>
  );
}

export function BackIcon() {
  return <Icon><path d="M14.5 5.5 8 12l6.5 6.5" /></Icon>;
}

export function KeyIcon() {
  return <Icon><path d="M8 19.500a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM11 12.500l8.5-8.500M16 7.500l3 3M13.5 10l2 2" /></Icon>;
}

export function PrintIcon() {
  return (
    <Icon>
      <path d="M7 8.500V3.500h10v5M7 17H5a2 2 0 0 1-2-2v-4.500a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2V15a2 2 0 0 1-2 2h-2M7 14h10v6.500H7z" />
    </Icon>
  );
}

export function PlusIcon() {
  return <Icon><path d="M12 5v14M5 12h14" /></Icon>;
}

export function CheckIcon() {
  return <Icon><path d="m5 12.5 4.5 4.500L19 7" /></Icon>;
}

export function CopyIcon() {
  return <Icon><path d="M8.5 8.500h11v11h-11zM15.5 8.500v-4h-11v11h4" /></Icon>;
}
