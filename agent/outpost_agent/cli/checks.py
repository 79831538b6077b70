"""The checks of `outpost doctor`: each looks at one thing and says what it found and how to mend it."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from outpost_agent.cli.views import Status, parse
from outpost_agent.cli.words import size
from outpost_agent.config import Config, load_config
from outpost_agent.local.client import LocalClient
from outpost_agent.local.errors import NobodyListens
from outpost_agent.plots import FontMissing, to_png
from outpost_disk.settings import split_address
from outpost_wire.errors import BadSetting, OutpostError

Verdict = Literal["ok", "warn", "fail"]
Say = Callable[[str, str], str]

ANSWER_S = 3.0
CONNECT_S = 3.0
FREE_WANTED = 1 << 30
CLOCK_FROM = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK_TO = datetime(2100, 1, 1, tzinfo=UTC)
CLOCK_SLACK_S = 300.0
SQLITE_WANTED = (3, 35, 0)  # the first with RETURNING
PYTHON_FROM, PYTHON_TO = (3, 11), (3, 13)
WEB_PAGE = Path(__file__).parents[1] / "web" / "static" / "index.html"
_DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `remedy` says what to do where something is to be done."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


def check_python(say: Say, version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Look at the version of Python."""
    found = f"{version[0]}.{version[1]}"
    if PYTHON_FROM <= version <= PYTHON_TO:
        return Finding("python", "ok", found)
    return Finding("python", "warn", found, say("use Python 3.11, 3.12 or 3.13", "请使用 Python 3.11、3.12 或 3.13"))


