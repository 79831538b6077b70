import { useEffect, useState } from "preact/hooks";

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

/** Put `text` on the clipboard and tell whether that worked. */
async function copy(text: string): Promise<boolean> {
  if (!navigator.clipboard) return copyBySelection(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The way that remains on plain http over a local network, where the browser offers no clipboard object. */
function copyBySelection(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "document-clipboard";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
