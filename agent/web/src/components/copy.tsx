import { useState } from "preact/hooks";

import { copy } from "../document/clipboard";
import { words } from "../i18n";
import { CheckIcon, CopyIcon } from "./icons";

const SHOWN_MS = 2_000;

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [isCopied, setCopied] = useState(false);
  const press = async (event: Event) => {
    const button = event.currentTarget as HTMLElement;
    if (!(await copy(text, button.parentElement ?? undefined))) return;
    button.focus();
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  const says = isCopied ? words.copied : label;
  return (
    <button type="button" class="button square" aria-label={says} title={says} onClick={(event) => void press(event)}
      data-testid="copy">
      {isCopied ? <CheckIcon /> : <CopyIcon />}
    </button>
  );
}
