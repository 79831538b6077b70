"""A process that works off the tasks of kind `work` in a database, to be killed at any moment.

    python -m tests.support.drain_tasks DATABASE

It writes the id of each task to its standard output after the engine has answered that the task is done.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from pathlib import Path

from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_disk import open_database
from outpost_sdk.handler import Outcome
from outpost_sdk.suites.tasks import Note
from outpost_sdk.tasks import Effect, Task

RESULTS = "CREATE TABLE result (task TEXT NOT NULL);"
WORKERS = 16


def write_result(connection: sqlite3.Connection, effect: Effect, _now_ms: int) -> None:
    """Keep what a task found."""
    assert isinstance(effect, Note)
    connection.execute("INSERT INTO result (task) VALUES (?)", (effect.text,))


def ignore(_connection: sqlite3.Connection, _task: Task) -> None:
    """Nobody listens."""


async def drain(path: Path) -> None:
    """Recover, then work with WORKERS at once until nothing is ready."""

    async def work() -> None:
        while claimed := await engine.claim(["work"], 1, 30_000, now_ms()):
            (task,) = claimed
            await engine.finish(task.id, task.epoch, Outcome(report="done"), [Note(task.id)], now_ms())
            print(task.id, flush=True)

    async with open_database(path, [TASK_SCHEMA, RESULTS]) as database:
        engine = SqliteEngine(database, apply=write_result, changed=ignore)
        await engine.recover(now_ms())
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(work())


def now_ms() -> int:
    """Return Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    asyncio.run(drain(Path(sys.argv[1])))
