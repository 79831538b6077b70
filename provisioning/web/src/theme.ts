/** Light or dark: as the system says, unless the person chose. */

import { useEffect, useState } from "preact/hooks";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const REMEMBERED = "outpost.theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

export function firstTheme(): Theme {
  const chosen = localStorage.getItem(REMEMBERED);
  return THEMES.find((theme) => theme === chosen) ?? "system";
}

/** Show `theme` and remember it. The style sheet follows the attribute on the root element. */
export function applyTheme(theme: Theme): void {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(REMEMBERED);
    return;
  }
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(REMEMBERED, theme);
}

/** "light" or "dark", whichever is on the screen now; for what is drawn on a canvas. */
export function useShownTheme(): "light" | "dark" {
  const [shown, setShown] = useState(shownTheme);
  useEffect(() => {
    const read = () => setShown(shownTheme());
    const observer = new MutationObserver(read);
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    systemIsDark.addEventListener("change", read);
    return () => {
      observer.disconnect();
      systemIsDark.removeEventListener("change", read);
    };
  }, []);
  return shown;
}

function shownTheme(): "light" | "dark" {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return systemIsDark.matches ? "dark" : "light";
}
