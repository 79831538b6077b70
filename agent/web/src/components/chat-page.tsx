import { useCallback, useRef, useState } from "preact/hooks";

import type { Chat, ChatState } from "../chat";
import { admit } from "../draft";
import { words } from "../i18n";
import type { Me } from "../model";
import { Composer } from "./composer";
import { DropOverlay } from "./drop-overlay";
import { Lightbox, type Picture } from "./lightbox";
import { MessageList } from "./message-list";

interface ChatPageProps {
  me: Me;
  chat: Chat;
  state: ChatState;
}

export function ChatPage({ me, chat, state }: ChatPageProps) {
  const [files, keepFiles] = useState(chat.draft.files);
  const [picture, setPicture] = useState<Picture | null>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);

  const setFiles = useCallback((kept: readonly File[]) => {
    chat.draft.files = kept;
    keepFiles(kept);
  }, [chat]);
  const attach = useCallback((added: readonly File[]) => {
    const admission = admit(files, added, me.limits);
    setFiles(admission.files);
    chat.notify(admission.problem);
    field.current?.focus();
  }, [chat, files, me, setFiles]);
  const send = useCallback((text: string) => {
    chat.send(text, files);
    setFiles([]);
  }, [chat, files, setFiles]);
  const command = useCallback((text: string) => chat.send(text, []), [chat]);
  const choose = useCallback(() => chooser.current?.click(), []);
  const refuseFolder = useCallback((name: string) => chat.notify(words.noFolders(name)), [chat]);
  const close = useCallback(() => setPicture(null), []);
  const chosen = ({ currentTarget: input }: { currentTarget: HTMLInputElement }) => {
    attach([...(input.files ?? [])]);
    input.value = "";
  };

  return (
    <div class="page">
      <h1 class="unseen">{words.pages.chat}</h1>
      <MessageList chat={chat} state={state} onCommand={command} onPicture={setPicture} onChoose={choose} />
      <Composer
        field={field}
        draft={chat.draft}
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
