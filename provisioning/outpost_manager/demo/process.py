"""One process of the demo: started so that it cannot outlive its supervisor, stopped with all that it started.

Each child leads a session and a process group of its own, so that Ctrl-C in the terminal reaches the supervisor only,
and its whole group can be stopped. On Linux the kernel ends a child whose supervisor is gone (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from outpost_manager.demo.logbook import Logbook

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LEFTOVER_GRACE_S = 5.0


async def spawn(command: Sequence[str], folder: Path) -> asyncio.subprocess.Process:
    """Start `command` in `folder`; the caller reads its output with `copy_output`.

    Call it from the main thread: the kernel's promise is bound to the thread that starts the child.
    """
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with_parent(),
    )


async def copy_output(process: asyncio.subprocess.Process, log: Logbook) -> None:
    """Write what the process says to `log` until it has nothing more to say."""
    assert process.stdout is not None
    while piece := await process.stdout.read(65536):
        log.write(piece)


def stop_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the group that the child `pid` leads, if any of it is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


async def end_leftover(pid: int, mark: str) -> bool:
    """End the process `pid` if it is provably ours, and return whether it was.

    Proof is that it belongs to this user and was started with the argument `mark`, the path of a file in our folder.
    A descriptor of the process keeps the number from meaning another process in between.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not _is_ours(pid, mark):
            return False
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not await _has_ended(handle, LEFTOVER_GRACE_S):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            await _has_ended(handle, LEFTOVER_GRACE_S)
        return True
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)


def _is_ours(pid: int, mark: str) -> bool:
    folder = Path("/proc") / str(pid)
    try:
        arguments = (folder / "cmdline").read_bytes().split(b"\0")
        return folder.stat().st_uid == os.geteuid() and os.fsencode(mark) in arguments
    except OSError:
        return False


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
