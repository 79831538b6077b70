"""The manager as a process of its own."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from outpost_manager.demo.broker import MANAGER_USER
from outpost_manager.demo.folder import is_free
from tests.support.broker import Broker

TOKEN = "console-token"
WAIT_S = 30.0


@dataclass
class Manager:
    """`outpost-fleet serve` as a child on a port that it keeps."""

    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = None

    @classmethod
    def at(cls, folder: Path, fleet: str, broker: Broker, password: str, *, expiry_s: int = 60) -> Manager:
        """Return one that is set up in `folder` and not started yet."""
        port = next(port for port in random.sample(range(20_000, 32_000), 100) if is_free(port))
        (folder / "password").write_text(password)
        (folder / "token").write_text(TOKEN)
        (folder / "manager.toml").write_text(f"""
[manager]
fleet = "{fleet}"
state = "{folder}/manager"
command_expiry_s = {expiry_s}
[web]
listen = "127.0.0.1:{port}"
token_file = "{folder}/token"
[broker]
port = {broker.port}
username = "{MANAGER_USER}"
password_file = "{folder}/password"
""")
        return cls(folder, port)

    async def start(self, code: str = "") -> None:
        """Start it; with `code`, that program instead."""
        how = ["-c", code] if code else ["-m", "outpost_manager"]
        command = [sys.executable, *how, "serve", "--no-link", "--config", str(self.folder / "manager.toml")]
        with (self.folder / "manager.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stderr=log)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit status."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.process.wait()

    async def get(self, path: str) -> Any:
        """Return the answer to a question."""
        return await self.call("GET", path)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer to a request, whatever its status."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            aiohttp.ClientSession(headers=headers) as client,
            client.request(method, f"http://127.0.0.1:{self.port}{path}", json=body) as response,
        ):
            return await response.json()

    async def until(self, path: str, wanted: Any, read: Any) -> None:
        """Ask for `path` until `read` of the answer is `wanted`; a manager that is not there yet is asked again."""
        got: Any = None
        try:
            async with asyncio.timeout(WAIT_S):
                while got != wanted:
                    try:
                        got = read(await self.get(path))
                    except (aiohttp.ClientError, OSError) as error:
                        got = error
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"{path}: wanted {wanted}, got {got}; {(self.folder / 'manager.log').read_text()[-2000:]}")

    async def ready(self, is_ready: bool = True) -> None:
        """Wait until it is ready, or no more."""
        await self.until("/readyz", is_ready, lambda answer: answer["ready"])
