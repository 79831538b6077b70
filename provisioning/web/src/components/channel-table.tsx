import { useFormat } from "../format";
import { useMedia, useNow } from "../hooks";
import { useWords } from "../i18n";
import type { Channel } from "../model";
import { deviceAddress } from "../router";
import { ChannelBadge, useChannelSentence } from "./channel-state";
import { type Place, rowAt, RowTable } from "./row-table";

/** The heights that styles/people.css gives a row, in pixels: a line of the table, and a card on a narrow screen. */
const ROW_HEIGHT = 62;
const CARD_HEIGHT = 148;
const NARROW = "(max-width: 959px)";

/** Channels as rows. */
export function ChannelTable({ channels }: { channels: readonly Channel[] }) {
  const words = useWords();
  const now = useNow(10_000);
  const narrow = useMedia(NARROW);
  const sentence = useChannelSentence();
  const heads = [words.column.state, words.onChannel, words.device, words.account, words.note, words.since];
  const head = heads.map((name, index) => (
    <span key={index} class="head" role="columnheader">
      {name}
    </span>
  ));
  return (
    <RowTable kind="ways" label={words.channels} head={head} items={channels} height={narrow ? CARD_HEIGHT : ROW_HEIGHT}>
      {(channel, place) => (
        <ChannelRow
          key={`${channel.device} ${channel.name}`}
          channel={channel}
          said={sentence(channel)}
          place={place}
          now={now}
        />
      )}
    </RowTable>
  );
}

interface ChannelRowProps {
  channel: Channel;
  said: string;
  place: Place;
  now: number;
}

function ChannelRow({ channel, said, place, now }: ChannelRowProps) {
  const words = useWords();
  const format = useFormat();
  const { since_ms: since } = channel;
  return (
    <div
      {...rowAt(place)}
      class="row channel-row"
      data-testid="channel"
      data-id={channel.name}
      data-device={channel.device}
      data-state={channel.state}
    >
      <span class="cell state" role="cell">
        <ChannelBadge state={channel.state} online={channel.online} />
      </span>
      <span class="cell name" role="cell">
        <strong>{channel.name}</strong>
        {channel.kind !== channel.name && <span class="faint">{channel.kind}</span>}
      </span>
      <span class="cell device" role="cell">
        <a class="row-link" href={deviceAddress(channel.device)}>
          {channel.device_name}
        </a>
        {!channel.online && <span class="faint">{words.offline}</span>}
      </span>
      <span class="cell account mono" role="cell" title={channel.account}>
        {channel.account || words.none}
      </span>
      <span class="cell said" role="cell" title={said}>
        {said}
      </span>
      <span class="cell since" role="cell" title={since > 0 ? format.moment(since) : undefined}>
        {since > 0 ? format.ago(since, now) : words.none}
      </span>
    </div>
  );
}
