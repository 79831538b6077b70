import { useEffect, useState } from "preact/hooks";

import { copy } from "./clipboard";

const COPIED_SHOWN_MS = 2000;

interface CodeProps {
  text: string;
  language: string;
  labels: { copy: string; copied: string };
}

/** Literal lines with their language and a button that copies them. */
export function CodeBlock({ text, language, labels }: CodeProps) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), COPIED_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <figure class="document-code">
      <figcaption>
        <span>{language}</span>
        <button type="button" onClick={() => void copy(text).then(setCopied)}>
          {copied ? labels.copied : labels.copy}
        </button>
      </figcaption>
      <pre><code>{text}</code></pre>
    </figure>
  );
}
