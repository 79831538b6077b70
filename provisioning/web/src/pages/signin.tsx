import { useState } from "preact/hooks";

import { Logo } from "../components/logo";
import { useTitle } from "../hooks";
import { useWords } from "../i18n";

/** What the manager said to the code, or that it said nothing. */
export type SignInTrouble = { said: string } | "unreachable";

interface SignInProps {
  trouble: SignInTrouble | null;
  onCode: (code: string | null) => Promise<void>;
  onLanguage: () => void;
}

/** Shown without a session: says which link to open, and takes it by hand. */
export function SignInPage({ trouble, onCode, onLanguage }: SignInProps) {
  const words = useWords();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  useTitle(words.signIn);

  const send = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    await onCode(codeIn(typed));
    setBusy(false);
  };

  return (
    <main class="sign-in" data-testid="sign-in">
      <form class="sign-in-card card" onSubmit={(event) => void send(event)}>
        <Logo size={44} />
        <h1>{words.signInTitle}</h1>
        <p>{words.signInBody}</p>
        <label for="code">{words.signInCode}</label>
        <div class="sign-in-field">
          <input
            id="code"
            class="field"
            data-testid="code"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            aria-describedby={trouble ? "trouble" : undefined}
            placeholder={`${location.origin}/#code=…`}
            required
          />
          <button class="button primary" data-testid="sign-in-button" disabled={busy || !typed.trim()}>
            {words.signIn}
          </button>
        </div>
        {trouble && (
          <p id="trouble" class="trouble" role="alert" data-testid="trouble">
            {trouble === "unreachable" ? words.unreachable : trouble.said}
          </p>
        )}
        <p class="hint">
          {words.signInFresh} <code>outpost-fleet link</code>
        </p>
      </form>
      <button class="button quiet" lang={words.otherLanguage === "English" ? "en" : "zh-CN"} onClick={onLanguage}>
        {words.otherLanguage}
      </button>
    </main>
  );
}

/** The code in what was pasted: the whole link, its fragment or the code alone. */
function codeIn(typed: string): string {
  return typed.trim().replace(/^.*#code=/, "");
}
