/** Messages on their way from this page to the device: pure functions over the list of them. */

import type { Message } from "./model";

export type Delivery =
  | { state: "sending"; sent: number; total: number }
  /** Stored by the device under `id`; its own copy has not arrived here yet. */
  | { state: "sent"; id: string }
  /** No answer came. Sending again under the same key is safe. */
  | { state: "lost" }
  | { state: "refused" };

export interface Outgoing {
  /** The Idempotency-Key; stays the same over every try. */
  key: string;
  text: string;
  files: readonly File[];
  created: Date;
  delivery: Delivery;
  /** The highest `seq` known when it was written: the device's copy comes later. */
  writtenAfter: number;
}

/** Return the list with the delivery of `key` changed; a key that has gone changes nothing. */
export function deliver(list: readonly Outgoing[], key: string, delivery: Delivery): readonly Outgoing[] {
  return list.map((one) => (one.key === key ? { ...one, delivery } : one));
}

export function without(list: readonly Outgoing[], key: string): readonly Outgoing[] {
  return list.filter((one) => one.key !== key);
}

/**
 * Return those of `list` that `messages` do not show yet. The device's copy is known by the id in its answer; where
 * the copy overtakes the answer, by what it says.
 */
export function unseen(list: readonly Outgoing[], messages: readonly Message[]): readonly Outgoing[] {
  if (list.length === 0) return list;
  const left = list.filter((one) => !messages.some((message) => isCopy(message, one)));
  return left.length === list.length ? list : left;
}

function isCopy(message: Message, one: Outgoing): boolean {
  if (message.direction !== "in") return false;
  if (one.delivery.state === "sent") return message.id === one.delivery.id;
  return (
    message.seq > one.writtenAfter &&
    message.text.trim() === one.text.trim() &&
    message.attachments.length === one.files.length &&
    message.attachments.every((attachment, index) => attachment.size === one.files[index]?.size)
  );
}
