/** Every sentence of the console, in the languages it speaks. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { TaskState } from "./model";

/** English only: a figure with its noun. */
function plural(count: string, noun: string): string {
  return count === "1" ? `1 ${noun}` : `${count} ${noun}s`;
}

const en = {
  live: "Live",
  connecting: "Connecting…",
  deaf: "No broker",
  reconnecting: "Reconnecting…",
  liveHints: {
    connecting: "The console is opening its connection to the manager.",
    live: "Changes appear as they happen.",
    deaf: "The manager has lost its broker and hears no device. What you see is the last that is known.",
    reconnecting: "The manager cannot be reached. What you see is the last that is known.",
  },
  theme: "Colours",
  themes: { system: "As the system", light: "Light", dark: "Dark" },
  otherLanguage: "中文",
  switchLanguage: "Switch to Chinese",
  signOut: "Sign out",
  skip: "Skip to the content",
  close: "Close",
  copy: "Copy",
  copied: "Copied",
  tryAgain: "Try again",
  loading: "Loading…",
  none: "—",

  signInTitle: "Open the one-time link",
  signInBody:
    "The manager printed a link when it started. Open it in this browser, or paste the link or its code here.",
  signInFresh: "A link works once. This command prints a fresh one:",
  signInCode: "Link or code",
  signIn: "Sign in",
  unreachable: "The manager cannot be reached. Is it running?",
  badAnswer: (field: string) =>
    `The manager's answer could not be read (${field}). Its version may differ from this page's: reload.`,
  failed: (message: string) => `That did not work: ${message}`,

  devices: "Devices",
  online: "Online",
  offline: "Offline",
  all: "All",
  onlineNow: "Devices online",
  ofTotal: (total: string) => `of ${total}`,
  allOnline: "every device is online",
  offlineCount: (count: string) => `${count} offline`,
  tasksRunning: "Tasks running",
  waitingCount: (count: string) => `${count} waiting`,
  failedCount: (count: string) => `${count} failed`,
  runningCount: (count: string) => `${count} running`,
  resultsToday: "Results today",
  resultsSince: (time: string) => `Results since ${time}`,
  lastResult: (ago: string) => `latest ${ago}`,
  noResultYet: "none yet",
  search: "Search name, id, label, board, version",
  searchShort: "Search devices",
  clearSearch: "Clear the search",
  showing: (shown: string, total: string) => (shown === total ? "" : `${shown} of `) + plural(total, "device"),
  sortBy: "Sort by",
  ascending: "Ascending",
  descending: "Descending",
  noMatch: "No device matches",
  noMatchBody: "Nothing fits the search and the filter together.",
  showAll: "Show all devices",
  emptyTitle: "No device yet",
  emptyBody:
    "A device appears here by itself as soon as it reports to this manager. To try it here, type in the project folder:",
  emptyAfter: "It starts a broker, this manager and one device, and prints where to click.",

  column: {
    state: "State",
    name: "Device",
    labels: "Labels",
    board: "Board",
    version: "Version",
    cpu: "CPU",
    memory: "Memory",
    disk: "Disk",
    temperature: "Temp.",
    tasks: "Tasks",
    seen: "Last seen",
  },
  offlineSince: (time: string) => `Offline since ${time}`,
  neverSeen: "never",
  idle: "idle",
  moreLabels: (count: number) => `${count} more`,
  filterBy: (label: string) => `Show devices with ${label}`,

  notFound: "There is no such device",
  notFoundBody: "It may belong to another fleet, or the address was mistyped.",
  id: "Id",
  board: "Board",
  version: "Version",
  started: "Agent started",
  joined: "In the fleet since",
  system: "System",
  memory: "Memory",
  disk: "Disk",
  cores: (count: number) => plural(`${count}`, "core"),
  lastSeen: "Last seen",
  lost: "Events lost",

  health: "Health",
  range: "Time shown",
  hours: (hours: number) => (hours < 48 ? `${hours} h` : `${hours / 24} d`),
  cpu: "CPU",
  temperature: "Temperature",
  load: "Load",
  cpuAndMemory: "CPU and memory",
  temperatureAndLoad: "Temperature and load",
  agentMemory: (bytes: string) => `The agent itself uses ${bytes}.`,
  noReadings: "No readings in this time",

  tasks: "Tasks",
  noTasks: "No task yet",
  noTasksBody: "Send the device a message or a log file in its chat; the work shows up here.",
  task: "Task",
  steps: "Steps",
  updated: "Updated",
  duration: "Took",
  showMore: (count: number) => `Show ${count} more`,
  attempt: (count: number) => `attempt ${count}`,
  taskState: {
    waiting: "Waiting",
    ready: "Ready",
    running: "Running",
    done: "Done",
    failed: "Failed",
    cancelled: "Cancelled",
  } satisfies Record<TaskState, string>,
  kinds: {
    "log.standardise": "Standardise",
    "log.analyse": "Analyse",
    "log.report": "Report",
  } as Record<string, string>,
  chains: { log: "Log analysis" } as Record<string, string>,

  results: "Results",
  noResults: "No result yet",
  noResultsBody: "Drop a log file into the device's chat. Its analysis appears here a moment later.",
  enlarge: (title: string) => `Enlarge: ${title}`,
  resultMissing: "This result is not here (any more).",
  onDevice: (name: string, size: string) =>
    `The full JSON Lines (${name}, ${size}) stay on the device until bulk sync carries them here.`,
  cut: "Part of the report was too large to travel and stayed on the device.",
  size: (size: string) => `${size} in all`,
};

