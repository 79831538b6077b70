"""Handlers for tests of what runs them."""

from __future__ import annotations

import time

from outpost_sdk.handler import File, Job, Outcome
from outpost_wire.errors import BadInput


def first(job: Job) -> Outcome:
    """Count the lines of the input and keep them."""
    with job.open_input(0) as source, job.create("kept.txt") as kept:
        data = source.read()
        kept.write(data)
    job.progress(1.0)
    return Outcome(data={"lines": data.count(b"\n")}, files=(File("kept.txt", "text/plain", attach=True),))


def last(job: Job) -> Outcome:
    """Report what the first one counted."""
    lines = job.parent_data("test.first")["lines"]
    with job.open_parent("test.first", "kept.txt") as kept, job.create("plot.svg") as plot:
        plot.write(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
        size = len(kept.read())
    return Outcome(
        title="Counted", report=f"**{lines}** lines, {size} bytes", files=(File("plot.svg", "image/svg+xml"),)
    )


def refuse(job: Job) -> Outcome:
    """Refuse the input."""
    raise BadInput(f"{job.inputs[0].name} is not for me.", f"{job.inputs[0].name} 不适合我。")


def endless(job: Job) -> Outcome:
    """Work until killed."""
    while True:
        job.progress(0.5)
        time.sleep(0.01)


def broken(job: Job) -> Outcome:
    """Fail in a way that nobody foresaw."""
    raise ZeroDivisionError(job.params)


def echo(job: Job) -> Outcome:
    """Give back what was asked about the input."""
    return Outcome(data={"focus": job.params.get("focus", "")})


def learn(job: Job) -> Outcome:
    """Add one to what was learned before, and report it."""
    before = b""
    if job.params.get("has_model"):
        with job.open_input(len(job.inputs) - 1) as known:
            before = known.read()
    with job.create("known") as known:
        known.write(before + b"+")
    return Outcome(report=f"{len(before)} before", files=(File("known", "text/plain", learns=True),))
