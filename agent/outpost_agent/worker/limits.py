"""What keeps a worker from disturbing the device: low priority, bounded memory, and no life of its own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

MIB = 1024 * 1024
_PR_SET_PDEATHSIG = 1  # prctl(2)
_KILLED_FIRST = "500"  # of -1000 to 1000, proc_pid_oom_score_adj(5)


def limit_this_process(nice: int, memory_bytes: int) -> None:
    """Lower this process's priority by `nice` and end its private memory at `memory_bytes`.

    It leaves no core dump, which would hold what people sent; it dies with the thread that started it (prctl(2), so
    the daemon starts workers from its main thread), and when the system runs out of memory it goes first. RLIMIT_DATA
    counts what is written (getrlimit(2), Linux 4.7), RLIMIT_AS would count address space that was merely reserved.
    """
    os.nice(nice)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # A hardened service may not write there; its unit sets OOMScoreAdjust itself.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST)
