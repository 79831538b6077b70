"""One process of the demo: started so that it cannot outlive its supervisor, stopped with all that it started.

Each child leads a session and a process group of its own, so that Ctrl-C in the terminal reaches the supervisor only,
and its whole group can be stopped. On Linux the kernel ends a child whose supervisor is gone (PR_SET_PDEATHSIG), and
what a child had started itself is known by the mark in its environment, which every descendant inherits.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from outpost_manager.demo.logbook import Logbook

MARK = "OUTPOST_DEMO"
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LEFTOVER_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Spawned:
    """A process and the descriptor that its output is read from."""

    process: asyncio.subprocess.Process
    output: int


async def spawn(command: Sequence[str], folder: Path, mark: Path) -> Spawned:
    """Start `command` in `folder`, marked with the demo's folder; `copy_output` must be called for what it says.

    Call it from the main thread: the kernel's promise is bound to the thread that starts the child.
    """
    # A pipe of our own: with one of asyncio's, the end of a process is told only when nobody holds the pipe any more.
    output, end = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**os.environ, MARK: str(mark)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=end,
            stderr=end,
            start_new_session=True,
            preexec_fn=_die_with_parent(),
        )
    except BaseException:
        os.close(output)
        raise
    finally:
        os.close(end)
    return Spawned(process, output)


async def ask(command: Sequence[str], folder: Path, mark: Path) -> bytes:
    """Run `command` to its end and return what it wrote to stdout; it is marked as above and ended when cancelled.

    Call it from the main thread, as `spawn`.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, MARK: str(mark)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent(),
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            stop_group(process.pid, signal.SIGKILL)
            await process.wait()
    return out


async def copy_output(output: int, log: Logbook) -> None:
    """Write what comes from the descriptor `output` to `log` until nothing more can come; closes it."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", buffering=0)
    )
    try:
        while piece := await reader.read(65536):
            log.write(piece)
    finally:
        transport.close()


def stop_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the group that the child `pid` leads, if any of it is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


async def end_leftovers(mark: Path) -> int:
    """End what a killed supervisor of the folder `mark` left behind, and return how many processes that were.

    Call it as the owner of the folder: then whatever belongs to this user and carries the mark is astray.
    """
    if not sys.platform.startswith("linux"):
        return 0
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    with contextlib.ExitStack() as stack:
        handles = [handle for pid in pids if (handle := _open_if_marked(pid, mark, stack)) is not None]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for handle in handles:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            if all([await _has_ended(handle, LEFTOVER_GRACE_S) for handle in handles]):
                break
        return len(handles)


def _open_if_marked(pid: int, mark: Path, stack: contextlib.ExitStack) -> int | None:
    """Return a descriptor of the process, which its number could not stand for once it ends, or None."""
    wanted = os.fsencode(f"{MARK}={mark}")
    try:
        handle = os.pidfd_open(pid)
        stack.callback(os.close, handle)
        folder = Path("/proc") / str(pid)
        is_ours = folder.stat().st_uid == os.geteuid() and wanted in (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return handle if is_ours and pid != os.getpid() else None


async def _has_ended(handle: int, patience_s: float) -> bool:
    """Wait until the process behind a descriptor has ended, which makes it readable (pidfd_open(2))."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(patience_s):
            await ended.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(handle)
    return True


def _die_with_parent() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # the supervisor went before the kernel had promised anything

    return prepare
