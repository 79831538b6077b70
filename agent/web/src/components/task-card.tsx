import { useEffect, useState } from "preact/hooks";

import { words, writeShare } from "../i18n";
import type { Task } from "../model";
import { isOver, outcome, share, type Chain } from "../tasks";

/** Work that ends sooner shows no card: it would only flicker. */
const QUIET_MS = 400;

interface TaskCardProps {
  chain: Chain;
  onCancel: () => void;
}

/** How far the work is that a message set off: one bar per step, and a way to stop it. */
export function TaskCard({ chain, onCancel }: TaskCardProps) {
  const [isQuiet, setQuiet] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setQuiet(false), QUIET_MS);
    return () => clearTimeout(timer);
  }, []);
  if (isQuiet) return null;
  const state = outcome(chain);
  return (
    <section class={`task task-${state}`} aria-live="off" data-testid="task" data-state={state} data-task={chain.root}>
      <div class="task-steps" role="progressbar" aria-label={words.progress} aria-valuemin={0} aria-valuemax={100}
        aria-valuenow={Math.floor(share(chain) * 100)} aria-valuetext={sentence(chain)}>
        {chain.steps.map((step) => <Step key={step.id} step={step} />)}
      </div>
      <footer class="task-foot">
        <p>{sentence(chain)}</p>
        {!isOver(chain) && <button type="button" class="quiet" onClick={onCancel}>{words.cancel}</button>}
      </footer>
    </section>
  );
}

function Step({ step }: { step: Task }) {
  const isRunning = step.state === "running";
  const value = step.state === "done" ? 1 : isRunning ? (step.progress ?? undefined) : 0;
  return (
    <div class={`step step-${step.state}`} data-kind={step.kind}>
      <progress max={1} value={value} aria-hidden="true" />
      <span>{words.steps[step.kind] ?? step.title}</span>
    </div>
  );
}

/** One sentence on where the whole stands. */
function sentence(chain: Chain): string {
  const broken = chain.steps.find((step) => step.state === "failed");
  switch (outcome(chain)) {
    case "failed":
      return broken?.error ?? words.failed;
    case "cancelled":
      return words.cancelled;
    case "done":
      return words.done;
    case "waiting":
    case "ready":
      return words.waiting;
    case "running": {
      const running = chain.steps.find((step) => step.state === "running");
      return running?.progress == null ? words.working : `${words.working} ${writeShare(running.progress)}`;
    }
  }
}
