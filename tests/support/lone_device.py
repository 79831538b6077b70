"""A device that stands alone: no manager, no token, no owner yet. It keeps port and state over starts."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.device import ROOT, until_ready
from tests.support.ports import free_port

WAIT_S = 30.0
CODE = re.compile(r"[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}")
LINK = re.compile(r"http://\S+#claim=\S+")


class LoneDevice:
    """`outpost run` as a child. `said` is what it has printed to whoever started it; its log is `folder`/device.log."""

    def __init__(self, folder: Path, more: str = "", *, name: str = "cabin", id: str = "cabin") -> None:
        self.folder = folder
        self.id = id
        self.state = folder / "state"
        self.settings = folder / "device.toml"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.said = ""
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.settings.write_text(
            f'[device]\nid = "{id}"\nname = "{name}"\nstate = "{self.state}"\n'
            f'[web]\nlisten = "127.0.0.1:{port}"\n{more}\n',
            encoding="utf-8",
        )

    async def start(self, *, terminal: bool = False) -> None:
        """Start it, on a terminal if asked; ready when this returns."""
        ours, theirs = pty.openpty() if terminal else os.pipe()
        command = [sys.executable, "-m", "outpost_agent", "run", "--config", str(self.settings)]
        environment = {**os.environ, "LANG": "en_GB.UTF-8", "LC_ALL": "", "LC_MESSAGES": "", "PYTHONUTF8": "1"}
        with (self.folder / "device.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, env=environment, stdout=theirs, stderr=log
            )
        os.close(theirs)
        self.said = ""
        self._reading = asyncio.create_task(asyncio.to_thread(self._read, ours))
        await until_ready(self._process, self.url)

    async def kill(self) -> None:
        """Pull the plug."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Stop it in order, if it runs."""
        if self._process is not None:
            await self._end(signal.SIGTERM)

    async def claim_code(self) -> str:
        """Return the claim code, once it was printed."""
        return await self._printed(CODE)

    async def claim_link(self) -> str:
        """Return the claim link, once it was printed."""
        return await self._printed(LINK)

    async def until_said(self, text: str) -> None:
        """Wait until it has printed `text`."""
        await self._printed(re.compile(re.escape(text)))

    async def _printed(self, what: re.Pattern[str]) -> str:
        async with asyncio.timeout(WAIT_S):
            while (found := what.search(self.said)) is None:
                await asyncio.sleep(0.01)
        return found[0]

    async def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        assert self._reading is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        await self._process.wait()
        await self._reading

    def _read(self, ours: int) -> None:
        with os.fdopen(ours, "rb", buffering=0) as printed:
            try:
                while piece := printed.read(65536):
                    self.said += piece.decode(errors="replace")
            except OSError:
                return  # A terminal whose other end is closed says EIO on Linux.


@asynccontextmanager
async def lone_device(
    folder: Path, more: str = "", *, name: str = "cabin", id: str = "cabin"
) -> AsyncIterator[LoneDevice]:
    """Give a device that is not started yet, and stop it in the end; `more` is TOML after its settings."""
    device = LoneDevice(folder, more, name=name, id=id)
    try:
        yield device
    finally:
        await device.stop()
