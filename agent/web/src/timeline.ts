/** What is on the screen, in order: pure functions over the messages known and the ones under way. */

import type { Message, MessageState } from "./model";
import type { Outgoing } from "./outgoing";

/** Messages ascend by `seq` and each `seq` occurs once. */
export interface Timeline {
  messages: readonly Message[];
  /** Whether the device may hold messages from before the first. */
  hasOlder: boolean;
}

export const EMPTY: Timeline = { messages: [], hasOlder: false };

/** Return the timeline with `fresh` put in; a message known already is replaced. */
export function merge(timeline: Timeline, fresh: readonly Message[]): Timeline {
  const last = timeline.messages.at(-1)?.seq ?? -1;
  const first = fresh[0]?.seq;
  if (first === undefined) return timeline;
  if (first > last) return { ...timeline, messages: [...timeline.messages, ...fresh] };
  const bySeq = new Map(timeline.messages.map((message) => [message.seq, message]));
  for (const message of fresh) bySeq.set(message.seq, message);
  return { ...timeline, messages: [...bySeq.values()].sort((a, b) => a.seq - b.seq) };
}

/** Return the timeline with a page of earlier messages; a page that is not full was the last. */
export function prepend(timeline: Timeline, page: readonly Message[], limit: number): Timeline {
  return { ...merge(timeline, page), hasOlder: page.length >= limit };
}

/** Return the timeline after the device said how far the message `seq` has come. */
export function advance(timeline: Timeline, seq: number, state: MessageState): Timeline {
  const messages = timeline.messages.map((message) => (message.seq === seq ? { ...message, state } : message));
  return { ...timeline, messages };
}

/** Whether an answer to the message `id` is there. */
export function isAnswered(timeline: Timeline, id: string): boolean {
  return timeline.messages.some((message) => message.direction === "out" && message.reply_to === id);
}

/**
 * Return the answer to begin reading with, after everything up to `read` was on the screen: the first that is newer. Of
 * messages that were never on the screen (`read` is 0) it is the newest, if that is an answer.
 */
export function firstToRead(messages: readonly Message[], read: number): Message | undefined {
  const fresh = read === 0 ? messages.slice(-1) : messages.filter((message) => message.seq > read);
  return fresh.find((message) => message.direction === "out");
}

/** How many answers nobody has seen: neither here, up to `read`, nor in another browser. */
export function unread(timeline: Timeline, read: number): number {
  const isFresh = ({ direction, state, seq }: Message) => direction === "out" && state !== "delivered" && seq > read;
  return timeline.messages.filter(isFresh).length;
}

export type Row =
  | { kind: "day"; key: string; when: Date }
  | { kind: "message"; key: string; message: Message; isFirst: boolean }
  | { kind: "outgoing"; key: string; outgoing: Outgoing; isFirst: boolean };

/**
 * Return the rows to draw: a separator before each new day, then each message, then what is still under way.
 * `isFirst` marks the first of several by the same side, which stand closer together.
 */
export function rows(timeline: Timeline, outgoing: readonly Outgoing[]): Row[] {
  const drawn: Row[] = [];
  let day = "";
  let side = "";
  const place = (when: Date, by: string): boolean => {
    const changed = when.toDateString() !== day;
    if (changed) drawn.push({ kind: "day", key: `day ${when.toDateString()}`, when });
    const isFirst = changed || by !== side;
    day = when.toDateString();
    side = by;
    return isFirst;
  };
  for (const message of timeline.messages) {
    const isFirst = place(new Date(message.created), message.direction);
    drawn.push({ kind: "message", key: `seq ${message.seq}`, message, isFirst });
  }
  for (const one of outgoing) {
    drawn.push({ kind: "outgoing", key: one.key, outgoing: one, isFirst: place(one.created, "in") });
  }
  return drawn;
}
