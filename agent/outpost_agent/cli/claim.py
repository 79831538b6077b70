"""`outpost claim`: whose device this is, and how it becomes somebody's."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from pathlib import Path
from typing import Any

from outpost_agent.announce import announce_claim, draw_link
from outpost_agent.cli.device import connect
from outpost_agent.cli.output import Output
from outpost_agent.cli.views import Claim, Claimed, Recovery, parse

RECOVERY_LIMIT = 16_384
"""No recovery file is larger; what is was taken for one by mistake."""


def run(options: argparse.Namespace, output: Output) -> int:
    """Show the claim code, or carry out what was asked for."""
    if options.take:
        return _own(options, output, "claim.take", {}, output.say("You own this device now.", "设备现在归您所有。"))
    if options.recover is not None:
        return _recover(options, output)
    if options.link:
        return _link(options, output)
    if options.new_recovery is not None:
        return _write_recovery(options, output)
    with connect(options) as client, client.call("claim.show") as answer:
        claim = parse(answer.value, Claim)
        if output.is_json:
            output.document(answer.value)
            return 0
    if claim.owned or not claim.code:
        output.line(
            output.say(
                f"This device has an owner. Its page: {claim.address}/\n"
                "`outpost claim --link` signs another browser in; `outpost claim --recover FILE` makes you its owner"
                " again.",
                f"本设备已有主人。页面：{claim.address}/\n"
                "用 outpost claim --link 让另一个浏览器登录；用 outpost claim --recover 文件 恢复所有权。",
            )
        )
        return 0
    announce_claim(claim.address, claim.code, output.language, sys.stdout)
    return 0


def _recover(options: argparse.Namespace, output: Output) -> int:
    with options.recover.open("rb") as file:
        text = file.read(RECOVERY_LIMIT).decode(errors="replace")
    done = output.say(
        f"You own this device again; your other browsers are signed out, and {options.recover} is void.",
        f"设备重新归您所有；您的其他浏览器均已退出登录，{options.recover} 已作废。",
    )
    return _own(options, output, "claim.recover", {"recovery": text}, done)


def _own(options: argparse.Namespace, output: Output, method: str, params: dict[str, Any], done: str) -> int:
    with connect(options) as client, client.call(method, params) as answer:
        claimed = parse(answer.value, Claimed)
        if output.is_json:
            output.document(answer.value)
            return 0
    output.line(
        output.say(
            f"{done}\nOpen this once, within ten minutes, to sign a browser in: {claimed.link}\n\n"
            "Keep the recovery file below where you will find it; it is shown only now.\n",
            f"{done}\n请在十分钟内打开此一次性链接登录：{claimed.link}\n\n请妥善保存下面的恢复文件，它只显示这一次。\n",
        )
    )
    output.line(claimed.recovery)
    return 0


def _link(options: argparse.Namespace, output: Output) -> int:
    with connect(options) as client, client.call("claim.link") as answer:
        link = parse(answer.value, Claimed).link
        if output.is_json:
            output.document(answer.value)
            return 0
    output.line(
        output.say(
            f"Open this once, within ten minutes, to sign a browser in as the owner: {link}",
            f"请在十分钟内打开此一次性链接，以主人身份登录：{link}",
        )
    )
    draw_link(link, sys.stdout)
    return 0


def _write_recovery(options: argparse.Namespace, output: Output) -> int:
    """Write a new recovery file; where it cannot be written it is shown, since the device gives it only once."""
    from outpost_disk import replace_file  # noqa: PLC0415 - it brings the event loop, seldom needed here

    path: Path = options.new_recovery
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    with connect(options) as client, client.call("claim.new_recovery") as answer:
        recovery = parse(answer.value, Recovery).recovery
        document = {**answer.value, "path": str(path)}
    try:
        replace_file(path, recovery.encode())
    except OSError:
        output.line(recovery)
        raise
    if output.is_json:
        output.document(document)
        return 0
    output.line(
        output.say(f"Wrote {path}. The recovery file before it is void.", f"已写入 {path}，此前的恢复文件已作废。")
    )
    return 0
