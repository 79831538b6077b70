import assert from "node:assert/strict";
import test from "node:test";

import { IDLE, step, type Action, type Event, type Line } from "../src/connection.ts";

const OPEN: Line = { ...IDLE, phase: "open", after: 7, reachable: true };

/** Feed `events` in turn, with an even chance; return the last line and all actions. */
function run(line: Line, ...events: Event[]): [Line, Action[]] {
  const done: Action[] = [];
  for (const event of events) {
    const [next, actions] = step(line, event, 0.5);
    line = next;
    done.push(...actions);
  }
  return [line, done];
}

test("loads the newest messages first, then opens a socket after the last of them", () => {
  const [line, actions] = run(IDLE, { type: "started" }, { type: "loaded", newest: 7 }, { type: "opened" });
  assert.deepEqual(actions, [{ do: "load" }, { do: "open", after: 7 }]);
  assert.deepEqual(line, OPEN);
});

test("goes on after the highest sequence number it has received", () => {
  const [heard] = run(OPEN, { type: "received", seq: 9 }, { type: "received", seq: 8 });
  const [, actions] = run(heard, { type: "failed" }, { type: "woke" });
  assert.deepEqual(actions.at(-1), { do: "open", after: 9 });
});

test("is not reachable once its socket has closed", () => {
  const [line] = run(OPEN, { type: "failed" });
  assert.equal(line.reachable, false);
  assert.equal(line.phase, "resting");
});

test("polls when two sockets in a row cannot be had", () => {
  const [line, actions] = run(OPEN, { type: "failed" }, { type: "woke" }, { type: "failed" });
  assert.equal(line.phase, "polling");
  assert.deepEqual(actions.at(-1), { do: "poll", after: 7 });
});

test("tries a socket again after three polls, and polls on when there is none", () => {
  const polling: Line = { ...OPEN, phase: "polling", failures: 2 };
  const polled: Event = { type: "polled", newest: 0 };
  const [opening, actions] = run(polling, polled, polled, polled);
  assert.deepEqual(actions.map((action) => action.do), ["poll", "poll", "open"]);
  assert.equal(run(opening, { type: "failed" })[0].phase, "polling");
});

test("a poll that brings nothing leaves its place where it was", () => {
  const [line] = run({ ...OPEN, phase: "polling" }, { type: "polled", newest: 0 });
  assert.equal(line.after, 7);
});

test("rests longer after each failure, at most fifteen seconds, spread by chance", () => {
  const rest = (failures: number, chance: number) => step({ ...OPEN, failures }, { type: "failed" }, chance)[1];
  assert.deepEqual(rest(0, 0), [{ do: "wake", after_ms: 250 }]);
  assert.deepEqual(rest(0, 1), [{ do: "wake", after_ms: 500 }]);
  assert.deepEqual(rest(3, 1), [{ do: "wake", after_ms: 4000 }]);
  assert.deepEqual(rest(20, 1), [{ do: "wake", after_ms: 15_000 }]);
});

test("gives up what may be dead and starts afresh when the page comes back", () => {
  assert.deepEqual(run(OPEN, { type: "resumed" })[1], [{ do: "drop" }, { do: "open", after: 7 }]);
  assert.deepEqual(run({ ...IDLE, phase: "resting" }, { type: "resumed" })[1], [{ do: "drop" }, { do: "load" }]);
});

test("says what was wrong when an event does not fit", () => {
  assert.throws(() => step(IDLE, { type: "opened" }, 0.5), /the line was opened while idle/);
});
