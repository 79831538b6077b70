/** What the device tells its owner about people, channels and itself. */

import type { Role, TaskState } from "./model";

/** Somebody whom the device does not know asks to talk to it. */
export interface PairingRequest {
  id: string;
  code: string;
  channel: string;
  sender: string;
  name: string;
  created_ms: number;
  expires_ms: number;
}

/** Who a person is on one channel. */
export interface Identity {
  channel: string;
  sender: string;
  name: string;
  since_ms: number;
}

export interface PersonFacts {
  id: string;
  name: string;
  role: Role;
  identities: readonly Identity[];
}

export interface People {
  people: readonly PersonFacts[];
  /** Oldest first. */
  requests: readonly PairingRequest[];
  /** Strangers who got no code since the start. */
  turned_away: number;
}

export type ChannelState = "connecting" | "on" | "unreachable" | "refused" | "contested" | "broken" | "off";

export interface ChannelFacts {
  name: string;
  kind: string;
  state: ChannelState;
  account: string;
  /** Why it is not simply on, in each language. */
  en: string;
  zh: string;
  since_ms: number;
  /** Whether it was added here; one from the settings file is removed there. */
  removable?: boolean;
}

export interface NewChannel {
  name: string;
  kind: "telegram";
  options: { token: string; api?: string };
  proxy: string;
}

/** Shares are 0 to 1, `temperature` is in °C. */
export interface Sample {
  time_ms: number;
  cpu: number;
  memory: number;
  disk: number;
  temperature: number | null;
}

/** What left the device since the start, by where it went and what it was. */
export interface Departed {
  destination: string;
  kind: string;
  count: number;
  bytes: number;
}

export interface Health {
  health: Omit<Sample, "time_ms"> & { load: number; rss: number };
  /** The last hour, oldest first. */
  samples: readonly Sample[];
  uptime_s: number;
  release: string;
  tasks: Partial<Record<TaskState, number>>;
  undelivered: Readonly<Record<string, number>>;
  link: { connected: boolean; outbox: number } | null;
  egress: readonly Departed[];
  address: string;
}

export interface Invitation {
  link: string;
  /** ISO 8601 or Unix milliseconds. */
  expires: string | number;
}

/** One conversation in one channel. */
export interface ChatFacts {
  channel: string;
  chat: string;
  person: string | null;
  name: string;
  /** When something was said last: ISO 8601 or Unix milliseconds. */
  last: string | number | null;
  count: number;
}
