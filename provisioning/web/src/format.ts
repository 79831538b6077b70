/** Figures, sizes and times as people read them, per language. */

import { type Language, useLanguage } from "./i18n";

const LOCALES: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };
const UNITS = ["B", "kB", "MB", "GB", "TB"];
const SECOND = 1000;
const JUST_NOW = 5 * SECOND;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export class Format {
  private readonly justNow: string;
  private readonly counts: Intl.NumberFormat;
  private readonly relative: Intl.RelativeTimeFormat;
  private readonly clocks: Intl.DateTimeFormat;
  private readonly times: Intl.DateTimeFormat;
  private readonly dates: Intl.DateTimeFormat;
  private readonly datesOfOtherYears: Intl.DateTimeFormat;
  private readonly moments: Intl.DateTimeFormat;

  constructor(readonly language: Language) {
    const locale = LOCALES[language];
    this.counts = new Intl.NumberFormat(locale);
    this.relative = new Intl.RelativeTimeFormat(locale, { style: "narrow", numeric: "always" });
    this.justNow = new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(0, "second");
    this.clocks = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.times = new Intl.DateTimeFormat(locale, { timeStyle: "medium", hourCycle: "h23" });
    this.dates = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
    this.datesOfOtherYears = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
    this.moments = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "medium", hourCycle: "h23" });
  }

  count(value: number): string {
    return this.counts.format(value);
  }

  /** A share of 0 to 1 in whole percent. */
  percent(share: number): string {
    return `${Math.round(share * 100)}%`;
  }

  degrees(celsius: number): string {
    return `${Math.round(celsius)} °C`;
  }

  load(value: number): string {
    return value.toFixed(2);
  }

  /** Bytes in powers of 1000, with one decimal below ten. */
  bytes(bytes: number): string {
    let value = bytes;
    let unit = 0;
    for (; value >= 999.5 && unit < UNITS.length - 1; unit += 1) value /= 1000;
    const digits = unit > 0 && value < 9.95 ? 1 : 0;
    return `${value.toFixed(digits)} ${UNITS[unit]}`;
  }

  /** How long ago `then` was, counted in its largest unit; never in the future, whatever the clocks say. */
  ago(then: number, now: number): string {
    const passed = Math.max(0, now - then);
    if (passed < JUST_NOW) return this.justNow;
    if (passed < MINUTE) return this.relative.format(-Math.floor(passed / SECOND), "second");
    if (passed < HOUR) return this.relative.format(-Math.floor(passed / MINUTE), "minute");
    if (passed < DAY) return this.relative.format(-Math.floor(passed / HOUR), "hour");
    return this.relative.format(-Math.floor(passed / DAY), "day");
  }

  /** A length of time in at most two units, such as 1 min 20 s. */
  span(milliseconds: number): string {
    const units = this.language === "zh" ? ["小时", "分", "秒", "毫秒"] : ["h", "min", "s", "ms"];
    const [hour, minute, second, thousandth] = units;
    const seconds = Math.max(0, milliseconds) / SECOND;
    if (milliseconds > 0 && milliseconds < 100) return `${Math.ceil(milliseconds)} ${thousandth}`;
    if (seconds < 9.95) return `${seconds.toFixed(1)} ${second}`;
    if (seconds < 59.5) return `${Math.round(seconds)} ${second}`;
    const minutes = Math.floor(Math.round(seconds) / 60);
    if (minutes < 60) return `${minutes} ${minute} ${Math.round(seconds) % 60} ${second}`;
    return `${Math.floor(minutes / 60)} ${hour} ${minutes % 60} ${minute}`;
  }

  /** The time of day today, else the date. */
  shortly(moment: number, now: number): string {
    if (startOfDay(moment) === startOfDay(now)) return this.clock(moment);
    return this.date(moment, now);
  }

  clock(moment: number): string {
    return this.clocks.format(moment);
  }

  /** The time of day, to the second. */
  time(moment: number): string {
    return this.times.format(moment);
  }

  date(moment: number, now: number): string {
    const sameYear = new Date(moment).getFullYear() === new Date(now).getFullYear();
    return (sameYear ? this.dates : this.datesOfOtherYears).format(moment);
  }

  /** The whole moment, to the second. */
  moment(moment: number): string {
    return this.moments.format(moment);
  }
}

const FORMATS: Record<Language, Format> = { en: new Format("en"), zh: new Format("zh") };

export function useFormat(): Format {
  return FORMATS[useLanguage()];
}

/** Midnight, here, before `moment`. */
export function startOfDay(moment: number): number {
  return new Date(moment).setHours(0, 0, 0, 0);
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The Unix milliseconds in the first ten characters of a ULID (github.com/ulid/spec), or null when it is none. */
export function momentOfUlid(ulid: string): number | null {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(ulid)) return null;
  return [...ulid.slice(0, 10)].reduce((value, digit) => value * 32 + CROCKFORD.indexOf(digit), 0);
}
