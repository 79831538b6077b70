import { useState } from "preact/hooks";

import { useFormat } from "../format";
import { useLiveState } from "../hooks";
import { useWords } from "../i18n";
import type { Me } from "../model";
import type { Route } from "../router";
import type { Waiting } from "../store";
import { applyTheme, firstTheme, THEMES } from "../theme";
import { Icon } from "./icon";
import { Logo } from "./logo";

interface TopBarProps {
  me: Me;
  page: Route["page"];
  /** The address of the list of devices, as it was left. */
  home: string;
  waiting: Waiting;
  onLanguage: () => void;
  onSignOut: () => void;
}

export function TopBar({ me, page, home, waiting, onLanguage, onSignOut }: TopBarProps) {
  const words = useWords();
  return (
    <header class="topbar">
      <div class="topbar-inner">
        <a class="brand" href={home} data-testid="home">
          <Logo size={28} />
          <span class="brand-name">Outpost</span>
          <span class="brand-fleet" data-testid="fleet">
            {me.fleet}
          </span>
        </a>
        <LiveMark />
        <Pages page={page} home={home} waiting={waiting} />
        <div class="topbar-tools">
          <button
            class="button quiet"
            data-testid="language"
            lang={words.otherLanguage === "English" ? "en" : "zh-CN"}
            title={words.switchLanguage}
            onClick={onLanguage}
          >
            {words.otherLanguage}
          </button>
          <ThemeButton />
          <button
            class="button quiet square"
            data-testid="sign-out"
            title={words.signOut}
            aria-label={words.signOut}
            onClick={onSignOut}
          >
            <Icon name="leave" />
          </button>
        </div>
      </div>
    </header>
  );
}

/** The ways to the pages; on a phone at the foot of the screen. */
function Pages({ page, home, waiting }: Pick<TopBarProps, "page" | "home" | "waiting">) {
  const words = useWords();
  const format = useFormat();
  const requests = waiting.requests ? words.requestsCount(format.count(waiting.requests)) : "";
  const troubled = waiting.channels ? words.channelsInTrouble(format.count(waiting.channels)) : "";
  const { requests: asking, channels: ailing } = waiting;
  const links = [
    { id: "devices", icon: "chip", address: home, isHere: page !== "people" && page !== "channels", count: 0, said: "" },
    { id: "people", icon: "people", address: "#/people", isHere: page === "people", count: asking, said: requests },
    { id: "channels", icon: "channel", address: "#/channels", isHere: page === "channels", count: ailing, said: troubled },
  ] as const;
  return (
    <nav class="pages" aria-label={words.pages}>
      {links.map(({ id, icon, address, isHere, count, said }) => (
        <a
          key={id}
          href={address}
          data-testid={`nav-${id}`}
          aria-current={isHere ? "page" : undefined}
          title={said || undefined}
        >
          <Icon name={icon} />
          <span>{words[id]}</span>
          {count > 0 && (
            <span class={`pages-count ${id}`}>
              <span aria-hidden="true">{format.count(count)}</span>
              <span class="visually-hidden">{said}</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}

/** Says whether what is on the screen follows the fleet at this moment. */
function LiveMark() {
  const words = useWords();
  const state = useLiveState();
  return (
    <span
      class={`live ${state}`}
      role="status"
      data-testid="live"
      data-state={state}
      title={words.liveHints[state]}
    >
      <span class="dot" />
      {words[state]}
    </span>
  );
}

function ThemeButton() {
  const words = useWords();
  const [theme, setTheme] = useState(firstTheme);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  const label = `${words.theme}: ${words.themes[theme]}`;
  const change = () => {
    applyTheme(next);
    setTheme(next);
  };
  return (
    <button class="button quiet square" data-testid="theme" title={label} aria-label={label} onClick={change}>
      <Icon name={theme} />
    </button>
  );
}
