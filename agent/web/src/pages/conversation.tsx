import { useCallback, useState } from "preact/hooks";

import { Fetched } from "../components/empty";
import { useDevice, useLoaded, usePaged } from "../components/hooks";
import { Lightbox, type Picture } from "../components/lightbox";
import { MessageRow } from "../components/message-row";
import { channelName } from "../components/names";
import { Page } from "../components/page";
import { words, writeDay } from "../i18n";
import type { Message } from "../model";
import { sectionAddress } from "../route";
import { EMPTY, merge, rows } from "../timeline";

const PAGE_SIZE = 50;
const EVERY_MS = 10_000;

/** What was said in somebody's chat, for the owner to read. */
export function ConversationPage({ channel, chat }: { channel: string; chat: string }) {
  const { api } = useDevice();
  const [picture, setPicture] = useState<Picture | null>(null);
  const close = useCallback(() => setPicture(null), []);
  const load = async (before: Message | undefined) => {
    const page = await api.conversation(channel, chat, PAGE_SIZE, before?.seq);
    return [...page].sort((a, b) => b.seq - a.seq);
  };
  const messages = usePaged(`chat ${channel} ${chat}`, PAGE_SIZE, load, ({ seq }) => seq, { every_ms: EVERY_MS });
  const chats = useLoaded("chats", () => api.chats());
  const whose = chats.value?.find((one) => one.channel === channel && one.chat === chat)?.name;
  const title = whose ? `${whose} · ${channelName(channel)}` : channelName(channel);
  const back = { href: sectionAddress("people"), label: words.people.title };
  return (
    <Page title={title} text={words.people.conversationsText} testid="conversation" back={back}>
      <Fetched from={messages}>
        {(newestFirst) => (
          <>
            {messages.hasMore && (
              <button type="button" class="button more" onClick={messages.more} data-testid="more">
                {words.people.earlier}
              </button>
            )}
            {newestFirst.length === 0 && <p class="card result-none">{words.people.nothingSaid}</p>}
            <ol class="messages">
              {rows(merge(EMPTY, [...newestFirst].reverse()), []).map((row) => {
                if (row.kind === "day") return <li key={row.key} class="day">{writeDay(row.when, new Date())}</li>;
                if (row.kind === "outgoing") return null;
                return <MessageRow key={row.key} message={row.message} isFirst={row.isFirst} onPicture={setPicture} />;
              })}
            </ol>
          </>
        )}
      </Fetched>
      {picture && <Lightbox picture={picture} onClose={close} />}
    </Page>
  );
}
