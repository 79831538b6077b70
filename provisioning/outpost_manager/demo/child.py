"""One child of the demo, kept alive: started, watched until it is ready, started again when it ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from outpost_manager.demo.core import Restarts
from outpost_manager.demo.folder import LOOPBACK
from outpost_manager.demo.logbook import Logbook
from outpost_manager.demo.process import copy_output, spawn, stop_group

READY_S = 60.0
POLL_S = 0.05
GRACE_S = 8.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to start one role: its command, the folder it runs in, its port and how to see that it is ready."""

    role: str
    command: Sequence[str]
    folder: Path
    port: int
    is_ready: Callable[[int], Awaitable[bool]]


class Child:
    """Keeps the process of one role alive. `on_start` is told of each new pid, `on_end` of each end and the wait."""

    def __init__(
        self,
        recipe: Recipe,
        log: Logbook,
        on_start: Callable[[], None],
        on_end: Callable[[str, int, float], None],
    ) -> None:
        self.recipe = recipe
        self.log = log
        self.pid = 0
        self._on_start = on_start
        self._on_end = on_end
        self._restarts = Restarts()
        self._is_ready = asyncio.Event()
        self._has_failed = asyncio.Event()

    async def ready(self) -> bool:
        """Wait until the child is ready for the first time and say so, or that it does not come up."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._is_ready, self._has_failed)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self._is_ready.is_set()

    async def keep(self) -> None:
        """Start the child and start it again whenever it ends, until cancelled; then stop it, at last by force."""
        with self.log.opened():
            while True:
                status = await self._live()
                wait_s = self._restarts.ended()
                if self._restarts.is_hopeless:
                    self._has_failed.set()
                self._on_end(self.recipe.role, status, wait_s)
                await asyncio.sleep(wait_s)

    async def _live(self) -> int:
        """Live through one process and return its exit status."""
        process = await spawn(self.recipe.command, self.recipe.folder)
        self.pid = process.pid
        self._on_start()
        try:
            async with asyncio.TaskGroup() as group:
                copying = group.create_task(copy_output(process, self.log))
                watching = group.create_task(self._watch(process))
                status = await process.wait()
                watching.cancel()
                stop_group(process.pid, signal.SIGKILL)  # what it started and left behind; that holds the pipe open too
                await copying
                return status
        finally:
            if process.returncode is None:
                await _stop(process)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """See the child become ready, or stop it when that takes too long."""
        try:
            async with asyncio.timeout(READY_S):
                while not await self.recipe.is_ready(self.recipe.port):
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            await _stop(process)
        else:
            self._restarts.became_ready()
            self._is_ready.set()


async def answers(port: int) -> bool:
    """Say whether somebody takes connections on a loopback port."""
    try:
        async with asyncio.timeout(2.0):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def says_ready(port: int) -> bool:
    """Say whether GET /readyz on a loopback port answers 200."""
    try:
        async with asyncio.timeout(2.0):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET /readyz HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask the process to end, and end its whole group when it does not in time."""
    stop_group(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(GRACE_S):
            await process.wait()
    except TimeoutError:
        pass
    stop_group(process.pid, signal.SIGKILL)
    await process.wait()
