/** The work that messages have set off: chains of tasks, kept from live news and from answers about one chain. */

import type { Task, TaskState } from "./model";

/** A chain by the id of its last task, which is also what a message names. */
export interface Chain {
  root: string;
  /** What runs first stands first. */
  steps: readonly Task[];
}

export type Chains = ReadonlyMap<string, Chain>;

export const FINAL: ReadonlySet<TaskState> = new Set(["done", "failed", "cancelled"]);

/** Return the chains with the one that ends in `task`, laid out from its parents; what live news said later stays. */
export function learn(chains: Chains, task: Task): Chains {
  const steps = new Map<string, Task>();
  layOut(task, steps);
  for (const known of chains.get(task.id)?.steps ?? []) {
    const step = steps.get(known.id);
    if (step && known.updated > step.updated) steps.set(known.id, known);
  }
  return new Map(chains).set(task.id, { root: task.id, steps: [...steps.values()] });
}

/** Return the chains after news of one task; a task of a chain not known yet starts it. */
export function update(chains: Chains, task: Task): Chains {
  const root = task.root ?? task.id;
  const chain = chains.get(root) ?? { root, steps: [] };
  const isKnown = chain.steps.some((step) => step.id === task.id);
  const steps = isKnown ? chain.steps.map((step) => (step.id === task.id ? task : step)) : [...chain.steps, task];
  return new Map(chains).set(root, { root, steps });
}

/** The state of the whole: the first failure or cancellation, else what its last task says. */
export function outcome(chain: Chain): TaskState {
  const broken = chain.steps.find((step) => step.state === "failed" || step.state === "cancelled");
  if (broken) return broken.state;
  if (chain.steps.every((step) => step.state === "done")) return "done";
  return chain.steps.some((step) => step.state !== "waiting" && step.state !== "ready") ? "running" : "waiting";
}

export function isOver(chain: Chain): boolean {
  return FINAL.has(outcome(chain));
}

/** How far the whole is, from 0 to 1; every step weighs the same. */
export function share(chain: Chain): number {
  const done = chain.steps.reduce((sum, step) => sum + (step.state === "done" ? 1 : (step.progress ?? 0)), 0);
  return chain.steps.length === 0 ? 0 : done / chain.steps.length;
}

function layOut(task: Task, steps: Map<string, Task>): void {
  for (const parent of task.parents ?? []) layOut(parent, steps);
  steps.set(task.id, task);
}
