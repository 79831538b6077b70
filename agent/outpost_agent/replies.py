"""What the device says by itself, in both languages, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from outpost_agent.markdown import escape, parse_markdown
from outpost_hw.health import Health
from outpost_sdk.channel import Unfetched
from outpost_sdk.handler import Language
from outpost_sdk.tasks import Failure, Task
from outpost_wire.document import Button, Buttons, Document
from outpost_wire.errors import BadInput
from outpost_wire.messages import TaskState

_HELP: dict[Language, str] = {
    "en": (
        "**This is {name}.** It works right here, with or without a network.\n\n"
        "- **Send a log file**, with any words or none: it is read, grouped and checked, and a report with plots comes"
        " back. Compressed files (gzip, xz, zstd) are fine.\n"
        "- `/status` tells how this device is doing.\n"
        "- `/tasks` lists the work of this chat.\n"
        "- `/cancel` stops the newest task, `/cancel 2` the second of the list; `/retry` tries one again.\n"
        "- `/help` shows this."
    ),
    "zh": (
        "**我是 {name}。** 我就在本地工作，有没有网络都可以。\n\n"
        "- **发送一个日志文件**，附不附文字都行：我会读取、归类、检查，并回复一份带图表的报告。"
        "压缩文件（gzip、xz、zstd）也可以。\n"
        "- `/status` 查看设备状态。\n"
        "- `/tasks` 列出本聊天的任务。\n"
        "- `/cancel` 取消最新的任务，`/cancel 2` 取消列表中的第二个；`/retry` 重试任务。\n"
        "- `/help` 显示本说明。"
    ),
}
_OWNER_HELP: dict[Language, str] = {
    "en": (
        "\n- As the owner: `/analyse /var/log/syslog` reads a file of the device itself, in the folders that"
        " `files.roots` allows; `/tasks all` lists everybody's work."
    ),
    "zh": (
        "\n- 您是主人：`/分析 /var/log/syslog` 读取设备自己的文件（限 `files.roots` 允许的文件夹）；"
        "`/任务 全部` 列出所有人的任务。"
    ),
}
_NO_MODEL: dict[Language, str] = {
    "en": "No language model is set up on this device yet, so it cannot talk freely. Here is what it can do:",
    "zh": "本设备还没有配置语言模型，暂时不能自由对话。它现在可以做这些：",
}
_STATES: dict[Language, dict[TaskState, str]] = {
    "en": {
        "waiting": "waiting for an earlier step",
        "ready": "queued",
        "running": "running",
        "done": "done",
        "failed": "failed",
        "cancelled": "cancelled",
    },
    "zh": {
        "waiting": "等待前一步",
        "ready": "排队中",
        "running": "进行中",
        "done": "已完成",
        "failed": "失败",
        "cancelled": "已取消",
    },
}


class Said(msgspec.Struct, frozen=True):
    """A text in both of its forms."""

    text: str
    document: Document


def say(markdown: str, *buttons: Button) -> Said:
    """Return Markdown with its tree, and `buttons` below it."""
    document = _parsed(markdown) if len(markdown) < 4096 else parse_markdown(markdown)
    return Said(markdown, Document((*document.blocks, Buttons(buttons))) if buttons else document)


@lru_cache(maxsize=64)
def _parsed(markdown: str) -> Document:
    return parse_markdown(markdown)


def help_text(name: str, language: Language, *, is_owner: bool = False) -> Said:
    """Say what the device can do, to its owner what they alone may ask for, too."""
    said = _HELP[language].format(name=escape(name))
    return say(said + (_OWNER_HELP[language] if is_owner else ""), *_offers(language))


def no_model(name: str, language: Language) -> Said:
    """Answer free text while no model is configured."""
    return say(f"{_NO_MODEL[language]}\n\n{_HELP[language].format(name=escape(name))}", *_offers(language))


def unknown_command(command: str, language: Language) -> Said:
    """Answer a command that there is not."""
    sentence = {
        "en": f"There is no command `/{command}`. `/help` shows what there is.",
        "zh": f"没有 `/{command}` 这个命令。发送 `/help` 查看可用命令。",
    }
    return say(sentence[language], *_offers(language)[:1])


def status(name: str, health: Health, counts: Mapping[TaskState, int], link: bool | None, language: Language) -> Said:
    """Say how the machine is doing; `link` is whether the manager's broker is reached, None without one."""
    open_tasks = counts.get("waiting", 0) + counts.get("ready", 0)
    temperature = "–" if health.temperature is None else f"{health.temperature:.0f} °C"
    memory = f"{health.memory:.0%} ({_size(health.memory_available)} {'free' if language == 'en' else '可用'})"
    disk = f"{health.disk:.0%} ({_size(health.disk_free)} {'free' if language == 'en' else '可用'})"
    if language == "en":
        title = f"**{escape(name)}** is up {_duration(health.uptime_s, language)}."
        manager = {None: "works alone", True: "connected", False: "not reached; results wait here"}[link]
        head = "| | |\n|:--|:--|\n"
        rows = [
            ("Processor", f"{health.cpu:.0%} (load {health.load:.2f})"),
            ("Memory", memory),
            ("Disk", disk),
            ("Temperature", temperature),
            (
                "Tasks",
                f"{counts.get('running', 0)} running, {open_tasks} waiting, {counts.get('done', 0)} done,"
                f" {counts.get('failed', 0)} failed",
            ),
            ("Manager", manager),
        ]
    else:
        title = f"**{escape(name)}** 已运行 {_duration(health.uptime_s, language)}。"
        manager = {None: "独立工作", True: "已连接", False: "暂未连上，结果先保存在本机"}[link]
        head = "| | |\n|:--|:--|\n"
        rows = [
            ("处理器", f"{health.cpu:.0%}（负载 {health.load:.2f}）"),
            ("内存", memory),
            ("磁盘", disk),
            ("温度", temperature),
            (
                "任务",
                f"{counts.get('running', 0)} 个进行中，{open_tasks} 个等待，{counts.get('done', 0)} 个完成，"
                f"{counts.get('failed', 0)} 个失败",
            ),
            ("管理端", manager),
        ]
    return say(f"{title}\n\n{head}" + "\n".join(f"| {label} | {value} |" for label, value in rows))


