/** Tasks that depend on one another, joined to the pieces of work that a person asked for. Pure. */

import type { Task, TaskState } from "./model";

/** One piece of work: its tasks, each after those it needs. */
export interface Chain {
  /** The id of the last task, which names the chain. */
  id: string;
  steps: readonly Task[];
  state: TaskState;
  created: number;
  updated: number;
  error: string | null;
}

/** Return the chains of `tasks`, the newest first. Parents that are not among `tasks` are left out. */
export function chainsOf(tasks: readonly Task[]): Chain[] {
  const known = new Map(tasks.map((task) => [task.id, task]));
  const needed = new Set(tasks.flatMap((task) => task.parents));
  const taken = new Set<string>();
  const last = tasks.filter((task) => !needed.has(task.id));
  return last.map((task) => chainOf(stepsTo(task, known, taken))).sort((a, b) => b.created - a.created);
}

function stepsTo(task: Task, known: ReadonlyMap<string, Task>, taken: Set<string>): Task[] {
  if (taken.has(task.id)) return [];
  taken.add(task.id);
  const before = task.parents.flatMap((id) => {
    const parent = known.get(id);
    return parent ? stepsTo(parent, known, taken) : [];
  });
  return [...before, task];
}

/** The chain that `steps` are, first to last; at least one. */
export function chainOf(steps: readonly Task[]): Chain {
  return {
    id: steps.at(-1)!.id,
    steps,
    state: stateOf(steps.map((step) => step.state)),
    created: Math.min(...steps.map((step) => step.created)),
    updated: Math.max(...steps.map((step) => step.updated)),
    error: steps.find((step) => step.error)?.error ?? null,
  };
}

/** What decides first: trouble, then work in hand, then what still waits; done only when every step is. */
const PRECEDENCE: readonly TaskState[] = ["failed", "cancelled", "running", "ready", "waiting"];

function stateOf(states: readonly TaskState[]): TaskState {
  const started = states.includes("done");
  const state = PRECEDENCE.find((candidate) => states.includes(candidate)) ?? "done";
  return started && (state === "ready" || state === "waiting") ? "running" : state;
}

export function isOver(state: TaskState): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

/** When a step could start: once it was there and those it needs were done. */
export function couldStart(step: Task, steps: readonly Task[]): number {
  const needed = steps.filter((other) => step.parents.includes(other.id)).map((other) => other.updated);
  return Math.max(step.created, ...needed);
}
