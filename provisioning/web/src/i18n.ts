/** Which language is spoken; its sentences lie in words/. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { en, type Words } from "./words/en";
import { zh } from "./words/zh";

export type { Words };

const WORDS = { en, zh } as const;
export type Language = keyof typeof WORDS;

const REMEMBERED = "outpost.language";

/** The language chosen before, else the browser's. */
export function firstLanguage(): Language {
  const chosen = localStorage.getItem(REMEMBERED) ?? navigator.language;
  return chosen.startsWith("zh") ? "zh" : "en";
}

export function rememberLanguage(language: Language): void {
  localStorage.setItem(REMEMBERED, language);
}

export const LanguageContext = createContext<Language>("en");

export function useLanguage(): Language {
  return useContext(LanguageContext);
}

export function useWords(): Words {
  return WORDS[useLanguage()];
}