def tasks(items: Sequence[Task], now_ms: int, language: Language) -> Said:
    """List tasks, numbered from 1 as `/cancel` takes them."""
    if not items:
        return say(
            {
                "en": "No tasks yet in this chat. Send a log file to start one.",
                "zh": "本聊天还没有任务。发送一个日志文件即可开始。",
            }[language]
        )
    head = {"en": "| # | Task | State | Since |", "zh": "| # | 任务 | 状态 | 时间 |"}[language]
    rows = [
        f"| {number} | {_title(task)} | {state_name(task.state, language)}"
        f" | {_ago(now_ms - task.updated_ms, language)} |"
        for number, task in enumerate(items, 1)
    ]
    return say("\n".join([head, "|--:|:--|:--|:--|", *rows]))


def all_tasks(items: Sequence[Task], now_ms: int, language: Language) -> Said:
    """List tasks of all chats, by the ids that `/cancel` and `/retry` take wherever a task is."""
    if not items:
        return say({"en": "There are no tasks on this device yet.", "zh": "本设备还没有任务。"}[language])
    comma = "，" if language == "zh" else ", "
    rows = []
    for task in items:
        facts = (
            _title(task),
            state_name(task.state, language),
            _ago(now_ms - task.updated_ms, language),
            escape(task.spec.channel or "–"),
        )
        rows.append(f"- {comma.join(facts)}\n  `{task.id}`")
    head = {
        "en": "Work of all chats; `/cancel` and `/retry` take the id below each:",
        "zh": "所有聊天的任务；`/取消` 和 `/重试` 可使用各项下方的编号：",
    }
    return say("\n".join([head[language], "", *rows]))


def cancelled(task: Task | None, language: Language) -> Said:
    """Say what `/cancel` did."""
    if task is None:
        return say(
            {"en": "Nothing is running or waiting in this chat.", "zh": "本聊天没有正在进行或等待的任务。"}[language]
        )
    title = _title(task)
    return say({"en": f"Cancelled: {title}.", "zh": f"已取消：{title}。"}[language])


def interrupted(tasks: Sequence[Task], language: Language) -> Said:
    """Say that a new message ended the work under way."""
    titles = ", ".join(_title(task) for task in tasks[:3])
    titles += "…" if len(tasks) > 3 else ""
    return say({"en": f"Stopped: {titles}.", "zh": f"已停止：{titles}。"}[language])


def no_such_number(language: Language) -> Said:
    """Answer `/cancel` with something that is not in the list."""
    return say(
        {
            "en": "There is no such task to cancel in this chat. `/tasks` shows the numbers.",
            "zh": "本聊天没有这个可取消的任务。发送 `/tasks` 查看编号。",
        }[language]
    )


def retried(task: Task, language: Language) -> Said:
    """Say what `/retry` did."""
    title = _title(task)
    return say({"en": f"Trying again: {title}.", "zh": f"正在重试：{title}。"}[language])


def nothing_to_retry(language: Language) -> Said:
    """Answer `/retry` when nothing failed or was cancelled, or what it names did not."""
    return say(
        {
            "en": "There is nothing to try again in this chat. `/tasks` shows what failed or was cancelled.",
            "zh": "本聊天没有可重试的任务。发送 `/tasks` 查看失败或已取消的任务。",
        }[language]
    )


