import { useLayoutEffect } from "preact/hooks";

import { Refused } from "../api";
import { type Chain, chainOf, couldStart, isOver } from "../chains";
import { Copyable } from "../components/copy";
import { Crumbs } from "../components/crumbs";
import { Empty, Trouble } from "../components/empty";
import { Fact } from "../components/fact";
import { Icon } from "../components/icon";
import { TaskOrders, TaskOutcome } from "../components/task-orders";
import { kindOf, titleOf } from "../components/tasks";
import { useFormat } from "../format";
import { useConnection, useFollowed, useNow, useTitle } from "../hooks";
import { useWords } from "../i18n";
import type { Task, TaskDetail } from "../model";
import { deviceAddress, resultAddress } from "../router";
import { taskAfter } from "../store";

interface TaskPageProps {
  device: string;
  id: string;
  deviceName: string;
  back: string;
}

/** One piece of work: its steps with their times, what went wrong, what can be done about it, what came out of it. */
export function TaskPage({ device, id, deviceName, back }: TaskPageProps) {
  const words = useWords();
  const { api } = useConnection();
  const task = useFollowed(
    `task ${device} ${id}`,
    () => api.task(device, id),
    (value, events) => taskAfter(value, events, device),
  );
  const detail = task.value;
  const title = detail ? (detail.result?.title ?? titleOf(detail.chain, words)) : words.task;
  useTitle(title, deviceName);
  useLayoutEffect(() => scrollTo(0, 0), []);
  const isMissing = task.error instanceof Refused && task.error.status === 404;
  return (
    <div class="page narrow" data-testid="task-page" data-id={id}>
      <Crumbs
        crumbs={[
          { address: back, name: words.devices, testid: "back" },
          { address: deviceAddress(device), name: deviceName, testid: "back-device" },
        ]}
      />
      {detail && <TaskBody device={device} detail={detail} title={title} />}
      {isMissing && (
        <div class="card">
          <Empty icon="waiting" title={words.taskMissing} testid="not-found">
            <p>{words.taskMissingBody}</p>
          </Empty>
        </div>
      )}
      {task.error && !detail && !isMissing ? <Trouble error={task.error} onAgain={task.reload} /> : null}
      {!detail && !task.error && <div class="card waiting" role="status" aria-label={words.loading} />}
    </div>
  );
}

function TaskBody({ device, detail, title }: { device: string; detail: TaskDetail; title: string }) {
  const words = useWords();
  const format = useFormat();
  const now = useNow();
  const chain = chainOf(detail.chain);
  const end = isOver(chain.state) ? chain.updated : now;
  return (
    <>
      <header class="device-header card" data-testid="task" data-state={chain.state}>
        <div class="device-title">
          <h1>{title}</h1>
          <span class={`badge ${chain.state}`}>{words.taskState[chain.state]}</span>
          <span class="title-orders">
            <TaskOrders device={device} chain={chain} />
          </span>
        </div>
        <TaskOutcome device={device} chain={chain} />
        {chain.error && <p class="task-error">{chain.error}</p>}
        <dl class="facts">
          <Fact name={words.id}>
            <Copyable text={chain.id} testid="copy-id" />
          </Fact>
          <Fact name={words.asked} title={format.ago(chain.created, now)}>
            {format.moment(chain.created)}
          </Fact>
          <Fact name={words.changed} title={format.moment(chain.updated)}>
            {format.ago(chain.updated, now)}
          </Fact>
          <Fact name={words.duration}>{format.span(end - chain.created)}</Fact>
        </dl>
      </header>
      <TaskSteps chain={chain} end={end} />
      <TaskResult device={device} detail={detail} chain={chain} />
    </>
  );
}

function TaskSteps({ chain, end }: { chain: Chain; end: number }) {
  const words = useWords();
  return (
    <section class="section">
      <div class="section-head">
        <h2>{words.stepsOfTask}</h2>
      </div>
      <ol class="card timeline">
        {chain.steps.map((step, index) => (
          <TimelineStep key={step.id} step={step} chain={chain} end={end} index={index} />
        ))}
      </ol>
    </section>
  );
}

function TimelineStep({ step, chain, end, index }: { step: Task; chain: Chain; end: number; index: number }) {
  const words = useWords();
  const format = useFormat();
  const start = couldStart(step, chain.steps);
  const hasBegun = step.state !== "waiting" && step.state !== "ready" && !(step.state === "cancelled" && !step.attempt);
  const until = step.state === "running" ? end : Math.max(step.updated, start);
  const whole = Math.max(1, end - chain.created);
  const left = Math.min(99, (100 * (start - chain.created)) / whole);
  const width = Math.min(100 - left, (100 * (until - start)) / whole);
  return (
    <li class={`timeline-step step ${step.state}`} data-testid="step" data-kind={step.kind} data-state={step.state}>
      <span class="dot" title={words.stepNumber(index + 1, chain.steps.length)} />
      <span class="timeline-name">
        <strong>{kindOf(step, words)}</strong>
        <span class="mono faint">{step.id}</span>
      </span>
      <span class={`badge ${step.state}`}>{words.taskState[step.state]}</span>
      <span class="timeline-track" aria-hidden="true">
        {hasBegun && <span class={`timeline-bar ${step.state}`} style={{ left: `${left}%`, width: `${width}%` }} />}
      </span>
      <span class="timeline-took" title={words.stepTook}>
        {hasBegun ? format.span(until - start) : words.none}
      </span>
      <span class="timeline-times">
        <span title={format.moment(step.created)}>
          {words.created} {format.time(step.created)}
        </span>
        <span title={format.moment(step.updated)}>
          {words.changed} {format.time(step.updated)}
        </span>
        {step.attempt > 1 && <span>{words.attempt(step.attempt)}</span>}
      </span>
      {step.error && <p class="chain-error">{step.error}</p>}
    </li>
  );
}

function TaskResult({ device, detail, chain }: { device: string; detail: TaskDetail; chain: Chain }) {
  const words = useWords();
  const { result } = detail;
  return (
    <section class="section">
      <div class="section-head">
        <h2>{words.itsResult}</h2>
      </div>
      <div class="card">
        {result ? (
          <div class="result-list">
            <a href={resultAddress(device, result.id)} data-testid="result" data-id={result.id}>
              <Icon name="report" />
              <span class="result-title">{result.title}</span>
              <span class="result-fact">{words.openResult}</span>
              <Icon name="next" size={14} />
            </a>
          </div>
        ) : (
          <p class="list-empty">{isOver(chain.state) ? words.noResultWillCome : words.noResultOfTask}</p>
        )}
      </div>
    </section>
  );
}
