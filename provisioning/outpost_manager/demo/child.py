"""One child of the demo, kept alive: started, watched until it is ready, started again when it ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from outpost_manager.demo.core import Restarts
from outpost_manager.demo.folder import LOOPBACK
from outpost_manager.demo.logbook import Logbook
from outpost_manager.demo.process import copy_output, spawn, stop_group

READY_S = 60.0
POLL_S = 0.05
GRACE_S = 8.0
NOT_STARTED = 127
LAST_WORDS_S = 2.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to start one role: its command, the folder it runs in, its port and how to see that it is ready.

    `mark` is the demo's folder.
    """

    role: str
    command: Sequence[str]
    folder: Path
    mark: Path
    port: int
    is_ready: Callable[[int], Awaitable[bool]]


class Child:
    """Keeps the process of one role alive. `on_start` is told of each new pid, `on_end` of each end and the wait."""

    def __init__(
        self,
        recipe: Recipe,
        log: Logbook,
        on_start: Callable[[], None],
        on_end: Callable[[Child, int, float], None],
    ) -> None:
        self.recipe = recipe
        self.log = log
        self._on_start = on_start
        self._on_end = on_end
        self._restarts = Restarts()
        self._process: asyncio.subprocess.Process | None = None
        self._is_known = asyncio.Event()
        self._is_stopping = asyncio.Event()

    @property
    def pid(self) -> int:
        """Return the number of the current process, or of the last one; 0 before the first."""
        return self._process.pid if self._process else 0

    async def ready(self) -> bool:
        """Wait until the child has been ready once and say so; False when it does not come up."""
        await self._is_known.wait()
        return not self._restarts.is_hopeless

    async def keep(self) -> None:
        """Start the child, and start it again whenever it ends, until `stop`."""
        with self.log.opened():
            while not self._is_stopping.is_set():
                status = await self._live()
                if self._is_stopping.is_set():
                    return
                wait_s = self._restarts.ended()
                if self._restarts.is_hopeless:
                    self._is_known.set()
                self._on_end(self, status, wait_s)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._is_stopping.wait()

    async def stop(self) -> None:
        """Stop the child and do not start it again; returns once it is gone."""
        self._is_stopping.set()
        if self._process is not None:
            await _stop(self._process)

    async def _live(self) -> int:
        """Live through one process and return its exit status."""
        try:
            spawned = await spawn(self.recipe.command, self.recipe.folder, self.recipe.mark)
        except OSError as error:
            self.log.write(f"{self.recipe.command[0]}: {error.strerror}\n".encode())
            return NOT_STARTED
        process = self._process = spawned.process
        self._on_start()
        try:
            async with asyncio.TaskGroup() as group:
                copying = group.create_task(copy_output(spawned.output, self.log))
                watching = group.create_task(self._watch(process))
                if self._is_stopping.is_set():  # since before there was a process to stop
                    await _stop(process)
                status = await process.wait()
                watching.cancel()
                stop_group(process.pid, signal.SIGKILL)  # what it started and left behind
                await asyncio.wait([copying], timeout=LAST_WORDS_S)
                copying.cancel()
                return status
        finally:
            await _stop(process)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """See the child become ready, or stop it when that takes too long."""
        try:
            async with asyncio.timeout(READY_S):
                while not await self.recipe.is_ready(self.recipe.port):  # noqa: ASYNC110 - no event crosses processes
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            await _stop(process)
        else:
            self._restarts.became_ready()
            self._is_known.set()


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
    """Ask the process to end, and end its whole group when it does not in time; nothing when it has ended."""
    if process.returncode is not None:
        return
    stop_group(process.pid, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await process.wait()
    stop_group(process.pid, signal.SIGKILL)
    await process.wait()
