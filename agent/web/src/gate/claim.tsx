import { useState } from "preact/hooks";

import { Refused, type Api } from "../api";
import { CODE_LENGTH, codeIn, hasLookalike } from "../door";
import { words } from "../i18n";
import { CodeField } from "../components/code-field";
import { Coded } from "../components/coded";
import { useDeed } from "../components/deed";

interface ClaimFormProps {
  api: Api;
  /** The code that the link brought; may be empty. */
  code: string;
  onOwned: (recovery: string) => void;
  /** Somebody else was faster. */
  onTaken: () => void;
}

/** Makes this browser the owner of a device that has none. */
export function ClaimForm({ api, code: brought, onOwned, onTaken }: ClaimFormProps) {
  const [code, setCode] = useState(() => codeIn(brought));
  const { isBusy, problem, act } = useDeed();
  const isWhole = code.length === CODE_LENGTH;
  const wrongSign = hasLookalike(code) ? words.gate.lookalike : null;
  const submit = (event: Event) => {
    event.preventDefault();
    if (!isWhole) return;
    void act(async () => onOwned(await api.claim(code)), (error) => {
      if (error instanceof Refused && error.code === "already_claimed") onTaken();
    });
  };
  return (
    <form onSubmit={submit}>
      <h1>{words.gate.claimTitle}</h1>
      <p>{words.gate.claimText}</p>
      <label for="claim-code">{words.gate.code}</label>
      <CodeField id="claim-code" value={code} problem={wrongSign ?? problem} onChange={setCode} testid="claim-code" />
      <button type="submit" class="primary" disabled={!isWhole || isBusy} data-testid="claim">
        {words.gate.claim}
      </button>
      <p class="hint"><Coded text={words.gate.claimHint} /></p>
    </form>
  );
}
