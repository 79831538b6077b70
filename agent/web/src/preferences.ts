/** What a person chose for this browser: the language and the colours; without a choice, what the system says. */

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const LANGUAGE = "outpost.language";
const THEME = "outpost.theme";

/** The language that was chosen here, or null. */
export function chosenLanguage(): string | null {
  return read(LANGUAGE);
}

/** Keep `language` and draw the page anew in it. */
export function chooseLanguage(language: string): void {
  write(LANGUAGE, language);
  location.reload();
}

export function chosenTheme(): Theme {
  const chosen = read(THEME);
  return THEMES.find((theme) => theme === chosen) ?? "system";
}

/** Keep `theme`, and show it. */
export function chooseTheme(theme: Theme): void {
  write(THEME, theme === "system" ? null : theme);
  showTheme(theme);
}

/** The style sheet follows the attribute on the root element. */
export function showTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** A browser may forbid storage; a choice then lasts as long as the page. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    return;
  }
}
