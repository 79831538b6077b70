import { useEffect } from "preact/hooks";

import type { Api } from "../api";
import { useNow } from "../components/hooks";
import { spellCode, type Ask, type GateFacts } from "../door";
import { momentOf, words, writeSpan } from "../i18n";

/** So often the device is asked whether the owner has decided. */
const LISTEN_MS = 2000;

interface WaitingProps {
  api: Api;
  ask: Ask;
  onHeard: (gate: GateFacts) => void;
  onAgain: () => void;
}

/** The code to tell the owner, until they have decided. */
export function Waiting({ api, ask, onHeard, onAgain }: WaitingProps) {
  const isPending = ask.state === "pending";
  useListening(api, isPending, onHeard);
  const say = words.gate;
  if (!isPending) {
    const wasRefused = ask.state === "refused";
    return (
      <div data-testid="ask-over" data-state={ask.state}>
        <h1>{wasRefused ? say.refusedTitle : say.expiredTitle}</h1>
        <p>{wasRefused ? say.refusedText : say.expiredText}</p>
        <button type="button" class="primary" onClick={onAgain} data-testid="ask-again">{say.askAgain}</button>
      </div>
    );
  }
  return (
    <div>
      <h1>{say.waitTitle}</h1>
      <p>{say.waitText}</p>
      <output class="big-code" data-testid="ask-code">{spellCode(ask.code)}</output>
      <p class="waiting" role="status">
        <span class="spinner" aria-hidden="true" />
        <span>{say.waiting}</span>
        <Countdown until={momentOf(ask.expires)} />
      </p>
    </div>
  );
}

function Countdown({ until }: { until: number }) {
  const now = useNow(1000);
  return <span class="waiting-left" aria-live="off">{words.gate.validFor(writeSpan((until - now) / 1000))}</span>;
}

function useListening(api: Api, isPending: boolean, onHeard: (gate: GateFacts) => void): void {
  useEffect(() => {
    if (!isPending) return undefined;
    const control = new AbortController();
    const listen = async () => {
      try {
        const gate = await api.gate(control.signal);
        if (!control.signal.aborted && (gate.person !== null || gate.asks?.state !== "pending")) onHeard(gate);
      } catch {
        // The device is away for a moment; the next try follows.
      }
    };
    const timer = setInterval(() => void listen(), LISTEN_MS);
    return () => {
      clearInterval(timer);
      control.abort();
    };
  }, [api, isPending, onHeard]);
}
