import { useEffect, useState } from "preact/hooks";

import { useWords } from "../i18n";
import { Icon } from "./icon";

const SHOWN_MS = 1800;

/** A short text with a button that copies it, where the browser lets a page do so. */
export function Copyable({ text, testid }: { text: string; testid: string }) {
  const words = useWords();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const label = copied ? words.copied : words.copy;
  const clipboard = navigator.clipboard as Clipboard | undefined; // Absent on plain http over a network.
  return (
    <span class="copyable">
      <span class="mono">{text}</span>
      {clipboard && (
        <button
          class="button quiet tiny"
          data-testid={testid}
          title={label}
          aria-label={label}
          onClick={() => void clipboard.writeText(text).then(() => setCopied(true))}
        >
          <Icon name={copied ? "done" : "copy"} size={14} />
        </button>
      )}
    </span>
  );
}
