import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { useWords } from "../i18n";

interface DialogProps {
  title: string;
  /** What the button says that goes through with it. */
  confirm: string;
  /** Whether it takes something away. */
  isHarsh?: boolean;
  onConfirm: () => void;
  onClose: () => void;
  children: ComponentChildren;
}

/**
 * A question before something is done. Shown for as long as it is drawn; the browser keeps the focus inside, closes it
 * with Escape and then gives the focus back.
 */
export function Dialog({ title, confirm, isHarsh = false, onConfirm, onClose, children }: DialogProps) {
  const words = useWords();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => opener instanceof HTMLElement && opener.focus();
  }, []);
  const press = (event: MouseEvent) => {
    if (event.target === dialog.current) dialog.current?.close();
  };
  const go = (event: Event) => {
    event.preventDefault();
    onConfirm();
    dialog.current?.close();
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} data-testid="dialog" onClose={onClose} onClick={press}>
      <form class="dialog-body" onSubmit={go}>
        <h2 id={id}>{title}</h2>
        {children}
        <div class="dialog-buttons">
          <button type="button" class="button" data-testid="dialog-back" autofocus onClick={() => dialog.current?.close()}>
            {words.cancel}
          </button>
          <button class={isHarsh ? "button harsh" : "button primary"} data-testid="dialog-confirm">
            {confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}
