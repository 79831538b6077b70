import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { DocumentView } from "../document";
import { words, writeMoment, writeTime } from "../i18n";
import type { Message } from "../model";
import { Attachments } from "./attachments";
import type { Picture } from "./lightbox";

interface MessageRowProps {
  message: Message;
  isFirst: boolean;
  /** Without it buttons are drawn disabled. */
  onCommand?: (command: string) => void;
  onPicture: (picture: Picture) => void;
  /** What stands under the bubble: the progress of the work it set off. */
  children?: ComponentChildren;
}

export function MessageRow({ message, isFirst, onCommand, onPicture, children }: MessageRowProps) {
  const bubble = useMemo(
    () => <Bubble message={message} onCommand={onCommand} onPicture={onPicture} />,
    [message, onCommand, onPicture],
  );
  const classes = `row row-${message.direction}${isFirst ? " row-first" : ""}`;
  return (
    <li class={classes} data-testid="message" data-seq={message.seq} data-id={message.id}
      data-direction={message.direction} data-state={message.state}>
      {bubble}
      {children}
    </li>
  );
}

function Bubble({ message, onCommand, onPicture }: Pick<MessageRowProps, "message" | "onCommand" | "onPicture">) {
  const when = new Date(message.created);
  const isOurs = message.direction === "out";
  const hasBody = isOurs ? (message.document?.blocks?.length ?? 0) > 0 : message.text.trim() !== "";
  const endsInText = message.attachments.length === 0 && (!isOurs || message.document?.blocks?.at(-1)?.t === "p");
  return (
    <article class={endsInText ? "bubble bubble-ends-in-text" : "bubble"}>
      {hasBody && !isOurs && <p class="plain"><span class="unseen">{words.you}: </span>{message.text}</p>}
      {hasBody && isOurs && (
        <DocumentView document={message.document ?? {}} onCommand={onCommand} onPicture={onPicture}
          labels={words} />
      )}
      <Attachments attachments={message.attachments} onPicture={onPicture} />
      <time class="when" dateTime={message.created} title={writeMoment(when)}>{writeTime(when)}</time>
    </article>
  );
}
