import { useCallback, useLayoutEffect, useMemo } from "preact/hooks";

import type { Chat, ChatState } from "../chat";
import { words, writeDay } from "../i18n";
import { unseen } from "../outgoing";
import { outcome } from "../tasks";
import { isAnswered, rows, type Row } from "../timeline";
import { DownIcon } from "./icons";
import type { Picture } from "./lightbox";
import { MessageRow } from "./message-row";
import { OutgoingRow } from "./outgoing-row";
import { useScroll } from "./scroll";
import { TaskCard } from "./task-card";
import { Welcome } from "./welcome";

interface MessageListProps {
  chat: Chat;
  state: ChatState;
  onCommand: (command: string) => void;
  onPicture: (picture: Picture) => void;
  onChoose: () => void;
}

export function MessageList({ chat, state, onCommand, onPicture, onChoose }: MessageListProps) {
  const { timeline } = state;
  const newest = timeline.messages.at(-1)?.seq ?? 0;
  const outgoing = useMemo(() => unseen(state.outgoing, timeline.messages), [state.outgoing, timeline.messages]);
  const drawn = useMemo(() => rows(timeline, outgoing), [timeline, outgoing]);
  const older = useCallback(() => void chat.older(), [chat]);
  const scroll = useScroll({ messages: timeline.messages, sent: outgoing.length, onTop: older });

  useLayoutEffect(() => {
    if (newest > 0) chat.drawn(newest);
  }, [chat, newest]);

  const draw = (row: Row) => {
    switch (row.kind) {
      case "day":
        return <DayRow key={row.key} when={row.when} />;
      case "outgoing":
        return <OutgoingRow key={row.key} outgoing={row.outgoing} isFirst={row.isFirst} chat={chat} />;
      case "message": {
        const { message } = row;
        const chain = message.direction === "in" && message.task_id ? state.chains.get(message.task_id) : undefined;
        const isOpen = chain && !(outcome(chain) === "done" && isAnswered(timeline, message.id));
        return (
          <MessageRow key={row.key} message={message} isFirst={row.isFirst} onCommand={onCommand} onPicture={onPicture}>
            {isOpen && <TaskCard chain={chain} onCancel={() => void chat.cancel(chain.root)} />}
          </MessageRow>
        );
      }
    }
  };

  const isEmpty = state.isLoaded && drawn.length === 0;
  return (
    <main class="scroller" ref={scroll.box} data-testid="messages">
      <div class="column" ref={scroll.content} role="log" aria-label={words.messages}
        aria-busy={!state.isLoaded || state.isLoadingOlder}>
        <div ref={scroll.top} class="older" aria-hidden="true">{state.isLoadingOlder && <span class="spinner" />}</div>
        {isEmpty && <Welcome onCommand={onCommand} onChoose={onChoose} />}
        <ol class="messages">{drawn.map(draw)}</ol>
      </div>
      {scroll.unread > 0 && (
        <div class="pill-dock">
          <button type="button" class="pill" onClick={scroll.toUnread} data-testid="new-messages">
            <DownIcon />
            {words.newMessages(scroll.unread)}
          </button>
        </div>
      )}
    </main>
  );
}

function DayRow({ when }: { when: Date }) {
  return (
    <li class="day">
      <time dateTime={when.toISOString().slice(0, 10)}>{writeDay(when, new Date())}</time>
    </li>
  );
}