def said_again(language: Language) -> Said:
    """Answer `/again`."""
    return say({"en": "Here it is again:", "zh": "再次发送如下："}[language])


def nothing_to_repeat(language: Language) -> Said:
    """Answer `/again` for something that is known to have arrived, or was never said here."""
    return say(
        {
            "en": "There is no answer in this chat that may be missing.",
            "zh": "本聊天没有可能丢失的回复。",
        }[language]
    )


def steered(title: str, language: Language) -> Said:
    """Say that words join the work under way."""
    name = escape(title)
    return say(
        {
            "en": f"Noted for the work under way: {name}. Its report will look at that.",
            "zh": f"已记入正在进行的工作：{name}。报告会关注这一点。",
        }[language]
    )


def too_late(title: str, language: Language) -> Said:
    """Say that words come too late for the work under way."""
    name = escape(title)
    return say(
        {
            "en": f"The report is being written already: {name}. To have it look at that, send the files again with"
            " these words.",
            "zh": f"报告已在撰写中：{name}。如需关注这一点，请连同这些文字重新发送文件。",
        }[language]
    )


def gathered(language: Language) -> Said:
    """Say that what comes now is worked on together, later."""
    return say(
        {
            "en": "Busy with your earlier work. What you send now is worked on together, right after it.",
            "zh": "正在处理您之前的任务。您现在发送的内容将在其完成后一并处理。",
        }[language]
    )


def too_large_to_fetch(files: Sequence[Unfetched], link: str, language: Language, *, is_once: bool) -> Said:
    """Say that a platform does not hand a file over, and the link by which it can be, which may work only once."""
    names = ", ".join(escape(file.name) for file in files[:3]) + ("…" if len(files) > 3 else "")
    en = f"{names}: too large for this chat app to hand to a bot. Upload it on the device's page: <{link}>"
    zh = f"{names}：文件过大，此聊天应用不能转交给机器人。请在设备页面上传：<{link}>"
    return say(
        {
            "en": f"{en}\n\nThe link is for you alone and works once, within ten minutes." if is_once else en,
            "zh": f"{zh}\n\n此链接仅供您本人使用，十分钟内有效，只能用一次。" if is_once else zh,
        }[language]
    )


def owner_only(language: Language) -> Said:
    """Refuse something that only the owner may do."""
    return say({"en": "Only the owner of this device may do that.", "zh": "只有本设备的主人可以这样做。"}[language])


def group_not_open(chat: str, language: Language) -> Said:
    """Tell the owner how a group is let in."""
    name = chat.replace("`", "")
    return say(
        {
            "en": f"This group is not on this device's list. To let it in, add `{name}` to the channel's `groups`.",
            "zh": f"本群不在设备的允许列表中。如需开放，请把 `{name}` 加入该渠道的 `groups`。",
        }[language]
    )


def refused(error: BadInput, language: Language) -> Said:
    """Say why something was refused."""
    return say(escape(error.zh if language == "zh" else error.en))


def failed(title: str, failure: Failure, language: Language) -> Said:
    """Say that work failed, and why."""
    why = escape(failure.zh if language == "zh" else failure.en)
    if failure.code == BadInput.code:
        return say(why)
    name = escape(title)
    return say({"en": f"**{name} failed.** {why}", "zh": f"**{name} 失败了。** {why}"}[language])


def analysis_title(names: Sequence[str], language: Language) -> str:
    """Return the title of the analysis of files."""
    shown = ", ".join(names[:3]) + ("…" if len(names) > 3 else "")
    return f"日志分析：{shown}" if language == "zh" else f"Log analysis: {shown}"


def state_name(state: TaskState, language: Language) -> str:
    """Return the state in a person's words."""
    return _STATES[language][state]


def _title(task: Task) -> str:
    return escape(task.spec.title or task.spec.kind)


def _offers(language: Language) -> tuple[Button, ...]:
    if language == "zh":
        return (Button("帮助", "/help"), Button("设备状态", "/status"), Button("任务", "/tasks"))
    return (Button("Help", "/help"), Button("Device status", "/status"), Button("Tasks", "/tasks"))


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _duration(seconds: float, language: Language) -> str:
    minutes = int(seconds // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = {"en": (" d ", " h ", " min"), "zh": (" 天 ", " 小时 ", " 分钟")}[language]
    parts = [(days, units[0]), (hours, units[1]), (minutes, units[2])]
    return "".join(f"{value}{unit}" for value, unit in parts if value or unit is units[2]).strip()


def _ago(milliseconds: int, language: Language) -> str:
    seconds = max(milliseconds, 0) // 1000
    if seconds < 60:
        return {"en": "just now", "zh": "刚刚"}[language]
    return {"en": f"{_duration(seconds, 'en')} ago", "zh": f"{_duration(seconds, 'zh')}前"}[language]
