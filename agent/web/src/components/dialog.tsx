import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { words } from "../i18n";
import { useDeed } from "./deed";
import { CloseIcon } from "./icons";

interface DialogProps {
  title: string;
  testid: string;
  /** Whether it can be left without an answer: by Esc, its cross or a press beside it. */
  canClose?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

/** A question or a form over the page. The dialog element keeps the focus inside; it returns to where it was. */
export function Dialog({ title, testid, canClose = true, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-label={title} data-testid={testid} onClose={onClose}
      closedby={canClose ? "closerequest" : "none"} onCancel={(event) => { if (!canClose) event.preventDefault(); }}
      onClick={(event) => { if (canClose && event.target === dialog.current) dialog.current?.close(); }}>
      <div class="dialog-inner">
        {canClose && (
          <button type="button" class="plain-icon dialog-close" aria-label={words.close} title={words.close}
            onClick={() => dialog.current?.close()}>
            <CloseIcon />
          </button>
        )}
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  yes: string;
  no: string;
  /** Whether `yes` takes something away. */
  isDanger?: boolean;
  act: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something is done, does it, and says why when it could not be done. */
export function Confirm({ title, text, yes, no, isDanger = false, act, onClose }: ConfirmProps) {
  const deed = useDeed();
  const agree = () => void deed.act(async () => {
    await act();
    onClose();
  });
  return (
    <Dialog title={title} testid="confirm" onClose={onClose}>
      <h2>{title}</h2>
      <p>{text}</p>
      <p class="problem" role="alert">{deed.problem}</p>
      <div class="buttons buttons-end">
        <button type="button" class="button" autofocus onClick={onClose} data-testid="confirm-no">{no}</button>
        <button type="button" class={isDanger ? "primary danger" : "primary"} disabled={deed.isBusy} onClick={agree}
          data-testid="confirm-yes">
          {yes}
        </button>
      </div>
    </Dialog>
  );
}
