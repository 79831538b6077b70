import { useState } from "preact/hooks";

import type { Api } from "../api";
import { useDeed } from "../components/deed";
import type { GateFacts } from "../door";
import { words } from "../i18n";

interface AskFormProps {
  api: Api;
  onAsked: (gate: GateFacts) => void;
}

/** Asks the owner, by name, to let this browser in. */
export function AskForm({ api, onAsked }: AskFormProps) {
  const [name, setName] = useState("");
  const { isBusy, problem, act } = useDeed();
  const submit = (event: Event) => {
    event.preventDefault();
    if (name.trim() === "") return;
    void act(async () => {
      await api.ask(name.trim());
      onAsked(await api.gate());
    });
  };
  return (
    <form onSubmit={submit}>
      <h1>{words.gate.askTitle}</h1>
      <p>{words.gate.askText}</p>
      <label for="ask-name">{words.gate.name}</label>
      <input id="ask-name" class="field" type="text" autocomplete="name" maxLength={64} autofocus value={name}
        placeholder={words.gate.namePlaceholder} aria-invalid={problem !== null} aria-describedby="ask-problem"
        onInput={(event) => setName(event.currentTarget.value)} data-testid="ask-name" />
      <p id="ask-problem" class="problem" role="alert" data-testid="problem">{problem}</p>
      <button type="submit" class="primary" disabled={name.trim() === "" || isBusy} data-testid="ask">
        {words.gate.ask}
      </button>
    </form>
  );
}
