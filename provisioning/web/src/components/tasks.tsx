import { useMemo, useState } from "preact/hooks";

import { type Chain, chainsOf, isOver } from "../chains";
import { useFormat } from "../format";
import { useConnection, useFollowed, useNow } from "../hooks";
import { useWords, type Words } from "../i18n";
import type { Result, Task } from "../model";
import { resultAddress, taskAddress } from "../router";
import { tasksAfter } from "../store";
import { Empty, Trouble } from "./empty";
import { Icon } from "./icon";
import { OlderButton } from "./older-button";
import { useOlder } from "./older";
import { TaskOrders, TaskOutcome } from "./task-orders";

const SHOWN_FIRST = 6;

/** What a device works on and has worked on: one row per chain, with its steps and the way to its result. */
export function Tasks({ id, results }: { id: string; results: readonly Result[] }) {
  const words = useWords();
  const { api } = useConnection();
  const [all, setAll] = useState(false);
  const tasks = useFollowed<readonly Task[]>(
    `tasks ${id}`,
    () => api.tasks(id),
    (value, events) => tasksAfter(value, events, id),
  );
  const older = useOlder(tasks.value, (before) => api.tasks(id, before));
  const chains = useMemo(() => chainsOf(older.items), [tasks.value, older.items.length]);
  const resultOf = useMemo(() => new Map(results.map((result) => [result.task_id, result])), [results]);
  const shown = all ? chains : chains.slice(0, SHOWN_FIRST);
  return (
    <section class="section" data-testid="tasks">
      <div class="section-head">
        <h2>{words.tasks}</h2>
      </div>
      <div class="card">
        {tasks.error && !tasks.value ? <Trouble error={tasks.error} onAgain={tasks.reload} /> : null}
        {tasks.value && !chains.length && (
          <Empty icon="waiting" title={words.noTasks} testid="no-tasks">
            <p>{words.noTasksBody}</p>
          </Empty>
        )}
        {chains.length > 0 && <ChainTable device={id} chains={shown} resultOf={resultOf} />}
        {chains.length > shown.length && (
          <button class="more-rows" data-testid="more-tasks" onClick={() => setAll(true)}>
            {words.showMore(chains.length - shown.length)}
          </button>
        )}
        {chains.length === shown.length && <OlderButton older={older} />}
      </div>
    </section>
  );
}

interface ChainTableProps {
  device: string;
  chains: readonly Chain[];
  /** Results by the task that gave them. */
  resultOf: ReadonlyMap<string | null, Result>;
}

function ChainTable({ device, chains, resultOf }: ChainTableProps) {
  const words = useWords();
  const now = useNow();
  return (
    <table class="chains">
      <thead>
        <tr>
          <th scope="col">{words.task}</th>
          <th scope="col">{words.steps}</th>
          <th scope="col">{words.column.state}</th>
          <th scope="col" class="figure">{words.duration}</th>
          <th scope="col">
            <span class="visually-hidden">{words.commands}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {chains.map((chain) => (
          <ChainRow key={chain.id} device={device} chain={chain} result={resultOf.get(chain.id)} now={now} />
        ))}
      </tbody>
    </table>
  );
}

interface ChainRowProps {
  device: string;
  chain: Chain;
  result: Result | undefined;
  now: number;
}

function ChainRow({ device, chain, result, now }: ChainRowProps) {
  const words = useWords();
  const format = useFormat();
  const attempt = Math.max(...chain.steps.map((step) => step.attempt));
  return (
    <tr data-testid="chain" data-id={chain.id} data-state={chain.state}>
      <td class="chain-title">
        <a href={taskAddress(device, chain.id)} data-testid="task-link">
          {result?.title ?? titleOf(chain.steps, words)}
        </a>
        <span class="mono faint">{chain.id}</span>
      </td>
      <td class="chain-steps">
        <ol class="steps">
          {chain.steps.map((step) => (
            <Step key={step.id} step={step} />
          ))}
        </ol>
        {chain.error && <p class="chain-error">{chain.error}</p>}
        <TaskOutcome device={device} chain={chain} />
      </td>
      <td class="chain-state">
        <span class={`badge ${chain.state}`}>{words.taskState[chain.state]}</span>
        {attempt > 1 && <span class="faint">{words.attempt(attempt)}</span>}
      </td>
      <td class="figure">
        <span>{format.span((isOver(chain.state) ? chain.updated : now) - chain.created)}</span>
        <span class="faint" title={`${words.updated} ${format.moment(chain.updated)}`}>
          {format.ago(chain.updated, now)}
        </span>
      </td>
      <td class="chain-orders">
        {result && (
          <a class="button small" href={resultAddress(device, result.id)} data-testid="task-result">
            <Icon name="report" size={13} />
            {words.result}
          </a>
        )}
        <TaskOrders device={device} chain={chain} />
      </td>
    </tr>
  );
}

function Step({ step }: { step: Task }) {
  const words = useWords();
  const format = useFormat();
  const running = step.state === "running";
  return (
    <li
      class={`step ${step.state}`}
      data-testid="step"
      data-kind={step.kind}
      data-state={step.state}
      title={words.taskState[step.state]}
    >
      <span class="dot" />
      {kindOf(step, words)}
      {running && step.progress !== null && <span class="step-progress">{format.percent(step.progress)}</span>}
      <span class="visually-hidden">({words.taskState[step.state]})</span>
    </li>
  );
}

/** The title the device gave, else what its kind is called: the family "log" of "log.report" for a chain. */
export function titleOf(steps: readonly Task[], words: Words): string {
  const last = steps.at(-1)!;
  if (last.title && last.title !== last.kind) return last.title;
  const [family = last.kind] = last.kind.split(".");
  return words.chains[family] ?? last.kind;
}

export function kindOf(step: Task, words: Words): string {
  return words.kinds[step.kind] ?? step.kind.replace(/^.*\./, "");
}
