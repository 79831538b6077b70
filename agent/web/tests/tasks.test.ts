import assert from "node:assert/strict";
import test from "node:test";

import type { Task } from "../src/model.ts";
import { isOver, learn, outcome, share, update, type Chain, type Chains } from "../src/tasks.ts";

function task(id: string, change: Partial<Task> = {}): Task {
  return {
    id,
    kind: `log.${id}`,
    title: id,
    state: "waiting",
    progress: null,
    error: null,
    updated: "2026-03-01T12:00:00.000Z",
    ...change,
  };
}

const WHOLE = task("report", { parents: [task("analyse", { parents: [task("standardise", { parents: [] })] })] });
const LATER = "2026-03-01T12:00:01.000Z";

function chain(chains: Chains): Chain {
  const found = chains.get("report");
  assert.ok(found);
  return found;
}

test("a chain stands in the order in which it runs", () => {
  assert.deepEqual(chain(learn(new Map(), WHOLE)).steps.map(({ id }) => id), ["standardise", "analyse", "report"]);
});

test("news of one task changes its step and nothing else", () => {
  const news = task("standardise", { state: "running", progress: 0.5, root: "report" });
  const chains = update(learn(new Map(), WHOLE), news);
  assert.deepEqual(chain(chains).steps.map(({ state }) => state), ["running", "waiting", "waiting"]);
  assert.equal(outcome(chain(chains)), "running");
  assert.equal(share(chain(chains)), 0.5 / 3);
});

test("an answer that was overtaken by news does not undo it", () => {
  const news = task("analyse", { state: "done", updated: LATER, root: "report" });
  const chains = learn(update(learn(new Map(), WHOLE), news), WHOLE);
  assert.deepEqual(chain(chains).steps.map(({ state }) => state), ["waiting", "done", "waiting"]);
});

test("one failed step makes the whole fail", () => {
  const chains = update(learn(new Map(), WHOLE), task("analyse", { state: "failed", root: "report" }));
  assert.equal(outcome(chain(chains)), "failed");
  assert.equal(isOver(chain(chains)), true);
});
