import type { Order } from "../api";
import type { Chain } from "../chains";
import { isUnderWay } from "../deeds";
import { useConnection, useDeeds } from "../hooks";
import { useWords } from "../i18n";
import { Icon } from "./icon";
import { Outcome } from "./outcome";

/** What can be asked about a chain: to stop it while it lasts, to try it again when it did not come through. */
export function TaskOrders({ device, chain }: { device: string; chain: Chain }) {
  const words = useWords();
  const { deeds } = useConnection();
  const deed = useTaskDeed(device, chain);
  const order = orderFor(chain);
  if (!order) return null;
  const isCancel = order.verb === "task.cancel";
  return (
    <button
      class="button small"
      data-testid={isCancel ? "cancel-task" : "retry-task"}
      disabled={isUnderWay(deed)}
      onClick={() => void deeds.ask(device, order, { kind: "task", id: chain.id })}
    >
      <Icon name={isCancel ? "close" : "retry"} size={13} />
      {isCancel ? words.cancelTask : words.retryTask}
    </button>
  );
}

/** What became of what was asked about a chain. */
export function TaskOutcome({ device, chain }: { device: string; chain: Chain }) {
  return <Outcome deed={useTaskDeed(device, chain)} />;
}

function useTaskDeed(device: string, chain: Chain) {
  const { deeds } = useConnection();
  useDeeds();
  return deeds.of(device, { kind: "task", id: chain.id });
}

/**
 * A device cancels a task together with those before it, and tries the ones after it again by itself: the last step is
 * what to cancel, the first that did not succeed what to try again.
 */
function orderFor(chain: Chain): Order | null {
  if (chain.state === "done") return null;
  if (chain.state !== "failed" && chain.state !== "cancelled") return { verb: "task.cancel", task: chain.id };
  const stopped = chain.steps.find((step) => step.state === "failed" || step.state === "cancelled");
  return stopped ? { verb: "task.retry", task: stopped.id } : null;
}
