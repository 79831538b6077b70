import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Api } from "../api";
import { Chat, type ChatState } from "../chat";
import { admit } from "../draft";
import { words } from "../i18n";
import type { Me } from "../model";
import { Composer } from "./composer";
import { DropOverlay } from "./drop-overlay";
import { Header } from "./header";
import { Lightbox, type Picture } from "./lightbox";
import { MessageList } from "./message-list";
import { useTitle } from "./title";

interface ChatPageProps {
  api: Api;
  me: Me;
  onSignedOut: () => void;
}

/** Hidden for longer than this, a page takes its socket for dead when it comes back. */
const STALE_AFTER_MS = 20_000;

export function ChatPage({ api, me, onSignedOut }: ChatPageProps) {
  const { chat, state } = useChat(api, onSignedOut);
  const [files, setFiles] = useState<readonly File[]>([]);
  const [picture, setPicture] = useState<Picture | null>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);

  const attach = useCallback((added: readonly File[]) => {
    const admission = admit(files, added, me.limits);
    setFiles(admission.files);
    chat.notify(admission.problem);
    field.current?.focus();
  }, [chat, files, me]);
  const send = useCallback((text: string) => {
    chat.send(text, files);
    setFiles([]);
  }, [chat, files]);
  const command = useCallback((text: string) => chat.send(text, []), [chat]);
  const choose = useCallback(() => chooser.current?.click(), []);
  const refuseFolder = useCallback((name: string) => chat.notify(words.noFolders(name)), [chat]);
  const close = useCallback(() => setPicture(null), []);
  const chosen = ({ currentTarget: input }: { currentTarget: HTMLInputElement }) => {
    attach([...(input.files ?? [])]);
    input.value = "";
  };
  useTitle(me.device.name, state.timeline.messages);

  return (
    <div class="page">
      <Header name={me.device.name} isReachable={state.isReachable} isLoaded={state.isLoaded} />
      <MessageList chat={chat} state={state} onCommand={command} onPicture={setPicture} onChoose={choose} />
      <Composer
        field={field}
        files={files}
        textLimit={me.limits.text}
        notice={state.notice}
        onNotice={(notice) => chat.notify(notice)}
        onChoose={choose}
        onAttach={attach}
        onRemove={(index) => setFiles(files.filter((_, at) => at !== index))}
        onSend={send}
      />
      <input ref={chooser} type="file" multiple hidden onChange={chosen} data-testid="file-input" />
      <DropOverlay onFiles={attach} onFolder={refuseFolder} />
      {picture && <Lightbox picture={picture} onClose={close} />}
    </div>
  );
}

/** The chat of this page, running while the page shows it, and its state. */
function useChat(api: Api, onSignedOut: () => void): { chat: Chat; state: ChatState } {
  const [, redraw] = useState<ChatState | null>(null);
  const chat = useMemo(() => new Chat(api, redraw, onSignedOut), [api, onSignedOut]);
  useEffect(() => {
    chat.start();
    return () => chat.stop();
  }, [chat]);
  useReturns(chat);
  useUnsentWarning(chat);
  return { chat, state: chat.state };
}

/** Look for news at once when the page comes back to the front or the network changes. */
function useReturns(chat: Chat): void {
  useEffect(() => {
    let hiddenSince = Number.POSITIVE_INFINITY;
    const listening = new AbortController();
    const on = { signal: listening.signal };
    addEventListener("online", () => chat.resume(), on);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) hiddenSince = Date.now();
      else if (Date.now() - hiddenSince > STALE_AFTER_MS) chat.resume();
    }, on);
    return () => listening.abort();
  }, [chat]);
}

/** Let the browser ask before the page is closed over a message that is still on its way. */
function useUnsentWarning(chat: Chat): void {
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (chat.state.outgoing.some((one) => one.delivery.state !== "sent")) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [chat]);
}
