import { useState } from "preact/hooks";

import { words } from "../i18n";
import { tokenIn } from "../session";
import { Mark } from "./icons";

interface GateProps {
  problem: "token" | null;
  onToken: (token: string) => void;
}

/** What a browser sees that the device does not know yet. */
export function Gate({ problem, onToken }: GateProps) {
  const [link, setLink] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    const token = tokenIn(link);
    if (token) onToken(token);
  };
  return (
    <main class="gate">
      <form class="gate-card" onSubmit={submit} data-testid="gate">
        <Mark />
        <h1>{words.signInTitle}</h1>
        <p>{words.signInText}</p>
        <label for="token">{words.token}</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          autofocus
          value={link}
          aria-invalid={problem !== null}
          aria-describedby="token-problem"
          onInput={(event) => setLink(event.currentTarget.value)}
        />
        <p id="token-problem" class="problem" role="alert">{problem && words.badToken}</p>
        <button type="submit" class="primary">{words.signIn}</button>
      </form>
    </main>
  );
}
