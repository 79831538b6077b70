/** What the device says over HTTP and WebSocket. The same device serves this page, so shapes are trusted. */

import type { Document } from "./document";

export type Role = "owner" | "user";

export interface Person {
  id: string;
  name: string;
  role: Role;
}

export interface Me {
  device: { id: string; name: string };
  version: string;
  languages: readonly string[];
  limits: { attachment_bytes: number; files: number; text: number };
  person: Person;
  /** Where browsers on the network reach the device. */
  address: string;
}

export interface Attachment {
  name: string;
  type: string;
  /** Bytes. */
  size: number;
  url: string;
}

export type MessageState = "received" | "queued" | "sending" | "delivered" | "unknown";

export interface Message {
  seq: number;
  id: string;
  /** `in` is what the person wrote, `out` what the device says. */
  direction: "in" | "out";
  text: string;
  document: Document | null;
  attachments: readonly Attachment[];
  reply_to: string | null;
  task_id: string | null;
  state: MessageState;
  /** ISO 8601, UTC. */
  created: string;
}

export type TaskState = "waiting" | "ready" | "running" | "done" | "failed" | "cancelled";

export interface Task {
  id: string;
  kind: string;
  title: string;
  state: TaskState;
  /** From 0 to 1; null while unknown. */
  progress: number | null;
  error: string | null;
  /** ISO 8601, UTC, of one width: later is greater as a string. */
  updated: string;
  /** The tasks it waits for; only in the answer to a question about one task. */
  parents?: readonly Task[];
  /** The last task of its chain, null when it belongs to none; only in live news. */
  root?: string | null;
}

/** The last task of a chain, as the list of tasks shows it. */
export interface TaskRow extends Task {
  created: string;
  /** Who asked. */
  person: string;
  channel: string;
  chat: string;
}

/** Whose tasks and results are shown: one's own, or the owner's view of everybody's. */
export type Scope = "mine" | "all";

/** An answer that a task made. */
export interface ResultRow {
  seq: number;
  id: string;
  task_id: string;
  title: string;
  created: string;
  channel: string;
  chat: string;
  person: string;
  attachments: readonly Attachment[];
  document: Document | null;
}

/** What the device pushes over the WebSocket; other types, from a newer device, are passed over. */
export type News =
  | { type: "message"; message: Message }
  | { type: "state"; seq: number; state: MessageState }
  | { type: "task"; task: Task }
  /** People or requests have changed; told to owners, who fetch them anew. */
  | { type: "people" }
  /** Channels have changed; told to owners, who fetch them anew. */
  | { type: "channels" };

export interface Accepted {
  message_id: string;
  task_id: string | null;
}
