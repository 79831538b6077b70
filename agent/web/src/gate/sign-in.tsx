import { useState } from "preact/hooks";

import { ticketFrom, type Ticket } from "../door";
import { words } from "../i18n";

interface SignInFormProps {
  /** Whether the last link or code was not good. */
  hasProblem: boolean;
  onTicket: (ticket: Ticket) => void;
}

/** Signs this browser in with what another one or the device has given. */
export function SignInForm({ hasProblem, onTicket }: SignInFormProps) {
  const [pasted, setPasted] = useState("");
  const ticket = ticketFrom(pasted);
  const submit = (event: Event) => {
    event.preventDefault();
    if (ticket !== null) onTicket(ticket);
  };
  return (
    <form onSubmit={submit}>
      <h1>{words.gate.signInTitle}</h1>
      <p>{words.gate.signInText}</p>
      <label for="token">{words.gate.link}</label>
      <input id="token" class="field" type="password" autocomplete="off" autofocus value={pasted}
        aria-invalid={hasProblem} aria-describedby="token-problem"
        onInput={(event) => setPasted(event.currentTarget.value)} data-testid="link" />
      <p id="token-problem" class="problem" role="alert" data-testid="problem">{hasProblem && words.gate.badToken}</p>
      <button type="submit" class="primary" disabled={ticket === null} data-testid="sign-in">
        {words.gate.signIn}
      </button>
    </form>
  );
}