export type Words = typeof en;

const zh: Words = {
  live: "实时",
  connecting: "正在连接…",
  deaf: "消息代理中断",
  reconnecting: "正在重新连接…",
  liveHints: {
    connecting: "控制台正在连接管理端。",
    live: "变化会即时显示。",
    deaf: "管理端与消息代理的连接已中断，收不到任何设备的消息。当前显示的是最近一次已知的状态。",
    reconnecting: "无法连接管理端，当前显示的是最近一次已知的状态。",
  },
  theme: "配色",
  themes: { system: "跟随系统", light: "浅色", dark: "深色" },
  otherLanguage: "English",
  switchLanguage: "切换为英文",
  signOut: "退出登录",
  skip: "跳到正文",
  close: "关闭",
  copy: "复制",
  copied: "已复制",
  tryAgain: "重试",
  loading: "正在加载…",
  none: "—",

  signInTitle: "请打开一次性链接",
  signInBody: "管理端启动时会打印一个链接。请在此浏览器中打开它，或将链接或其中的代码粘贴到这里。",
  signInFresh: "每个链接只能使用一次。运行以下命令可获取新链接：",
  signInCode: "链接或代码",
  signIn: "登录",
  unreachable: "无法连接管理端，请确认它正在运行。",
  badAnswer: (field) => `无法读取管理端的应答（${field}）。控制台与管理端的版本可能不一致，请刷新页面。`,
  failed: (message) => `操作未成功：${message}`,

  devices: "设备",
  online: "在线",
  offline: "离线",
  all: "全部",
  onlineNow: "在线设备",
  ofTotal: (total) => `/ 共 ${total} 台`,
  allOnline: "所有设备均在线",
  offlineCount: (count) => `${count} 台离线`,
  tasksRunning: "运行中的任务",
  waitingCount: (count) => `${count} 个等待`,
  failedCount: (count) => `${count} 个失败`,
  runningCount: (count) => `${count} 个运行中`,
  resultsToday: "今日结果",
  resultsSince: (time) => `${time} 以来的结果`,
  lastResult: (ago) => `最近一个：${ago}`,
  noResultYet: "暂无",
  search: "搜索名称、编号、标签、型号、版本",
  searchShort: "搜索设备",
  clearSearch: "清除搜索",
  showing: (shown, total) => (shown === total ? `共 ${total} 台设备` : `${total} 台设备中的 ${shown} 台`),
  sortBy: "排序",
  ascending: "升序",
  descending: "降序",
  noMatch: "没有符合条件的设备",
  noMatchBody: "没有设备同时符合搜索和筛选条件。",
  showAll: "显示全部设备",
  emptyTitle: "还没有设备",
  emptyBody: "设备一旦向此管理端报到，就会自动出现在这里。想在本机试用，请在项目文件夹中输入：",
  emptyAfter: "它会启动消息代理、本管理端和一台设备，并打印可点击的地址。",

  column: {
    state: "状态",
    name: "设备",
    labels: "标签",
    board: "型号",
    version: "版本",
    cpu: "CPU",
    memory: "内存",
    disk: "磁盘",
    temperature: "温度",
    tasks: "任务",
    seen: "最近在线",
  },
  offlineSince: (time) => `${time} 起离线`,
  neverSeen: "从未",
  idle: "空闲",
  moreLabels: (count) => `另有 ${count} 个`,
  filterBy: (label) => `只看带有 ${label} 的设备`,

  notFound: "没有这台设备",
  notFoundBody: "它可能属于另一个设备群，或地址有误。",
  id: "编号",
  board: "型号",
  version: "版本",
  started: "代理程序启动于",
  joined: "加入时间",
  system: "系统",
  memory: "内存",
  disk: "磁盘",
  cores: (count) => `${count} 核`,
  lastSeen: "最近在线",
  lost: "丢失的事件",

  health: "运行状况",
  range: "显示时段",
  hours: (hours) => (hours < 48 ? `${hours} 小时` : `${hours / 24} 天`),
  cpu: "CPU",
  temperature: "温度",
  load: "负载",
  cpuAndMemory: "CPU 与内存",
  temperatureAndLoad: "温度与负载",
  agentMemory: (bytes) => `代理程序自身占用 ${bytes}。`,
  noReadings: "此时段没有读数",

  tasks: "任务",
  noTasks: "还没有任务",
  noTasksBody: "在设备的聊天页面发送消息或日志文件，任务就会显示在这里。",
  task: "任务",
  steps: "步骤",
  updated: "更新于",
  duration: "用时",
  showMore: (count) => `再显示 ${count} 项`,
  attempt: (count) => `第 ${count} 次尝试`,
  taskState: { waiting: "等待", ready: "就绪", running: "运行中", done: "完成", failed: "失败", cancelled: "已取消" },
  kinds: { "log.standardise": "标准化", "log.analyse": "分析", "log.report": "报告" },
  chains: { log: "日志分析" },

  results: "结果",
  noResults: "还没有结果",
  noResultsBody: "将日志文件拖入设备的聊天页面，分析结果片刻后就会显示在这里。",
  enlarge: (title) => `放大：${title}`,
  resultMissing: "这里没有（或不再有）这个结果。",
  onDevice: (name, size) => `完整的 JSON Lines（${name}，${size}）保留在设备上，待批量同步功能可用后再传送到这里。`,
  cut: "报告过大，其中一部分未传送，保留在设备上。",
  size: (size) => `共 ${size}`,
};

export const WORDS = { en, zh } as const;
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
