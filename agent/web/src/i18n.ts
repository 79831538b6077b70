/** The language of the page, and how times, sizes and shares are written in it. */

import { chosenLanguage } from "./preferences";
import { en, type Words } from "./words/en";
import { zh } from "./words/zh";

export type { Words };

export type Language = "en" | "zh";

const DICTIONARY: Readonly<Record<Language, Words>> = { en, zh };

/** Return the first of the reader's languages that we speak; English when we speak none. */
function firstSpoken(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary === "en" || primary === "zh") return primary;
  }
  return "en";
}

export const language: Language = firstSpoken([chosenLanguage() ?? "", ...navigator.languages]);
export const locale: string = language === "zh" ? "zh-CN" : englishOf(navigator.language);
export const words: Words = DICTIONARY[language];

function englishOf(tag: string): string {
  return tag.startsWith("en") ? tag : "en-GB";
}

const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
const shortMoment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const thisYear = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const otherYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });

/** The time of day, such as 14:05. */
export function writeTime(when: Date): string {
  return clock.format(when);
}

/** The whole date and time, for a tooltip. */
export function writeMoment(when: Date): string {
  return moment.format(when);
}

/** The date and the time of day, such as 3 Mar 2026, 14:05. */
export function writeWhen(when: Date): string {
  return shortMoment.format(when);
}

/** The day as a person says it, seen from `now`. */
export function writeDay(when: Date, now: Date): string {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (when.toDateString() === now.toDateString()) return words.today;
  if (when.toDateString() === yesterday.toDateString()) return words.yesterday;
  return (when.getFullYear() === now.getFullYear() ? thisYear : otherYear).format(when);
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** A size in decimal units with at most three digits, such as 48.2 MB. */
export function writeBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const amount = bytes / 1000 ** power;
  const digits = power === 0 || amount >= 100 ? 0 : 1;
  return `${amount.toFixed(digits)} ${UNITS[power]}`;
}

/** A share from 0 to 1 in per cent. */
export function writeShare(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

/** A share from 0 to 1 in per cent, rounded as a figure that goes up and down. */
export function writePercent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function writeDegrees(celsius: number): string {
  return `${Math.round(celsius)} °C`;
}

const relative = new Intl.RelativeTimeFormat(locale, { style: "short" });
const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const counts = new Intl.NumberFormat(locale);

export function writeCount(count: number): string {
  return counts.format(count);
}

/** The day as a date, such as 3 Mar 2026. */
export function writeDate(when: Date): string {
  return date.format(when);
}

/** How long ago `then_ms` was, in its largest unit; never in the future, whatever the clocks say. */
export function writeAgo(then_ms: number, now_ms: number): string {
  const seconds = Math.max(0, (now_ms - then_ms) / 1000);
  if (seconds < 5) return words.justNow;
  if (seconds < 60) return relative.format(-Math.floor(seconds), "second");
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3600), "hour");
  return relative.format(-Math.floor(seconds / 86_400), "day");
}

/** A length of time in at most two units, such as 2 h 5 min. */
export function writeSpan(span_s: number): string {
  const { day, hour, minute, second } = words.units;
  const seconds = Math.max(0, Math.floor(span_s));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 60) return `${seconds} ${second}`;
  if (hours === 0) return minutes < 10 ? `${minutes} ${minute} ${seconds % 60} ${second}` : `${minutes} ${minute}`;
  if (hours < 24) return `${hours} ${hour} ${minutes % 60} ${minute}`;
  return `${Math.floor(hours / 24)} ${day} ${hours % 24} ${hour}`;
}

/** The Unix milliseconds of a moment that comes as such or as ISO 8601. */
export function momentOf(when: string | number): number {
  return typeof when === "number" ? when : Date.parse(when);
}

/** The one of two sentences that is in the language of the page. */
export function inLanguage({ en: english, zh: chinese }: { en: string; zh: string }): string {
  return language === "zh" ? chinese || english : english || chinese;
}
