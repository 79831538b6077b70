"""`outpost channel list|add|remove|test`."""

from __future__ import annotations

import argparse
import getpass
import sys

from outpost_agent.cli.device import connect
from outpost_agent.cli.output import Output
from outpost_agent.cli.views import ChannelView, Tested, parse
from outpost_agent.cli.words import channel_word
from outpost_wire.errors import BadInput

ANSWER_S = 60.0
"""How long to wait for a platform, which the daemon itself gives half as long."""


def run(options: argparse.Namespace, output: Output) -> int:
    """Carry out the action that was asked for."""
    actions = {"list": _list, "add": _add, "remove": _remove, "test": _test}
    actions[options.action](options, output)
    return 0


def _list(options: argparse.Namespace, output: Output) -> None:
    with connect(options) as client:
        value = client.call("channels.list").value
    channels = parse(value, tuple[ChannelView, ...])
    if output.is_json:
        output.document(value)
        return
    say = output.say
    rows = [
        (
            channel.name,
            channel.kind,
            channel_word(channel.state, output),
            channel.account,
            say(channel.en, channel.zh),
        )
        for channel in channels
    ]
    header = (say("Name", "名称"), say("Kind", "类型"), say("State", "状态"), say("Account", "账号"))
    output.table((*header, say("Why", "说明")), rows)


def _add(options: argparse.Namespace, output: Output) -> None:
    wanted = {
        "name": options.name or options.kind,
        "kind": options.kind,
        "options": {"token": _token(options, output), **({"api": options.api} if options.api else {})},
        "proxy": options.proxy,
        "groups": options.groups,
    }
    with connect(options) as client:
        value = client.call("channels.add", wanted, timeout_s=ANSWER_S).value
    added = parse(value, ChannelView)
    if output.is_json:
        output.document(value)
        return
    output.line(
        output.say(f"{added.name} is connected as {added.account}.", f"{added.name} 已连接，账号为 {added.account}。")
    )


def _token(options: argparse.Namespace, output: Output) -> str:
    """Return the token: from a file, typed unseen, or piped in; never from the arguments, which others can see."""
    if options.token_file is not None:
        token: str = options.token_file.read_text(encoding="utf-8", errors="replace").strip()
    elif sys.stdin.isatty():
        token = getpass.getpass(output.say("Token (not shown): ", "令牌（不显示）：")).strip()
    else:
        token = sys.stdin.readline().strip()
    if not token:
        raise BadInput(
            "No token was given: type it, pipe it in, or name a file with --token-file.",
            "没有提供令牌：请输入、用管道传入，或用 --token-file 指定文件。",
        )
    return token


def _remove(options: argparse.Namespace, output: Output) -> None:
    with connect(options) as client:
        value = client.call("channels.remove", {"name": options.name}).value
    if output.is_json:
        output.document(value)
        return
    output.line(output.say(f"Removed {options.name}.", f"已移除 {options.name}。"))


def _test(options: argparse.Namespace, output: Output) -> None:
    with connect(options) as client:
        value = client.call("channels.test", {"name": options.name}, timeout_s=ANSWER_S).value
    tested = parse(value, Tested)
    if output.is_json:
        output.document(value)
        return
    known = tested.account or output.say("this device", "本设备")
    output.line(output.say(f"{tested.name} works: it knows us as {known}.", f"{tested.name} 正常：账号为 {known}。"))
