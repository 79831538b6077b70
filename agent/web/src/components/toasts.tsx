import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { words } from "../i18n";
import { CloseIcon } from "./icons";

export interface Toast {
  id: number;
  text: string;
  link?: { href: string; label: string };
}

const SHORT_MS = 5_000;
/** What has a way to go somewhere stays long enough to be read and pressed. */
const LONG_MS = 20_000;

export interface Toasting {
  toasts: readonly Toast[];
  /** Show a sentence; what it gives takes it away before its time. */
  toast: (text: string, link?: Toast["link"]) => () => void;
  dismiss: (id: number) => void;
}

/** The sentences that are shown now; one that leads to a page goes when the person is there. */
export function useToasts(): Toasting {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const next = useRef(1);
  const dismiss = useCallback((id: number) => setToasts((all) => all.filter((one) => one.id !== id)), []);
  const toast = useCallback((text: string, link?: Toast["link"]) => {
    const id = next.current++;
    setToasts((all) => [...all.filter((one) => one.text !== text).slice(-2), { id, text, link }]);
    const end = () => dismiss(id);
    setTimeout(end, link ? LONG_MS : SHORT_MS);
    return end;
  }, [dismiss]);
  useEffect(() => {
    const arrived = () => setToasts((all) => all.filter((one) => one.link?.href !== location.hash));
    addEventListener("hashchange", arrived);
    return () => removeEventListener("hashchange", arrived);
  }, []);
  return { toasts, toast, dismiss };
}

/** What has just happened, in a corner; a screen reader hears it without losing its place. */
export function Toasts({ toasts, dismiss }: Pick<Toasting, "toasts" | "dismiss">) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map(({ id, text, link }) => (
        <p key={id} class="toast" data-testid="toast">
          <span>{text}</span>
          {link && <a href={link.href} onClick={() => dismiss(id)}>{link.label}</a>}
          <button type="button" class="plain-icon" aria-label={words.dismiss} title={words.dismiss}
            onClick={() => dismiss(id)}>
            <CloseIcon />
          </button>
        </p>
      ))}
    </div>
  );
}
