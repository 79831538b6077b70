"""What tests of the local socket call, send and count."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outpost_agent.local import server
from outpost_agent.local.client import LocalClient
from outpost_agent.local.server import Call, LocalServer, echo
from outpost_wire.errors import BadInput
from outpost_wire.frames import Assembler, Fault

BIG = bytes(range(256)) * 8192


class Methods:
    """Methods that the tests call, and what they saw."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.ended = asyncio.Event()
        self.taken: list[int] = []

    def table(self) -> dict[str, server.Method]:
        return {
            "echo": echo,
            "count": self.count,
            "read": self.read,
            "keep": self.keep,
            "wait": self.wait,
            "refuse": self.refuse,
            "break": self.break_down,
            "flood": self.flood,
            "unsendable": self.unsendable,
            "refuse at once": self.refuse_at_once,
            "break at once": self.break_at_once,
            "unsendable at once": self.unsendable_at_once,
        }

    async def count(self, call: Call) -> int:
        for number in range(call.params):
            await call.update(number)
        return int(call.params)

    async def read(self, call: Call) -> list[str]:
        return [os.pread(number, 100, 0).decode() for number in call.fds]

    async def keep(self, call: Call) -> None:
        self.taken.append(call.fds.take(0))

    async def wait(self, call: Call) -> None:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def refuse(self, call: Call) -> None:
        raise BadInput("This file is empty.", "文件是空的。")

    async def break_down(self, call: Call) -> None:
        raise RuntimeError("the secret text of a chat")

    async def flood(self, call: Call) -> None:
        self.entered.set()
        try:
            while True:
                await call.update(b"x" * 65_536)
        finally:
            self.ended.set()

    async def unsendable(self, call: Call) -> object:
        return object()

    def refuse_at_once(self, call: Call) -> None:
        raise BadInput("This file is empty.", "文件是空的。")

    def break_at_once(self, call: Call) -> None:
        raise RuntimeError("the secret text of a chat")

    def unsendable_at_once(self, call: Call) -> object:
        return object()


def open_descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@asynccontextmanager
async def raw_peer(local: LocalServer) -> AsyncIterator[socket.socket]:
    """Give a connection on which anything may be sent."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.setblocking(False)
    with peer:
        peer.connect(os.fspath(local.path))
        yield peer


async def local_peers(local: LocalServer) -> set[server._Peer]:
    """Return the connections of `local`, of which there is to be one at least."""
    while not local._peers:
        await asyncio.sleep(0)
    return local._peers


async def last_words(peer: socket.socket) -> Fault:
    """Return the fault of the last frame before the other end closes."""
    assembler, fault = Assembler(), Fault("none", "")
    while data := await asyncio.get_running_loop().sock_recv(peer, 65_536):
        assembler.feed(data)
        while (frame := assembler.next()) is not None:
            if isinstance(frame.body.error, Fault):
                fault = frame.body.error
    return fault


def send_with_descriptors(peer: socket.socket, data: bytes, count: int) -> None:
    with (Path(__file__)).open("rb") as file:
        socket.send_fds(peer, [data], [file.fileno()] * count)


def call_blocking(path: Path, method: str, params: Any = None, **options: Any) -> Any:
    with LocalClient(path) as client, client.call(method, params, **options) as answer:
        return answer.value, [bytes(view) for view in answer.bulk], [os.pread(number, 10, 0) for number in answer.files]
