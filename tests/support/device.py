"""A real device daemon as a child process, with its own settings in a folder."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
READY_S = 30.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Device:
    """A running device."""

    process: asyncio.subprocess.Process
    folder: Path
    url: str
    token: str
    wall_to_ready_s: float = 0.0
    cpu_to_ready_s: float = 0.0

    @property
    def headers(self) -> dict[str, str]:
        """Return what lets a client in."""
        return {"Authorization": f"Bearer {self.token}"}

    def cpu_s(self) -> float:
        """Return user and system time used so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def pss_mb(self) -> float:
        """Return the proportional set size in MB (10^6 bytes)."""
        return self._rollup("Pss:") / 1e6

    def rss_mb(self) -> float:
        """Return the resident set size in MB (10^6 bytes)."""
        return self._rollup("Rss:") / 1e6

    def _rollup(self, field: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def write_settings(folder: Path, more: str = "", *, state: Path | None = None) -> tuple[Path, int]:
    """Write settings into `folder`, with `more` TOML after them; return their file and the port of the web chat."""
    port = free_port()
    token = folder / "token"
    token.write_text(secrets.token_urlsafe(16))
    settings = folder / "device.toml"
    settings.write_text(
        f"""
[device]
id = "device"
state = "{state or folder / "state"}"
[web]
listen = "127.0.0.1:{port}"
token_file = "{token}"
{more}
""",
        encoding="utf-8",
    )
    return settings, port


@asynccontextmanager
async def running_device(
    folder: Path, more: str = "", *, state: Path | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Device]:
    """Run a device for as long as the context lasts; ready when this gives it. Its log is `folder`/device.log."""
    settings, port = write_settings(folder, more, state=state)
    began = time.monotonic()
    command = [sys.executable, "-m", "outpost_agent", "run", "--config", str(settings)]
    with (folder / "device.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=log, env={**os.environ, **(environment or {})}
        )
    device = Device(process, folder, f"http://127.0.0.1:{port}", (folder / "token").read_text())
    try:
        await until_ready(process, device.url)
        device.cpu_to_ready_s, device.wall_to_ready_s = device.cpu_s(), time.monotonic() - began
        yield device
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def until_ready(process: asyncio.subprocess.Process, url: str, path: str = "/readyz") -> None:
    """Wait until the server at `url` says at `path` that it is ready."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(READY_S):
        while process.returncode is None:
            try:
                async with session.get(f"{url}{path}") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.01)
    raise RuntimeError(f"the process ended with {process.returncode} before it was ready")
