import { useState } from "preact/hooks";

import { Confirm } from "../components/dialog";
import { useDevice } from "../components/hooks";
import { calledBy } from "../components/names";
import { Page, Segments } from "../components/page";
import { language, words, type Language } from "../i18n";
import { chooseLanguage, chooseTheme, chosenTheme, THEMES, type Theme } from "../preferences";

/** The page of a person who does not own the device. */
export function YouPage() {
  return (
    <Page title={words.account.title} testid="you">
      <Browser />
    </Page>
  );
}

const LANGUAGES: readonly { value: Language; label: string; lang: string }[] = [
  { value: "en", label: "English", lang: "en" },
  { value: "zh", label: "中文", lang: "zh-CN" },
];

/** How this browser shows the device, and the way out. */
export function Browser() {
  const { api, me, signedOut } = useDevice();
  const [theme, setTheme] = useState(chosenTheme);
  const [isLeaving, setLeaving] = useState(false);
  const change = (chosen: Theme) => {
    chooseTheme(chosen);
    setTheme(chosen);
  };
  const leave = async () => {
    await api.signOut();
    signedOut();
  };
  const themes = THEMES.map((value) => ({ value, label: words.account.themes[value] }));
  return (
    <section class="section" aria-labelledby="browser">
      <h2 id="browser">{words.account.browser}</h2>
      <div class="card settings">
        <div class="setting">
          <span>{words.account.language}</span>
          <Segments label={words.account.language} options={LANGUAGES} value={language} onChange={chooseLanguage}
            testid="language" />
        </div>
        <div class="setting">
          <span>{words.account.appearance}</span>
          <Segments label={words.account.appearance} options={themes} value={theme} onChange={change} testid="theme" />
        </div>
        <div class="setting">
          <span>{words.account.signedInAs(calledBy(me.person))}</span>
          <button type="button" class="button" onClick={() => setLeaving(true)} data-testid="sign-out">
            {words.account.signOut}
          </button>
        </div>
      </div>
      {isLeaving && (
        <Confirm title={words.account.signOutTitle} yes={words.account.signOutYes} no={words.account.stay}
          text={me.person.role === "owner" ? words.account.signOutOwner : words.account.signOutUser} act={leave}
          onClose={() => setLeaving(false)} />
      )}
    </section>
  );
}
