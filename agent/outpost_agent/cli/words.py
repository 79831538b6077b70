"""Numbers, times and states as people read them."""

from __future__ import annotations

from datetime import datetime

from outpost_agent.cli.output import Output

_STATES_ZH = {
    "waiting": "等待",
    "ready": "就绪",
    "running": "进行中",
    "done": "完成",
    "failed": "失败",
    "cancelled": "已取消",
}

_CHANNEL_STATES_ZH = {
    "connecting": "正在连接",
    "on": "已连接",
    "unreachable": "连不上",
    "refused": "被拒绝",
    "contested": "被占用",
    "broken": "出错",
    "off": "已停用",
}


def state_word(state: str, output: Output) -> str:
    """Return a task's state in the reader's language."""
    return output.say(state, _STATES_ZH.get(state, state))


def channel_word(state: str, output: Output) -> str:
    """Return a channel's state in the reader's language."""
    return output.say(state, _CHANNEL_STATES_ZH.get(state, state))


def share(value: float | None) -> str:
    """Return a share of 0 to 1 in per cent; nothing when it is not known."""
    return "" if value is None else f"{value:.0%}"


def size(count: float) -> str:
    """Return a number of bytes in the binary unit that suits it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def duration(seconds: float, output: Output) -> str:
    """Return a length of time by its two largest units."""
    whole = int(seconds)
    parts = ((whole // 86400, "d", "天"), (whole // 3600 % 24, "h", "小时"), (whole // 60 % 60, "min", "分"))
    words = [output.say(f"{count} {en}", f"{count} {zh}") for count, en, zh in parts if count][:2]
    return " ".join(words) or output.say(f"{whole} s", f"{whole} 秒")


def local_time(iso: str) -> str:
    """Return an ISO 8601 time in this machine's zone, to the second; what is no time is returned as it is."""
    try:
        return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return iso


def local_time_ms(unix_ms: int) -> str:
    """Return Unix milliseconds as a time in this machine's zone, to the second."""
    return datetime.fromtimestamp(unix_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
