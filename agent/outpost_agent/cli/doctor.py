"""`outpost doctor`: looks at everything the device needs, and says of each thing how to mend it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from outpost_agent.cli import checks, door_checks
from outpost_agent.cli.checks import Finding
from outpost_agent.cli.device import DEMO_STATE, RUN_FILE, SYSTEM_STATE, find_socket
from outpost_agent.cli.output import Output
from outpost_agent.config import Config

DEMO_CONFIG = "device.toml"


def run(options: argparse.Namespace, output: Output) -> int:
    """Make every check, show them all, and return 1 when one failed."""
    findings = list(_examine(options, output))
    is_well = all(finding.verdict != "fail" for finding in findings)
    if output.is_json:
        output.document({"ok": is_well, "checks": findings})
    else:
        _show(findings, is_well, output)
    return 0 if is_well else 1


def _examine(options: argparse.Namespace, output: Output) -> Iterator[Finding]:
    say = output.say
    config, read = checks.check_config(_config_file(options), say)
    folder = _state_folder(options, config)
    path = _socket(options, config)
    status, answered = checks.check_daemon(path, say)
    yield checks.check_python(say)
    yield checks.check_sqlite(say)
    yield read
    yield checks.check_state(folder, say)
    yield checks.check_space(folder, config.limits.disk_high_water, say)
    yield answered
    chat = urlsplit(status.chat) if status and status.chat else None
    yield checks.check_port(chat.netloc if chat else config.web.listen, status is not None, say)
    if chat and _config_file(options) is None:  # then the daemon alone knows
        yield door_checks.check_exposure(chat.netloc, chat.scheme == "https", say)
    else:
        yield door_checks.check_exposure(config.web.listen, bool(config.web.certificate), say)
    if status is not None:
        yield door_checks.check_owner(status, say)
        yield from door_checks.check_channels(path, say)
    yield from door_checks.check_proxies(config, say)
    yield checks.check_broker(config, status, say)
    yield checks.check_clock(folder, say)
    yield checks.check_fonts(say)
    yield checks.check_web(say)


def _config_file(options: argparse.Namespace) -> Path | None:
    """Return the settings that were named, or those of a demo."""
    if options.config is not None:
        return Path(options.config)
    demo = _demo(options)
    return demo / DEMO_CONFIG if demo is not None and (demo / DEMO_CONFIG).exists() else None


def _state_folder(options: argparse.Namespace, config: Config) -> Path:
    if options.folder is not None and _demo(options) is None:
        return Path(options.folder)
    return Path(config.device.state)


def _socket(options: argparse.Namespace, config: Config) -> Path:
    is_named = options.socket is not None or options.folder is not None
    if config.device.socket and not is_named:
        return Path(config.device.socket)
    folder = options.folder if is_named or options.config is None else Path(config.device.state)
    return find_socket(options.socket, folder, os.environ)


def _demo(options: argparse.Namespace) -> Path | None:
    """Return the folder of the demo that is meant, if one is."""
    folder = options.folder
    if folder is None and options.socket is None and not SYSTEM_STATE.exists():
        folder = DEMO_STATE
    return Path(folder) if folder is not None and (Path(folder) / RUN_FILE).exists() else None


def _show(findings: list[Finding], is_well: bool, output: Output) -> None:
    say = output.say
    marks = {"ok": say("ok", "正常"), "warn": say("warn", "注意"), "fail": say("fail", "故障")}
    names = {
        "python": "Python",
        "sqlite": "SQLite",
        "config": say("settings", "设置"),
        "state": say("state folder", "状态文件夹"),
        "space": say("disk space", "磁盘空间"),
        "daemon": say("daemon", "守护进程"),
        "port": say("chat", "聊天端口"),
        "exposure": say("encryption", "加密"),
        "owner": say("owner", "主人"),
        "channel": say("channel", "渠道"),
        "proxy": say("proxy", "网络代理"),
        "broker": say("broker", "消息代理"),
        "clock": say("clock", "时钟"),
        "fonts": say("fonts", "字体"),
        "web": say("web page", "网页"),
    }
    output.table(
        (say("Check", "检查项"), "", say("Found", "结果"), say("What to do", "处理办法")),
        [(names[finding.check], marks[finding.verdict], finding.found, finding.remedy) for finding in findings],
    )
    if is_well:
        output.line(say("This device is well.", "设备状况良好。"))
