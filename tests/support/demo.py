"""The whole system on this machine, as `make run` starts it, and the people who use it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from outpost_disk import replace_file
from outpost_manager.demo.folder import Choices
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
READY_S = 60.0
STOP_S = 30.0


class Demo:
    """A running demo; `line` reads what run.json says now, so that pids are those of now."""

    def __init__(self, state: Path, process: asyncio.subprocess.Process, first_line: dict[str, Any]) -> None:
        self.state = state
        self.process = process
        self.first_line = first_line

    @property
    def line(self) -> dict[str, Any]:
        """Return the current line."""
        value: dict[str, Any] = json.loads((self.state / "run.json").read_text())
        return value

    def kill(self, role: str) -> bool:
        """Kill (SIGKILL) a child by its role; return False when it was dead already."""
        try:
            os.kill(self.line["pids"][role], signal.SIGKILL)
        except (ProcessLookupError, FileNotFoundError):
            return False
        return True

    async def console_link(self) -> str:
        """Return a one-time link to the console, from the command that prints one."""
        command = [sys.executable, "-m", "outpost_manager", "link", "--state", str(self.state / "manager")]
        printing = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        printed, _ = await printing.communicate()
        return printed.decode().split()[-1]

    async def chat_link(self) -> str:
        """Return a fresh one-time link into the chat, as its owner gets one."""
        command = [sys.executable, "-m", "outpost_agent", "--state", str(self.state), "claim", "--link", "--json"]
        asking = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        printed, _ = await asking.communicate()
        link: str = json.loads(printed)["link"]
        return link

    async def stop(self) -> int:
        """Stop it as its owner would; return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S):
            return await self.process.wait()


def choose_ports(state: Path) -> None:
    """Choose ports at random, as at a first start with the usual ones taken.

    Several demos run at the same time in tests, and one must not take the usual port of another whose device is dead
    for a moment.
    """
    choices = Choices(
        fleet="home", device="device", broker_port=free_port(), console_port=free_port(), chat_port=free_port()
    )
    state.mkdir(parents=True, exist_ok=True)
    replace_file(state / "demo.json", msgspec.json.encode(choices))


async def start_demo(state: Path, *arguments: str) -> Demo:
    """Start a demo in the folder `state`, ready when this returns."""
    if not (state / "demo.json").exists():
        choose_ports(state)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "outpost_manager",
        "demo",
        "--state",
        str(state),
        "--json",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    async with asyncio.timeout(READY_S):
        raw = await process.stdout.readline()
    assert raw, f"the demo ended with {await process.wait()}"
    return Demo(state, process, json.loads(raw))


@asynccontextmanager
async def running_demo(state: Path | None = None) -> AsyncIterator[Demo]:
    """Run a demo for as long as the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        demo = await start_demo(state or Path(folder) / "state")
        try:
            yield demo
        finally:
            await demo.stop()


class Client:
    """Speaks to the chat and the console of a demo with their tokens; tries again while a part is down."""

    def __init__(self, demo: Demo, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.chat, self.console = demo.first_line["chat"], demo.first_line["console"]
        self._chat_token, self._console_token = demo.first_line["chat_token"], demo.first_line["console_token"]

    async def say(self, key: str, text: str, files: tuple[tuple[str, bytes], ...] = ()) -> dict[str, Any]:
        """Post one message until it is accepted, always with the same key; return the answer."""
        while True:
            form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
            form.add_field("text", text)
            for name, data in files:
                form.add_field("file", data, filename=name)
            headers = {"Authorization": f"Bearer {self._chat_token}", "Idempotency-Key": key}
            try:
                async with self._session.post(f"{self.chat}/api/v1/messages", data=form, headers=headers) as response:
                    answer: dict[str, Any] = await response.json()
                    if response.status == 202:
                        return answer
                    assert response.status in (500, 503), answer
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.05)

    async def get(self, path: str, *, console: bool = False) -> Any:
        """Get JSON from the chat, or from the console, until it answers."""
        base, token = (self.console, self._console_token) if console else (self.chat, self._chat_token)
        while True:
            try:
                async with self._session.get(
                    f"{base}/api/v1/{path}", headers={"Authorization": f"Bearer {token}"}
                ) as response:
                    if response.status == 200:
                        return await response.json()
                    assert response.status in (500, 503), await response.text()
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.05)

    async def all_messages(self) -> list[dict[str, Any]]:
        """Return every message of the chat."""
        messages: list[dict[str, Any]] = []
        while page := await self.get(f"messages?after={messages[-1]['seq'] if messages else 0}"):
            messages += page
        return messages


@asynccontextmanager
async def client_of(demo: Demo) -> AsyncIterator[Client]:
    """Give a client of `demo`."""
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Client(demo, session)
