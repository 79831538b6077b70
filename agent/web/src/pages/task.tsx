import { useState } from "preact/hooks";

import { TaskBadge } from "../components/badge";
import { Confirm } from "../components/dialog";
import { useDeed } from "../components/deed";
import { Fetched } from "../components/empty";
import { useDevice, useLoaded } from "../components/hooks";
import { Page } from "../components/page";
import { momentOf, words, writeWhen, writeShare } from "../i18n";
import type { Task, TaskRow } from "../model";
import { addressOf, sectionAddress } from "../route";
import { FINAL, learn, outcome, type Chain } from "../tasks";
import { channelName, usePersonName } from "../components/names";

const EVERY_MS = 2_000;
/** A result is looked for among so many of the newest. */
const RESULTS_LOOKED_AT = 50;

/** One chain: its steps, how each stands, and what can be done about it. */
export function TaskPage({ id }: { id: string }) {
  const { api } = useDevice();
  const task = useLoaded<Task & Partial<TaskRow>>(`task ${id}`, () => api.task(id), { every_ms: EVERY_MS, on: ["task"] });
  const back = { href: sectionAddress("tasks"), label: words.tasks.allTasks };
  return (
    <Page title={task.value?.title ?? words.tasks.title} testid="task-page" back={back}>
      <Fetched from={task}>{(value) => <Detail task={value} reload={task.reload} />}</Fetched>
    </Page>
  );
}

function Detail({ task, reload }: { task: Task & Partial<TaskRow>; reload: () => void }) {
  const { api } = useDevice();
  const nameOf = usePersonName();
  const [isAsking, setAsking] = useState(false);
  const deed = useDeed();
  const chain = learn(new Map(), task).get(task.id)!;
  const state = outcome(chain);
  const retry = () => void deed.act(async () => {
    await api.retry(task.id);
    reload();
  });
  const cancel = async () => {
    await api.cancel(task.id);
    reload();
  };
  return (
    <>
      <section class="card task-detail" data-testid="task-detail" data-state={state}>
        <div class="card-head">
          <TaskBadge state={state} />
          <div class="buttons">
            {state === "done" && <ResultLink task={task.id} />}
            {!FINAL.has(state) && (
              <button type="button" class="button" onClick={() => setAsking(true)} data-testid="cancel">
                {words.tasks.cancel}
              </button>
            )}
            {(state === "failed" || state === "cancelled") && (
              <button type="button" class="primary" disabled={deed.isBusy} onClick={retry} data-testid="retry">
                {words.tasks.retry}
              </button>
            )}
          </div>
        </div>
        <p class="problem" role="alert">{deed.problem}</p>
        <h2 class="unseen">{words.tasks.steps}</h2>
        <Steps chain={chain} />
      </section>
      <dl class="card facts">
        {task.person && <Fact name={words.tasks.by} value={nameOf(task.person)} />}
        {task.channel && <Fact name={words.tasks.where} value={channelName(task.channel)} />}
        {task.created && <Fact name={words.tasks.asked} value={writeWhen(new Date(momentOf(task.created)))} />}
        <Fact name={words.tasks.updated} value={writeWhen(new Date(momentOf(task.updated)))} />
        <Fact name={words.tasks.id} value={task.id} isCode />
      </dl>
      {isAsking && (
        <Confirm title={words.tasks.cancelQuestion} text={words.tasks.cancelText} yes={words.tasks.cancelYes}
          no={words.tasks.cancelNo} isDanger act={cancel} onClose={() => setAsking(false)} />
      )}
    </>
  );
}

function Steps({ chain }: { chain: Chain }) {
  return (
    <ol class="chain">
      {chain.steps.map((step) => (
        <li key={step.id} class={`link-step link-step-${step.state}`} data-testid="step" data-kind={step.kind}
          data-state={step.state}>
          <span class="link-dot" aria-hidden="true" />
          <span class="link-name">{words.steps[step.kind] ?? step.title}</span>
          <span class="link-state">
            {step.state === "running" && step.progress !== null
              ? writeShare(step.progress)
              : words.tasks.states[step.state]}
          </span>
          {step.state === "running" && (
            <progress max={1} value={step.progress ?? undefined} aria-label={words.progress} />
          )}
          {step.state === "failed" && step.error && <p class="link-error" data-testid="step-error">{step.error}</p>}
        </li>
      ))}
    </ol>
  );
}

export function Fact({ name, value, isCode }: { name: string; value: string; isCode?: boolean }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd class={isCode ? "mono" : undefined}>{value}</dd>
    </div>
  );
}

function ResultLink({ task }: { task: string }) {
  const { api, me } = useDevice();
  const scope = me.person.role === "owner" ? "all" : "mine";
  const results = useLoaded(`result of ${task}`, () => api.results(scope, RESULTS_LOOKED_AT));
  const result = results.value?.find((one) => one.task_id === task);
  if (!result) return null;
  return (
    <a class="primary" href={addressOf({ page: "results", seq: result.seq })} data-testid="task-result">
      {words.tasks.result}
    </a>
  );
}
