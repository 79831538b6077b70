import assert from "node:assert/strict";
import test from "node:test";

import type { Message } from "../src/model.ts";
import { unseen, type Outgoing } from "../src/outgoing.ts";
import { EMPTY, firstToRead, isAnswered, merge, prepend, rows, unread } from "../src/timeline.ts";

function message(seq: number, change: Partial<Message> = {}): Message {
  return {
    seq,
    id: `m${seq}`,
    direction: "in",
    text: "hello",
    document: null,
    attachments: [],
    reply_to: null,
    task_id: null,
    state: "received",
    created: "2026-03-01T12:00:00Z",
    ...change,
  };
}

function outgoing(change: Partial<Outgoing> = {}): Outgoing {
  return {
    key: "k",
    text: "hello",
    files: [],
    created: new Date("2026-03-01T12:00:00Z"),
    delivery: { state: "sending", sent: 0, total: 0 },
    writtenAfter: 3,
    ...change,
  };
}

test("a message that comes twice is there once, as it came last", () => {
  const timeline = merge(merge(EMPTY, [message(1), message(2)]), [message(2, { text: "again" })]);
  assert.deepEqual(timeline.messages.map(({ seq, text }) => [seq, text]), [[1, "hello"], [2, "again"]]);
});

test("messages ascend however they come", () => {
  const timeline = merge(merge(EMPTY, [message(5)]), [message(2), message(7)]);
  assert.deepEqual(timeline.messages.map(({ seq }) => seq), [2, 5, 7]);
});

test("a page that is not full was the last", () => {
  assert.equal(prepend(EMPTY, [message(1), message(2)], 2).hasOlder, true);
  assert.equal(prepend(EMPTY, [message(1)], 2).hasOlder, false);
});

test("only the device's own reply answers a message", () => {
  const timeline = merge(EMPTY, [message(1), message(2, { direction: "out", reply_to: "m1" })]);
  assert.equal(isAnswered(timeline, "m1"), true);
  assert.equal(isAnswered(timeline, "m2"), false);
});

test("a day has one separator, and a side's first message is marked", () => {
  const timeline = merge(EMPTY, [
    message(1),
    message(2),
    message(3, { direction: "out" }),
    message(4, { direction: "out", created: "2026-03-03T12:00:00Z" }),
  ]);
  const drawn = rows(timeline, []).map((row) => (row.kind === "day" ? "day" : row.isFirst));
  assert.deepEqual(drawn, ["day", true, false, true, "day", true]);
});

test("a sent message gives way to the device's copy with its id", () => {
  const sent = outgoing({ delivery: { state: "sent", id: "m4" } });
  assert.deepEqual(unseen([sent], [message(4)]), []);
  assert.deepEqual(unseen([sent], [message(5)]), [sent]);
});

test("a copy that overtakes the answer is known by what it says, and only if it is newer", () => {
  assert.deepEqual(unseen([outgoing()], [message(4)]), []);
  assert.equal(unseen([outgoing()], [message(3)]).length, 1);
  assert.equal(unseen([outgoing()], [message(4, { text: "other" })]).length, 1);
  assert.equal(unseen([outgoing()], [message(4, { direction: "out" })]).length, 1);
});

test("reading begins with the first answer that was not on the screen yet", () => {
  const messages = [message(1), message(2, { direction: "out" }), message(3), message(4, { direction: "out" })];
  assert.equal(firstToRead(messages, 1)?.seq, 2);
  assert.equal(firstToRead(messages, 2)?.seq, 4);
  assert.equal(firstToRead(messages, 4), undefined);
  assert.equal(firstToRead([...messages, message(5)], 4), undefined);
});

test("on a page just opened reading begins with the newest message, if it is an answer", () => {
  const messages = [message(1), message(2, { direction: "out" }), message(3), message(4, { direction: "out" })];
  assert.equal(firstToRead(messages, 0)?.seq, 4);
  assert.equal(firstToRead(messages.slice(0, 3), 0), undefined);
  assert.equal(firstToRead([], 0), undefined);
});

test("an answer is unread until it was on a screen, here or elsewhere", () => {
  const messages = [
    message(1, { direction: "out", state: "delivered" }),
    message(2, { direction: "out", state: "queued" }),
    message(3),
    message(4, { direction: "out", state: "queued" }),
  ];
  const timeline = merge(EMPTY, messages);
  assert.deepEqual([0, 2, 4].map((read) => unread(timeline, read)), [2, 1, 0]);
});
