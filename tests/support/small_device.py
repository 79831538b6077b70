"""A small device for the command `outpost`: answers over a real local socket as the daemon does."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard

from outpost_agent.channels.switchboard import NoSuchChannel
from outpost_agent.cli.main import main
from outpost_agent.local.answer import Reply
from outpost_agent.local.server import Call, LocalServer, Method
from outpost_agent.people import refusals
from outpost_sdk.channel import ChannelDown
from outpost_sdk.tasks import NoSuchTask
from outpost_wire.errors import BadInput

TASK = {
    "id": "01J00000000000000000000003",
    "kind": "log.report",
    "title": "app.log",
    "state": "running",
    "progress": 0.5,
    "created": "2026-11-24T02:00:00.000Z",
    "updated": "2026-11-24T02:00:01.000Z",
    "attempt": 1,
    "error": None,
    "priority": 5,
}
PARENT = {**TASK, "id": "01J00000000000000000000002", "kind": "log.analyse", "state": "done", "parents": []}
STATUS = {
    "device": {"id": "outpost-1", "name": "kitchen"},
    "release": "0.1.0",
    "state": "ready",
    "uptime_s": 3_700.0,
    "boot_id": "01J00000000000000000000001",
    "pid": 42,
    "chat": "http://127.0.0.1:7780",
    "health": {"cpu": 0.12, "memory": 0.4, "disk": 0.3, "load": 0.5, "temperature": None, "rss": 50_000_000},
    "tasks": {"running": 1, "done": 2, "failed": 0},
    "link": {"connected": True, "outbox": 3},
    "channels": [
        {"id": "web", "kind": "web", "state": "on", "account": ""},
        {"id": "telegram", "kind": "telegram", "state": "unreachable", "account": "@kitchen_bot"},
    ],
    "owned": False,
}
ADDRESS = "http://127.0.0.1:7780"
CODE = "K7M2PQRS"
LINK = f"{ADDRESS}/#code=3FQZ8HYT2BWNK7M4"
RECOVERY = "OUTPOST RECOVERY FILE · OUTPOST 恢复文件\n\nLHYB4-6PAAV\n"
NEXT_RECOVERY = "OUTPOST RECOVERY FILE · OUTPOST 恢复文件\n\nDELSF-YQXMX\n"
TOKEN = "7000000001:AAFakeTokenForTestsOnly"
USER = {"person": "01J0000000000000000000000P", "name": "Bo", "role": "user"}
CHANNELS: list[dict[str, Any]] = [
    {"name": "web", "kind": "web", "state": "on", "account": "", "en": "", "zh": "", "removable": False},
    {
        "name": "telegram",
        "kind": "telegram",
        "state": "unreachable",
        "account": "@kitchen_bot",
        "en": "Telegram is not reached: there is no route.",
        "zh": "无法连接 Telegram：没有路由。",
        "removable": True,
    },
]
PEOPLE: dict[str, Any] = {
    "people": [
        {
            "id": "owner",
            "name": "",
            "role": "owner",
            "identities": [{"channel": "telegram", "sender": "41", "name": "Ada", "since_ms": 1_795_000_000_000}],
        },
        {"id": "01J0000000000000000000000P", "name": "Lin", "role": "user", "identities": []},
    ],
    "requests": [
        {
            "id": "01J0000000000000000000000R",
            "code": "ABCD2345",
            "channel": "telegram",
            "sender": "42",
            "name": "Bo",
            "created_ms": 1_795_000_000_000,
            "expires_ms": 1_795_003_600_000,
        }
    ],
    "turned_away": 3,
}


class SmallDevice:
    """Answers as the daemon does, and keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.asked: list[Any] = []
        self.received: list[bytes] = []
        self.status: dict[str, Any] = dict(STATUS)
        self.channels: list[dict[str, Any]] = list(CHANNELS)
        self.is_owned = False
        self.is_untouched = True
        """Whether nothing was asked that changes something."""

    def table(self) -> dict[str, Method]:
        return {
            "status": self.tell_status,
            "tasks.list": self.list_tasks,
            "tasks.show": self.show,
            "tasks.cancel": self.cancel,
            "tasks.retry": self.retry,
            "ask": self.ask,
            "claim.show": self.show_claim,
            "claim.take": self.take,
            "claim.link": self.link,
            "claim.recover": self.recover,
            "claim.new_recovery": self.new_recovery,
            "people.list": self.people,
            "pair.approve": self.approve,
            "pair.refuse": self.refuse,
            "pair.revoke": self.revoke,
            "channels.list": self.list_channels,
            "channels.add": self.add_channel,
            "channels.remove": self.remove_channel,
            "channels.test": self.test_channel,
        }

    async def tell_status(self, _call: Call) -> dict[str, Any]:
        return self.status

    async def list_tasks(self, call: Call) -> list[dict[str, Any]]:
        self.asked.append(call.params)
        return [TASK, PARENT]

    async def show(self, call: Call) -> dict[str, Any]:
        if call.params["task"] != TASK["id"]:
            raise NoSuchTask(call.params["task"])
        return {**TASK, "parents": [PARENT]}

    async def cancel(self, call: Call) -> dict[str, Any]:
        return {"cancelled": [TASK["id"]] if call.params["task"] == TASK["id"] else []}

    async def ask(self, call: Call) -> Reply:
        self.asked.append(call.params)
        self.received = [os.pread(number, 1000, 0) for number in call.fds]
        if call.params["text"] == "refuse":
            raise BadInput("This file is empty.", "文件是空的。")
        await call.update({"accepted": {"message_id": "M1", "task_id": TASK["id"]}})
        await call.update({"task": TASK})
        made = {"../report.md": b"# Report", "events.jsonl": zstandard.compress(b'{"line":1}\n')}
        numbers, attachments = [], []
        for index, (name, content) in enumerate(made.items()):
            path = self._folder / str(index)
            path.write_bytes(content)
            numbers.append(os.open(path, os.O_RDONLY))
            encoding = "zstd" if name.endswith("jsonl") else ""
            attachments.append({"name": name, "type": "x/y", "size": len(content), "encoding": encoding})
        return Reply({"text": "All **well**.", "attachments": attachments}, files=numbers)

    async def retry(self, call: Call) -> dict[str, Any]:
        self.asked.append(call.params)
        if call.params["task"] != TASK["id"]:
            raise BadInput("This task cannot be tried again: it is done.", "该任务无法重试：已完成。")
        return TASK

    async def show_claim(self, _call: Call) -> dict[str, Any]:
        code = None if self.is_owned else CODE
        link = None if self.is_owned else f"{ADDRESS}/#claim={CODE}"
        return {"owned": self.is_owned, "code": code, "address": ADDRESS, "link": link}

    async def take(self, call: Call) -> dict[str, Any]:
        self.asked.append(call.params)
        if self.is_owned:
            raise refusals.already_claimed()
        self.is_owned = True
        return {"link": LINK, "recovery": RECOVERY}

    async def link(self, _call: Call) -> dict[str, Any]:
        if not self.is_owned:
            raise refusals.not_claimed()
        return {"link": LINK}

    async def recover(self, call: Call) -> dict[str, Any]:
        self.asked.append(call.params)
        if call.params["recovery"] != RECOVERY:
            raise refusals.other_recovery()
        return {"link": LINK, "recovery": NEXT_RECOVERY}

    async def new_recovery(self, _call: Call) -> dict[str, Any]:
        self.is_untouched = False
        return {"recovery": NEXT_RECOVERY}

    async def people(self, _call: Call) -> dict[str, Any]:
        return PEOPLE

    async def approve(self, call: Call) -> dict[str, Any]:
        self.asked.append(call.params)
        if call.params["code"] != "abcd-2345":
            raise refusals.no_such_request(None)
        is_owner = call.params["role"] == "owner"
        person = {"person": "owner", "name": "", "role": "owner"} if is_owner else USER
        return {"person": person, "channel": "telegram", "sender": "42"}

    async def refuse(self, call: Call) -> dict[str, Any]:
        self.asked.append(call.params)
        return {"channel": "telegram", "sender": "42", "name": "" if call.params["code"] == "NONAME" else "Bo"}

    async def revoke(self, call: Call) -> dict[str, Any]:
        self.asked.append(call.params)
        if call.params["person"] == "owner" and call.params["channel"] is None:
            raise refusals.owner_stays()
        return {"person": USER}

    async def list_channels(self, _call: Call) -> list[dict[str, Any]]:
        return self.channels

    async def add_channel(self, call: Call) -> dict[str, Any]:
        self.is_untouched = False
        self.asked.append(call.params)
        if call.params["options"]["token"] != TOKEN:
            raise ChannelDown("Telegram refused this token: copy it again from @BotFather.", "令牌被 Telegram 拒绝。")
        return {**CHANNELS[1], "name": call.params["name"], "state": "connecting", "en": "", "zh": ""}

    async def remove_channel(self, call: Call) -> dict[str, Any]:
        self._channel(call.params["name"])
        return {"removed": call.params["name"]}

    async def test_channel(self, call: Call) -> dict[str, Any]:
        return {"name": call.params["name"], "account": self._channel(call.params["name"])["account"]}

    def _channel(self, name: str) -> dict[str, Any]:
        found = [channel for channel in CHANNELS if channel["name"] == name]
        if not found:
            raise NoSuchChannel(f"There is no channel {name!r}.", f"没有名为 {name!r} 的渠道。")
        return found[0]


@contextmanager
def serving(small: SmallDevice, path: Path) -> Iterator[None]:
    """Run a small device in a thread of its own."""
    is_up = threading.Event()
    loop = asyncio.new_event_loop()
    down = asyncio.Event()

    async def serve() -> None:
        async with LocalServer(path, small.table()):
            is_up.set()
            await down.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert is_up.wait(10)
        yield
    finally:
        loop.call_soon_threadsafe(down.set)
        thread.join()
        loop.close()


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the one JSON document that was printed."""
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


def run(*arguments: str) -> int:
    """Return the exit code, also where argparse leaves by itself."""
    try:
        return main(arguments)
    except SystemExit as leaving:
        return int(leaving.code or 0)
