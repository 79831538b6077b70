import { words } from "../i18n";
import type { TaskState } from "../model";

export function TaskBadge({ state }: { state: TaskState }) {
  return <span class={`badge badge-${state}`} data-testid="state" data-state={state}>{words.tasks.states[state]}</span>;
}
