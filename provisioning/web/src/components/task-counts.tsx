import { useFormat } from "../format";
import { useWords } from "../i18n";
import type { Device } from "../model";
import { Icon } from "./icon";

/** How many tasks run, wait and have failed; what is zero is left out. */
export function TaskCounts({ tasks }: { tasks: Device["tasks"] }) {
  const words = useWords();
  const format = useFormat();
  const counts = [
    { state: "running", count: tasks.running, say: words.runningCount },
    { state: "waiting", count: tasks.waiting, say: words.waitingCount },
    { state: "failed", count: tasks.failed, say: words.failedCount },
  ] as const;
  const present = counts.filter(({ count }) => count > 0);
  if (!present.length) return <span class="faint">{words.idle}</span>;
  return (
    <span class="task-counts">
      {present.map(({ state, count, say }) => (
        <span key={state} class={`task-count ${state}`} title={say(format.count(count))}>
          <Icon name={state} size={13} />
          <span aria-hidden="true">{format.count(count)}</span>
          <span class="visually-hidden">{say(format.count(count))}</span>
        </span>
      ))}
    </span>
  );
}
