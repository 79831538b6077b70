/** The words of the page in English and Simplified Chinese, and how times and sizes are written. */

import type { Labels } from "./document";

export type Language = "en" | "zh";

export interface Words extends Labels {
  online: string;
  connecting: string;
  reconnecting: string;
  messages: string;
  newMessages: (count: number) => string;
  today: string;
  yesterday: string;
  you: string;
  write: string;
  send: string;
  attach: string;
  dropHere: string;
  dropHint: string;
  remove: (name: string) => string;
  download: (name: string) => string;
  enlarge: (name: string) => string;
  close: string;
  dismiss: string;
  cancel: string;
  sending: string;
  sendingBytes: (sent: string, total: string) => string;
  checking: string;
  sent: string;
  lost: string;
  refused: string;
  tryAgain: string;
  discard: string;
  welcome: string;
  welcomeTouch: string;
  welcomeMore: string;
  chooseLog: string;
  machineHealth: string;
  whatElse: string;
  signInTitle: string;
  signInText: string;
  token: string;
  signIn: string;
  badToken: string;
  unreachable: string;
  tooManyFiles: (limit: number) => string;
  fileTooLarge: (name: string, limit: string) => string;
  textTooLong: (limit: number) => string;
  noFolders: (name: string) => string;
  olderFailed: string;
  cancelFailed: string;
  steps: Readonly<Record<string, string>>;
  progress: string;
  working: string;
  waiting: string;
  done: string;
  failed: string;
  cancelled: string;
}

const en: Words = {
  copy: "Copy",
  copied: "Copied",
  online: "Online",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  messages: "Messages",
  newMessages: (count) => (count === 1 ? "1 new message" : `${count} new messages`),
  today: "Today",
  yesterday: "Yesterday",
  you: "You",
  write: "Write a message",
  send: "Send",
  attach: "Attach files",
  dropHere: "Drop to attach",
  dropHint: "Logs may be plain or compressed: .gz, .xz, .zst",
  remove: (name) => `Remove ${name}`,
  download: (name) => `Download ${name}`,
  enlarge: (name) => `Enlarge ${name}`,
  close: "Close",
  dismiss: "Dismiss",
  cancel: "Cancel",
  sending: "Sending…",
  sendingBytes: (sent, total) => `${sent} of ${total}`,
  checking: "Storing…",
  sent: "Sent",
  lost: "Not sent. Tap to try again",
  refused: "Not accepted",
  tryAgain: "Try again",
  discard: "Discard",
  welcome: "Drop a log file here",
  welcomeTouch: "Send me a log file",
  welcomeMore:
    "I read it line by line, find the patterns, the errors and what is out of the ordinary, and write you a report. " +
    "The file stays on this device.",
  chooseLog: "Choose a log file",
  machineHealth: "How is this machine?",
  whatElse: "What else can you do?",
  signInTitle: "Open the link that your device printed",
  signInText: "It signs this browser in. You can also paste the link or its token here.",
  token: "Link or token",
  signIn: "Sign in",
  badToken: "This token is not valid. Copy the whole link that your device printed and try again.",
  unreachable: "The device does not answer. Trying again…",
  tooManyFiles: (limit) => `A message carries at most ${limit} files. Send the others in a second message.`,
  fileTooLarge: (name, limit) => `${name} is larger than ${limit}. Compress it or split it, then attach it again.`,
  textTooLong: (limit) => `A message has at most ${limit} characters. Attach longer text as a file.`,
  noFolders: (name) => `${name} is a folder. Attach the files in it.`,
  olderFailed: "Earlier messages could not be loaded. Scroll up to try again.",
  cancelFailed: "The task could not be cancelled. Try again in a moment.",
  steps: {
    "log.standardise": "Understanding lines",
    "log.analyse": "Analysing",
    "log.report": "Report",
  },
  progress: "Progress",
  working: "Working…",
  waiting: "Waiting for its turn…",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

const zh: Words = {
  copy: "复制",
  copied: "已复制",
  online: "在线",
  connecting: "正在连接…",
  reconnecting: "正在重新连接…",
  messages: "消息",
  newMessages: (count) => `${count} 条新消息`,
  today: "今天",
  yesterday: "昨天",
  you: "我",
  write: "输入消息",
  send: "发送",
  attach: "添加文件",
  dropHere: "松开即可添加",
  dropHint: "日志可以是原文，也可以是 .gz、.xz、.zst 压缩文件",
  remove: (name) => `移除 ${name}`,
  download: (name) => `下载 ${name}`,
  enlarge: (name) => `放大 ${name}`,
  close: "关闭",
  dismiss: "知道了",
  cancel: "取消",
  sending: "正在发送…",
  sendingBytes: (sent, total) => `${sent} / ${total}`,
  checking: "正在保存…",
  sent: "已发送",
  lost: "未发送，点按重试",
  refused: "未被接收",
  tryAgain: "重试",
  discard: "丢弃",
  welcome: "把日志文件拖到这里",
  welcomeTouch: "发一个日志文件给我",
  welcomeMore: "我会逐行阅读，找出规律、错误和异常，并写成一份报告。文件不会离开这台设备。",
  chooseLog: "选择日志文件",
  machineHealth: "这台机器状态如何？",
  whatElse: "你还能做什么？",
  signInTitle: "请打开设备打印的链接",
  signInText: "打开后，此浏览器即可登录。也可以把链接或其中的令牌粘贴到这里。",
  token: "链接或令牌",
  signIn: "登录",
  badToken: "令牌无效。请完整复制设备打印的链接，然后重试。",
  unreachable: "设备没有响应，正在重试…",
  tooManyFiles: (limit) => `一条消息最多带 ${limit} 个文件，其余的请放在下一条消息里。`,
  fileTooLarge: (name, limit) => `${name} 超过 ${limit}。请压缩或拆分后再添加。`,
  textTooLong: (limit) => `一条消息最多 ${limit} 个字符，更长的内容请作为文件添加。`,
  noFolders: (name) => `${name} 是文件夹，请添加其中的文件。`,
  olderFailed: "无法加载更早的消息，请再次向上滚动重试。",
  cancelFailed: "任务未能取消，请稍后再试。",
  steps: {
    "log.standardise": "读懂日志",
    "log.analyse": "分析",
    "log.report": "撰写报告",
  },
  progress: "进度",
  working: "正在处理…",
  waiting: "排队中…",
  done: "完成",
  failed: "失败",
  cancelled: "已取消",
};

const DICTIONARY: Readonly<Record<Language, Words>> = { en, zh };

/** Return the first of the reader's languages that we speak; English when we speak none. */
export function chooseLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const primary = tag.toLowerCase().split("-")[0];
    if (primary === "en" || primary === "zh") return primary;
  }
  return "en";
}

export const language: Language = chooseLanguage(navigator.languages);
export const locale: string = language === "zh" ? "zh-CN" : navigator.language;
export const words: Words = DICTIONARY[language];

const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
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
