"""Starts worker processes and reaps them.

A child gets one thing from the daemon: a listening socket at descriptor 3, to which the daemon has connected already.
The address is one that the kernel chose in the abstract namespace (unix(7)), so nothing is left on the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from outpost_agent.worker.orders import FIRST_PASSED
from outpost_wire.errors import OutpostError

KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ")
_BACKLOG = 4


class WorkerNotStarted(OutpostError):
    """The system let no worker be started; says why."""

    code = "worker_not_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How workers are started: handlers by task kind as "module:function", memory in bytes, idle life in seconds."""

    handlers: Mapping[str, str]
    memory_limit: int = 512 * 1024 * 1024
    nice: int = 10
    idle_s: float = 30.0

    def command(self) -> list[str]:
        """Return the command line of a worker."""
        command = [sys.executable, "-P", "-m", "outpost_agent.worker", "--nice", str(self.nice)]
        command += ["--memory", str(self.memory_limit // (1024 * 1024)), "--idle", str(self.idle_s)]
        for kind, target in self.handlers.items():
            command += ["--handler", f"{kind}={target}"]
        return command


class Child:
    """A process that this one started; it is reaped as soon as it ends."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self._code: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(self._pidfd, self._reap)

    def kill(self) -> None:
        """End the process at once, if it still runs; never another one that got its number."""
        if not self._code.done():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def when_ended(self, tell: Callable[[], None]) -> None:
        """Call `tell` soon after the process has ended."""
        self._code.add_done_callback(lambda _: tell())

    async def ended(self) -> int:
        """Wait for the process to end and return its exit code, negative for a signal."""
        return await asyncio.shield(self._code)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self.pid, 0)
        if not self._code.done():
            self._code.set_result(os.waitstatus_to_exitcode(status))


def start_child(settings: WorkerSettings) -> tuple[Child, socket.socket]:
    """Start a worker and return it with a connection to it; raises WorkerNotStarted. Blocks for about two milliseconds.

    To be called on the event loop's thread: a worker dies with the thread that started it (see limits.py).
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, contextlib.ExitStack() as undo:
        connection = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            listener.bind(b"")
            listener.listen(_BACKLOG)
            connection.connect(listener.getsockname())
            pid = os.posix_spawn(
                sys.executable,
                settings.command(),
                {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ} | {"LISTEN_FDS": "1"},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, 2, 1),
                    (os.POSIX_SPAWN_DUP2, listener.fileno(), FIRST_PASSED),
                ],
                setpgroup=0,  # Ctrl-C in a terminal is for the daemon, which ends its workers itself
            )
        except OSError as error:
            raise WorkerNotStarted(f"no worker could be started: {error.strerror}") from error
        undo.pop_all()
    return Child(pid), connection