def check_sqlite(say: Say, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Finding:
    """Look at the version of SQLite."""
    found = ".".join(map(str, version))
    if version >= SQLITE_WANTED:
        return Finding("sqlite", "ok", found)
    return Finding("sqlite", "fail", found, say("install SQLite 3.35 or later", "请安装 SQLite 3.35 或更高版本"))


def check_config(path: Path | None, say: Say) -> tuple[Config, Finding]:
    """Read the settings; what cannot be read is a failure, and the defaults stand in for it."""
    if path is None:
        return Config(), Finding("config", "ok", say("none named, defaults are used", "未指定，使用默认设置"))
    try:
        return load_config(path), Finding("config", "ok", str(path))
    except BadSetting as error:
        return Config(), Finding("config", "fail", say(error.en, error.zh), say("correct this line", "请改正此处"))


def check_daemon(path: Path, say: Say) -> tuple[Status | None, Finding]:
    """Ask the daemon how it is."""
    begun = time.monotonic()
    try:
        with LocalClient(path) as client, client.call("status", timeout_s=ANSWER_S) as answer:
            status = parse(answer.value, Status)
    except NobodyListens:
        found = say(f"nobody answers at {path}", f"{path} 无人应答")
        return None, Finding("daemon", "fail", found, say("start it: outpost run", "请启动：outpost run"))
    except OutpostError as error:
        found = say(str(error), getattr(error, "zh", "") or str(error))
        remedy = say("see its log and restart it", "请查看日志并重启")
        return None, Finding("daemon", "fail", found, remedy)
    took = f"{(time.monotonic() - begun) * 1000:.0f} ms"
    return status, Finding("daemon", "ok", say(f"answers at {path} in {took}", f"{path} 在 {took} 内应答"))


def check_state(folder: Path, say: Say) -> Finding:
    """Look at the state folder: there, a folder, ours to write, and nobody else's."""
    elsewhere = say("name another with --state", "请用 --state 指定其他文件夹")
    try:
        facts = folder.stat()
    except OSError as error:
        make = f"mkdir -m 700 -p {folder}"
        return Finding("state", "fail", f"{folder}: {error.strerror}", say(f"make it: {make}", f"请创建：{make}"))
    if not stat.S_ISDIR(facts.st_mode):
        return Finding("state", "fail", say(f"{folder} is no folder", f"{folder} 不是文件夹"), elsewhere)
    if not os.access(folder, os.W_OK | os.X_OK):
        owner = facts.st_uid
        found = say(f"{folder} can be written by user {owner} only", f"{folder} 只有用户 {owner} 可写")
        return Finding("state", "fail", found, say("run as that user or as root", "请以该用户或 root 身份运行"))
    if facts.st_mode & 0o022:
        found = say(f"others may write to {folder}", f"其他用户可写入 {folder}")
        return Finding("state", "fail", found, say(f"chmod 700 {folder}", f"请运行 chmod 700 {folder}"))
    return Finding("state", "ok", str(folder))


def check_space(folder: Path, high_water: float, say: Say) -> Finding:
    """Look at the disk under the state folder: beyond the high-water mark the device takes nothing new."""
    try:
        usage = shutil.disk_usage(next(path for path in (folder, *folder.absolute().parents) if path.exists()))
    except OSError as error:
        return Finding("space", "fail", f"{folder}: {error.strerror}", say("see the disk's health", "请检查磁盘"))
    used = usage.used / max(1, usage.used + usage.free)  # as the device itself counts: without what root keeps back
    found = say(f"{size(usage.free)} free, {used:.0%} used", f"剩余 {size(usage.free)}，已用 {used:.0%}")
    remedy = say("free some space: remove files or move the state folder", "请清理文件，或将状态文件夹移到更大的磁盘")
    if used >= high_water:
        return Finding("space", "fail", found, remedy)
    if usage.free < FREE_WANTED:
        return Finding("space", "warn", found, remedy)
    return Finding("space", "ok", found)


def check_port(listen: str, is_running: bool, say: Say) -> Finding:
    """Look whether the chat answers when the daemon runs, and whether its port is free when it does not."""
    host, port = split_address(listen)
    if is_running:
        reason = unreachable(host, port, say)
        if reason is None:
            return Finding("port", "ok", say(f"the chat answers at {listen}", f"聊天页面在 {listen} 应答"))
        remedy = say("restart the device and see its log", "请重启设备并查看日志")
        return Finding("port", "fail", f"{listen}: {reason}", remedy)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        remedy = say("stop what uses it, or choose another web.listen", "请停止占用它的程序，或更换 web.listen")
        return Finding("port", "fail", f"{listen}: {error.strerror or error}", remedy)
    return Finding("port", "ok", say(f"{listen} is free", f"{listen} 可用"))


def check_broker(config: Config, status: Status | None, say: Say) -> Finding:
    """Look whether the manager's broker is reached: by the daemon's word when it runs, else by knocking."""
    remedy = say("see that the broker runs and the network is up", "请确认消息代理已运行、网络正常")
    if status is not None and status.link is not None:
        if status.link.connected:
            return Finding("broker", "ok", say("connected", "已连接"))
        waiting = status.link.outbox
        found = say(f"not connected, {waiting} messages wait", f"未连接，{waiting} 条消息等待发送")
        return Finding("broker", "warn", found, remedy)
    if config.link is None:
        return Finding("broker", "ok", say("none set, this device works alone", "未设置，设备独立运行"))
    where = f"{config.link.host}:{config.link.port}"
    reason = unreachable(config.link.host, config.link.port, say)
    if reason is not None:
        return Finding("broker", "warn", f"{where}: {reason}", remedy)
    return Finding("broker", "ok", say(f"{where} is reached", f"{where} 可连接"))


def check_clock(folder: Path, say: Say, now: float | None = None) -> Finding:
    """Look whether the clock is in this century, and not behind what was written already."""
    moment = time.time() if now is None else now
    shown = datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
    mend = "timedatectl set-ntp true"
    remedy = say(f"set the clock, or have it set: {mend}", f"请校准时钟，或开启时间同步：{mend}")
    if not CLOCK_FROM.timestamp() <= moment < CLOCK_TO.timestamp():
        return Finding("clock", "fail", shown, remedy)
    latest = _latest_change(folder)
    if latest > moment + CLOCK_SLACK_S:
        ahead = datetime.fromtimestamp(latest, UTC).isoformat(timespec="seconds")
        found = say(f"{shown} is before the last change here, {ahead}", f"{shown} 早于此处的最近改动 {ahead}")
        return Finding("clock", "warn", found, remedy)
    return Finding("clock", "ok", shown)


def check_fonts(say: Say) -> Finding:
    """Look whether plots can be drawn."""
    try:
        to_png(_DOT)
    except FontMissing as error:
        remedy = say("install the Debian package fonts-wqy-microhei", "请安装 Debian 软件包 fonts-wqy-microhei")
        return Finding("fonts", "fail", say(str(error), "缺少中文字体，无法绘图"), remedy)
    return Finding("fonts", "ok", say("plots can be drawn", "可以绘图"))


def check_web(say: Say, page: Path = WEB_PAGE) -> Finding:
    """Look whether the chat's page was built."""
    if page.is_file():
        return Finding("web", "ok", say("the chat's page is there", "聊天页面已构建"))
    found = say(f"{page} is missing", f"缺少 {page}")
    return Finding("web", "fail", found, say("build it with `make setup`", "请运行 make setup 构建"))


def unreachable(host: str, port: int, say: Say) -> str | None:
    """Return why nothing answers at this address, or None when something does."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to knock, not to listen
    try:
        socket.create_connection((everywhere.get(host, host), port), CONNECT_S).close()
    except TimeoutError:
        return say(f"no answer within {CONNECT_S:g} s", f"{CONNECT_S:g} 秒内无应答")
    except OSError as error:
        return error.strerror or str(error)
    return None


def _latest_change(folder: Path) -> float:
    """Return the time of the newest change of anything that lies directly in `folder`, 0 when nothing can be read."""
    try:
        return max((entry.stat(follow_symlinks=False).st_mtime for entry in os.scandir(folder)), default=0.0)
    except OSError:
        return 0.0
