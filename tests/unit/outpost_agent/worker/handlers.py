"""Handlers that workers run in these tests."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from outpost_sdk.handler import File, Job, Outcome
from outpost_wire.errors import BadInput


def copy(job: Job) -> Outcome:
    """Copy the first input twice over, read by two readers in turns, and say what was seen."""
    with job.open_input(0) as one, job.open_input(0) as other, job.create("copy.txt") as out:
        out.write(one.read(3) + other.read() + one.read())
    return Outcome(
        data={"language": job.language, "params": dict(job.params), "size": job.inputs[0].size, "pid": os.getpid()},
        title=job.inputs[0].name,
        files=(File("copy.txt", "text/plain", attach=True),),
    )


def follow(job: Job) -> Outcome:
    """Read what the parent made."""
    with job.open_parent("copy", "copy.txt") as made:
        return Outcome(data={"read": made.read().decode(), "parent": dict(job.parent_data("copy"))})


def count(job: Job) -> Outcome:
    """Report progress far more often than it may be told."""
    for step in range(10_001):
        job.progress(step / 10_000)
    return Outcome()


def refuse(_job: Job) -> Outcome:
    """Find fault with the input."""
    raise BadInput("This file is empty.", "文件是空的。")


def break_down(_job: Job) -> Outcome:
    """Fail with a text that must not leave the worker."""
    raise ValueError("the secret text of a chat")


def answer_nothing(_job: Job) -> Outcome:
    """Break the contract of a handler."""
    return None  # type: ignore[return-value]


def claim_files(_job: Job) -> Outcome:
    """Name a file that was never created."""
    return Outcome(files=(File("absent.txt", "text/plain"),))


def escape(job: Job) -> Outcome:
    """Try to leave the task's folder."""
    job.create(str(job.params["name"])).close()
    return Outcome()


def swallow_memory(_job: Job) -> Outcome:
    """Take more memory than any worker has."""
    held = [bytearray(16 * 1024 * 1024) for _ in range(10_000)]
    return Outcome(data={"held": len(held)})


def wait_for_ever(job: Job) -> Outcome:
    """Say that it runs, then never come back."""
    job.progress(0.5)
    threading.Event().wait()
    return Outcome()


def compute_for_ever(job: Job) -> Outcome:
    """Say that it runs, then compute without end."""
    job.progress(0.5)
    while True:
        pass


def vanish(_job: Job) -> Outcome:
    """End the process in the middle of a job."""
    os._exit(3)


def tell_descriptors(_job: Job) -> Outcome:
    """Name what is open in the worker, and how it is limited."""
    kinds = {}
    for entry in sorted(Path("/proc/self/fd").iterdir()):
        try:
            kinds[entry.name] = str(entry.readlink())
        except FileNotFoundError:
            continue
    limits = Path("/proc/self/limits").read_text().splitlines()
    core = next(line.split()[4] for line in limits if line.startswith("Max core"))
    return Outcome(
        data={
            "descriptors": kinds,
            "nice": os.getpriority(os.PRIO_PROCESS, 0),
            "core": core,
            "oom": int(Path("/proc/self/oom_score_adj").read_text()),
            "modules": [name for name in ("asyncio", "aiohttp", "sqlite3") if name in sys.modules],
            "environment": sorted(os.environ),
        }
    )


def big(job: Job) -> Outcome:
    """Return a report of the asked size."""
    return Outcome(report="x" * int(job.params["size"]), data={"at": time.time()})
