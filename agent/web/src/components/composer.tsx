import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

import type { Draft } from "../chat";
import { words } from "../i18n";
import { isTouch } from "../pointer";
import { FileName } from "./attachments";
import { AttachIcon, CloseIcon, FileIcon, SendIcon } from "./icons";

interface ComposerProps {
  field: RefObject<HTMLTextAreaElement | null>;
  draft: Draft;
  files: readonly File[];
  /** The most characters that a message may have. */
  textLimit: number;
  notice: string | null;
  onNotice: (notice: string | null) => void;
  onChoose: () => void;
  onAttach: (files: readonly File[]) => void;
  onRemove: (index: number) => void;
  onSend: (text: string) => void;
}

/** Under a finger Enter makes a new line and the button sends. */
const enterSends = !isTouch;

export function Composer(props: ComposerProps) {
  const { field, draft, files, textLimit, notice, onNotice, onChoose, onAttach, onRemove, onSend } = props;
  const [text, keepText] = useState(draft.text);
  useGrowing(field, text);
  useEffect(() => {
    // Browsers heed `autofocus` once in a page's life, and the gate has used that up. A finger would get a keyboard.
    if (!isTouch) field.current?.focus();
  }, [field]);

  const setText = (kept: string) => {
    draft.text = kept;
    keepText(kept);
  };
  const canSend = text.trim() !== "" || files.length > 0;
  const send = () => {
    if (!canSend) return;
    if (text.length > textLimit) return onNotice(words.textTooLong(textLimit));
    onSend(text.trim());
    setText("");
    field.current?.focus();
  };
  const submitted = (event: Event) => {
    event.preventDefault();
    send();
  };
  const keyed = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event) || !enterSends) return;
    event.preventDefault();
    send();
  };
  const pasted = (event: ClipboardEvent) => {
    const found = [...(event.clipboardData?.files ?? [])];
    if (found.length === 0) return;
    event.preventDefault();
    onAttach(found);
  };

  return (
    <form class="composer" onSubmit={submitted}>
      <div class="composer-inner">
        <Notice notice={notice} onDismiss={() => onNotice(null)} />
        <Tray files={files} onRemove={onRemove} />
        <div class="composer-bar">
          <button type="button" class="tool" aria-label={words.attach} title={words.attach} onClick={onChoose}>
            <AttachIcon />
          </button>
          <textarea ref={field} rows={1} value={text} placeholder={words.write} aria-label={words.write}
            enterkeyhint={enterSends ? "send" : "enter"} data-testid="composer" onKeyDown={keyed} onPaste={pasted}
            onInput={(event) => setText(event.currentTarget.value)} />
          <button type="submit" class="tool send" disabled={!canSend} aria-label={words.send} title={words.send}>
            <SendIcon />
          </button>
        </div>
      </div>
    </form>
  );
}

function Notice({ notice, onDismiss }: { notice: string | null; onDismiss: () => void }) {
  return (
    <div role="alert" data-testid="notice">
      {notice !== null && (
        <p class="notice">
          <span>{notice}</span>
          <button type="button" class="plain-icon" aria-label={words.dismiss} title={words.dismiss} onClick={onDismiss}>
            <CloseIcon />
          </button>
        </p>
      )}
    </div>
  );
}

/** The files that the next message takes along. */
function Tray({ files, onRemove }: { files: readonly File[]; onRemove: (index: number) => void }) {
  if (files.length === 0) return null;
  return (
    <ul class="tray">
      {files.map((file, index) => (
        <li key={index} class="file" data-testid="attached">
          <FileIcon />
          <FileName name={file.name} size={file.size} />
          <button type="button" class="plain-icon" aria-label={words.remove(file.name)} title={words.remove(file.name)}
            onClick={() => onRemove(index)}>
            <CloseIcon />
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Make the field as high as its text; the style sheet sets the limit. */
function useGrowing(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    if (!field.current) return;
    field.current.style.height = "auto";
    field.current.style.height = `${field.current.scrollHeight}px`;
  }, [field, text]);
}

/** Whether the key chooses a word in an input method; Safari tells so only by the old key code. */
function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}
