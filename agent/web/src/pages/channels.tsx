import { useCallback, useState } from "preact/hooks";

import { Confirm } from "../components/dialog";
import { Coded } from "../components/coded";
import { useDeed } from "../components/deed";
import { Empty, Fetched } from "../components/empty";
import { useDevice, useLoaded, useNow } from "../components/hooks";
import { ChannelsIcon, ChatIcon, DeviceIcon, PlusIcon } from "../components/icons";
import { Page } from "../components/page";
import { inLanguage, words, writeSpan } from "../i18n";
import type { ChannelFacts } from "../owner";
import { AddTelegram } from "./add-telegram";

const EVERY_MS = 15_000;

/** Where people reach the device, and how each way stands. */
export function ChannelsPage() {
  const { api } = useDevice();
  const [isAdding, setAdding] = useState(false);
  const channels = useLoaded("channels", () => api.channels(), { every_ms: EVERY_MS, on: ["channels"] });
  const close = useCallback(() => setAdding(false), []);
  const hasBot = channels.value?.some((channel) => channel.kind === "telegram") ?? false;
  const add = (
    <button type="button" class="primary" onClick={() => setAdding(true)} data-testid="add-telegram">
      <PlusIcon />
      {words.channels.add}
    </button>
  );
  return (
    <Page title={words.channels.title} text={words.channels.text} testid="channels" tools={hasBot ? add : undefined}>
      <Fetched from={channels}>
        {(all) => (
          <>
            <ul class="cards">
              {all.map((channel) => <ChannelCard key={channel.name} channel={channel} reload={channels.reload} />)}
            </ul>
            {!hasBot && (
              <div class="card">
                <Empty icon={<ChannelsIcon />} title={words.channels.empty} text={words.channels.emptyText}>{add}</Empty>
              </div>
            )}
            {isAdding && (
              <AddTelegram taken={all.map(({ name }) => name)} reload={channels.reload} onClose={close} />
            )}
          </>
        )}
      </Fetched>
    </Page>
  );
}

const ICONS = { telegram: ChannelsIcon, web: ChatIcon } as Readonly<Record<string, typeof DeviceIcon>>;

function ChannelCard({ channel, reload }: { channel: ChannelFacts; reload: () => void }) {
  const { api, toast } = useDevice();
  const [isRemoving, setRemoving] = useState(false);
  const [account, setAccount] = useState<string | null>(null);
  const now = useNow(30_000);
  const deed = useDeed();
  const { name, kind, state } = channel;
  const title = words.channels.kinds[kind] ?? kind;
  const Icon = ICONS[kind] ?? DeviceIcon;
  const about = state === "on" ? words.channels.about[kind] : undefined;
  const canTest = kind !== "web" && kind !== "local";
  const test = () => void deed.act(async () => {
    setAccount(null);
    setAccount(await api.testChannel(name));
    reload();
  });
  const remove = async () => {
    await api.removeChannel(name);
    toast(words.channels.removed(title));
    reload();
  };
  return (
    <li class="card channel" data-testid="channel-card" data-name={name} data-kind={kind} data-state={state}>
      <div class="channel-head">
        <span class="sign"><Icon /></span>
        <p class="channel-title">
          <strong>{title}</strong>
          <span class="faint">{channel.account || (name === kind ? "" : name)}</span>
        </p>
        <span class={`badge badge-${state}`} data-testid="state">{words.channels.states[state]}</span>
      </div>
      <p class="channel-text">
        <Coded text={inLanguage(channel) || about || words.channels.sentences[state]} />
        {channel.since_ms > 0 && state !== "on" && (
          <span class="faint"> {words.channels.since(writeSpan((now - channel.since_ms) / 1000))}</span>
        )}
      </p>
      <p class="problem" role="alert" data-testid="problem">{deed.problem}</p>
      <p class="good" role="status">{account !== null && words.channels.tested(account)}</p>
      <div class="buttons">
        {canTest && (
          <button type="button" class="button" disabled={deed.isBusy} onClick={test} data-testid="test">
            {deed.isBusy ? words.channels.testing : words.channels.test}
          </button>
        )}
        {channel.removable === true && (
          <button type="button" class="button quiet-danger" onClick={() => setRemoving(true)} data-testid="remove">
            {words.channels.remove}
          </button>
        )}
        {canTest && channel.removable === false && <span class="faint small">{words.channels.fromSettings}</span>}
      </div>
      {isRemoving && (
        <Confirm title={words.channels.removeTitle(channel.account || title)} text={words.channels.removeText} isDanger
          yes={words.channels.removeYes} no={words.people.keep} act={remove} onClose={() => setRemoving(false)} />
      )}
    </li>
  );
}
