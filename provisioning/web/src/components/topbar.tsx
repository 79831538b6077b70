import { useState } from "preact/hooks";

import { useLiveState } from "../hooks";
import { useWords } from "../i18n";
import type { Me } from "../model";
import { applyTheme, firstTheme, THEMES } from "../theme";
import { Icon } from "./icon";
import { Logo } from "./logo";

interface TopBarProps {
  me: Me;
  home: string;
  onLanguage: () => void;
  onSignOut: () => void;
}

export function TopBar({ me, home, onLanguage, onSignOut }: TopBarProps) {
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
        <nav class="topbar-tools">
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
        </nav>
      </div>
    </header>
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
