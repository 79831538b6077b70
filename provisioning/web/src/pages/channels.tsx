import { useLayoutEffect, useMemo } from "preact/hooks";

import { ChannelTable } from "../components/channel-table";
import { Empty, Trouble } from "../components/empty";
import { Search } from "../components/search";
import { Segments } from "../components/segments";
import { useFormat } from "../format";
import { useConnection, useFollowed, useReloadAfter, useTitle } from "../hooks";
import { useWords } from "../i18n";
import { byText, holdsAll, termsOf } from "../listing";
import type { Channel, Device } from "../model";
import { CHANNELS_SHOWN, type ChannelsShown, type Filter, filterAddress, replaceAddress } from "../router";
import { isChannelTrouble } from "../trouble";

/** How soon to fetch anew after what surely concerns the page, and after what may. */
const SOON_MS = 1000;
const SOMETIME_MS = 20_000;

/** Every way to talk to a device, across the fleet. */
export function ChannelsPage({ filter }: { filter: Filter<ChannelsShown> }) {
  const words = useWords();
  const { api } = useConnection();
  const channels = useFollowed("channels", () => api.channels(), (value) => value);
  const states = useMemo(() => statesOf(channels.value ?? []), [channels.value]);
  const isNews = ({ id, online, channels: told }: Device) =>
    told.some(({ name, state }) => states.get(`${id} ${name}`) !== `${state} ${online}`);
  useReloadAfter(channels.reload, (event) => event.kind === "device" && isNews(event.device), SOON_MS);
  useReloadAfter(channels.reload, (event) => event.kind === "device", SOMETIME_MS);
  useTitle(words.channels);
  useLayoutEffect(() => scrollTo(0, 0), []);
  return (
    <div class="page" data-testid="channels-page">
      <h1 class="page-title">{words.channels}</h1>
      {channels.error && !channels.value ? <Trouble error={channels.error} onAgain={channels.reload} /> : null}
      {!channels.value && !channels.error && <div class="card waiting" role="status" aria-label={words.loading} />}
      {channels.value && <ChannelList channels={channels.value} filter={filter} />}
    </div>
  );
}

/** What is known of each channel as far as the row of its device tells it too. */
function statesOf(channels: readonly Channel[]): ReadonlyMap<string, string> {
  return new Map(channels.map((one) => [`${one.device} ${one.name}`, `${one.state} ${one.online}`]));
}

function ChannelList({ channels, filter }: { channels: readonly Channel[]; filter: Filter<ChannelsShown> }) {
  const words = useWords();
  const format = useFormat();
  const ordered = useMemo(() => channels.toSorted(worstFirst), [channels]);
  const shown = useMemo(() => {
    const terms = termsOf(filter.query);
    return ordered.filter(
      (channel) => (filter.shown === "all" || groupOf(channel) === filter.shown) && holdsAll(textOf(channel), terms),
    );
  }, [ordered, filter.query, filter.shown]);
  const counts = useMemo(() => {
    const found = { all: channels.length, trouble: 0, on: 0, connecting: 0, off: 0, offline: 0 };
    for (const channel of channels) found[groupOf(channel)] += 1;
    return found;
  }, [channels]);
  const change = (next: Filter<ChannelsShown>) => replaceAddress(filterAddress("channels", next));
  const say = (choice: ChannelsShown) => {
    if (choice === "all") return words.all;
    if (choice === "trouble") return words.inTrouble;
    return choice === "offline" ? words.deviceOffline : words.channelState[choice];
  };
  return (
    <>
      <div class="toolbar">
        <Search
          query={filter.query}
          onQuery={(query) => change({ ...filter, query })}
          hint={words.searchChannels}
          label={words.searchChannels}
        />
        <Segments
          label={words.column.state}
          choices={CHANNELS_SHOWN}
          chosen={filter.shown}
          onChoose={(choice) => change({ ...filter, shown: choice })}
          say={say}
          counts={counts}
        />
        <span class="toolbar-count" role="status" data-testid="listed">
          {words.channelsShown(format.count(shown.length), format.count(channels.length))}
        </span>
      </div>
      {shown.length ? (
        <ChannelTable channels={shown} />
      ) : (
        <div class="card">
          <Empty
            icon="channel"
            title={channels.length ? words.noChannelFits : words.noChannels}
            testid="no-channels"
          >
            {!channels.length && <p>{words.noChannelsBody}</p>}
          </Empty>
        </div>
      )}
    </>
  );
}

/** What was last known of the channels of an offline device is nothing to act on: they are a group of their own. */
function groupOf({ state, online }: Channel): Exclude<ChannelsShown, "all"> {
  if (!online) return "offline";
  if (isChannelTrouble(state)) return "trouble";
  return state === "connecting" || state === "off" ? state : "on";
}

/** Trouble that somebody can do something about on top, then by device. */
function worstFirst(a: Channel, b: Channel): number {
  const rank = (channel: Channel) => (isChannelTrouble(channel.state) ? (channel.online ? 0 : 1) : 2);
  return rank(a) - rank(b) || byText.compare(a.device_name, b.device_name) || byText.compare(a.name, b.name);
}

function textOf(channel: Channel): string {
  return [channel.name, channel.kind, channel.account, channel.device, channel.device_name].join("\n");
}
