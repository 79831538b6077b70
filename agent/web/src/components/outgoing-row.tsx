import type { Chat } from "../chat";
import { words, writeBytes } from "../i18n";
import type { Outgoing } from "../outgoing";
import { FileName } from "./attachments";
import { CloseIcon, FileIcon } from "./icons";

interface OutgoingRowProps {
  outgoing: Outgoing;
  isFirst: boolean;
  chat: Chat;
}

/** A message on its way: what it says, how far it is, and what can be done when it did not arrive. */
export function OutgoingRow({ outgoing, isFirst, chat }: OutgoingRowProps) {
  const { key, text, files, delivery } = outgoing;
  const isSending = delivery.state === "sending";
  const endsInText = files.length === 0 && (isSending || delivery.state === "sent");
  return (
    <li class={`row row-in${isFirst ? " row-first" : ""}`} data-testid="outgoing" data-state={delivery.state}>
      <article class={`bubble bubble-${delivery.state}${endsInText ? " bubble-ends-in-text" : ""}`}>
        {text.trim() !== "" && <p class="plain"><span class="unseen">{words.you}: </span>{text}</p>}
        {files.length > 0 && (
          <div class="files">
            {files.map((file, index) => (
              <span key={index} class="file"><FileIcon /><FileName name={file.name} size={file.size} /></span>
            ))}
          </div>
        )}
        {isSending && files.length > 0 && (
          <UploadBar sent={delivery.sent} total={delivery.total} onCancel={() => chat.discard(key)} />
        )}
        {isSending && files.length === 0 && <span class="when">{words.sending}</span>}
        {delivery.state === "sent" && <span class="when">{words.sent}</span>}
      </article>
      <Trouble outgoing={outgoing} onRetry={() => chat.retry(key)} onDiscard={() => chat.discard(key)} />
    </li>
  );
}

function UploadBar({ sent, total, onCancel }: { sent: number; total: number; onCancel: () => void }) {
  const isWhole = total > 0 && sent >= total;
  return (
    <div class="upload">
      <progress max={1} value={total > 0 ? sent / total : 0} aria-label={words.progress}
        data-testid="upload-progress" />
      <span class="upload-bytes">
        {isWhole ? words.checking : words.sendingBytes(writeBytes(sent), writeBytes(total))}
      </span>
      <button type="button" class="plain-icon" onClick={onCancel} aria-label={words.cancel} title={words.cancel}>
        <CloseIcon />
      </button>
    </div>
  );
}

interface TroubleProps {
  outgoing: Outgoing;
  onRetry: () => void;
  onDiscard: () => void;
}

/** What can be done about a message that did not arrive. */
function Trouble({ outgoing: { delivery }, onRetry, onDiscard }: TroubleProps) {
  if (delivery.state !== "lost" && delivery.state !== "refused") return null;
  const isLost = delivery.state === "lost";
  return (
    <p class="trouble">
      {!isLost && words.refused}
      <button type="button" onClick={onRetry}>{isLost ? words.lost : words.tryAgain}</button>
      <button type="button" onClick={onDiscard}>{words.discard}</button>
    </p>
  );
}
