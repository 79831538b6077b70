import { useState } from "preact/hooks";

import { Dialog } from "../components/dialog";
import { useDeed } from "../components/deed";
import { useDevice } from "../components/hooks";
import { CheckIcon } from "../components/icons";
import { words } from "../i18n";
import type { ChannelFacts } from "../owner";
import { sectionAddress } from "../route";

/** A bot's number, a colon, and its secret (core.telegram.org/bots/api#authorizing-your-bot). */
const TOKEN = /^\d+:[\w-]+$/;

interface AddTelegramProps {
  /** The names that other channels have. */
  taken: readonly string[];
  reload: () => void;
  onClose: () => void;
}

/** From a token to a bot that answers, in one dialog. */
export function AddTelegram({ taken, reload, onClose }: AddTelegramProps) {
  const { api } = useDevice();
  const [token, setToken] = useState("");
  const [proxy, setProxy] = useState("");
  const [server, setServer] = useState("");
  const [added, setAdded] = useState<ChannelFacts | null>(null);
  const deed = useDeed();
  const submit = (event: Event) => {
    event.preventDefault();
    const bare = token.trim();
    if (!TOKEN.test(bare)) return deed.setProblem(words.channels.tokenShape);
    return void deed.act(async () => {
      const name = freeName(taken);
      const options = server.trim() === "" ? { token: bare } : { token: bare, api: server.trim() };
      setAdded(await api.addChannel({ name, kind: "telegram", options, proxy: proxy.trim() }));
      reload();
    });
  };
  if (added) return <Added account={added.account} onClose={onClose} />;
  return (
    <Dialog title={words.channels.addTitle} testid="add-telegram-dialog" canClose={!deed.isBusy} onClose={onClose}>
      <form onSubmit={submit}>
        <h2>{words.channels.addTitle}</h2>
        <ol class="how">{words.channels.steps.map((step) => <li key={step}>{step}</li>)}</ol>
        <p>
          <a class="link" href="https://t.me/BotFather" target="_blank" rel="noopener noreferrer">
            {words.channels.openBotFather}
          </a>
        </p>
        <label for="bot-token">{words.channels.token}</label>
        <input id="bot-token" class="field mono" type="text" autocomplete="off" spellcheck={false} autofocus
          autocapitalize="off" placeholder={words.channels.tokenPlaceholder} value={token} disabled={deed.isBusy}
          aria-invalid={deed.problem !== null} aria-describedby="bot-problem"
          onInput={(event) => setToken(event.currentTarget.value)} data-testid="token" />
        <details class="fold">
          <summary>{words.channels.further}</summary>
          <label for="bot-proxy">{words.channels.proxy}</label>
          <input id="bot-proxy" class="field mono" type="text" autocomplete="off" spellcheck={false}
            autocapitalize="off" placeholder="socks5://192.168.1.2:1080" value={proxy} disabled={deed.isBusy}
            aria-describedby="proxy-text" onInput={(event) => setProxy(event.currentTarget.value)} data-testid="proxy" />
          <p id="proxy-text" class="hint">{words.channels.proxyText}</p>
          <label for="bot-server">{words.channels.server}</label>
          <input id="bot-server" class="field mono" type="text" autocomplete="off" spellcheck={false}
            placeholder="https://api.telegram.org" value={server} disabled={deed.isBusy}
            aria-describedby="server-text" onInput={(event) => setServer(event.currentTarget.value)}
            data-testid="server" />
          <p id="server-text" class="hint">{words.channels.serverText}</p>
        </details>
        <p id="bot-problem" class="problem" role="alert" data-testid="problem">{deed.problem}</p>
        <button type="submit" class="primary wide" disabled={token.trim() === "" || deed.isBusy} data-testid="connect">
          {deed.isBusy && <span class="spinner" aria-hidden="true" />}
          {deed.isBusy ? words.channels.connecting : words.channels.connect}
        </button>
      </form>
    </Dialog>
  );
}

/** Who the bot is, and what to do next: the device keeps no channel before Telegram has said who it is. */
function Added({ account, onClose }: { account: string; onClose: () => void }) {
  const title = words.channels.connected(account);
  return (
    <Dialog title={title} testid="telegram-connected" onClose={onClose}>
      <span class="sign sign-large"><CheckIcon /></span>
      <h2 data-testid="connected">{title}</h2>
      <p>{words.channels.connectedText}</p>
      <div class="buttons buttons-end">
        <a class="button" href={sectionAddress("people")} data-testid="to-people">{words.channels.toPeople}</a>
        {account.startsWith("@") && (
          <a class="primary" href={`https://t.me/${account.slice(1)}`} target="_blank" rel="noopener noreferrer">
            {words.channels.openBot(account)}
          </a>
        )}
      </div>
    </Dialog>
  );
}

function freeName(taken: readonly string[]): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? "telegram" : `telegram-${number}`;
    if (!taken.includes(name)) return name;
  }
}
