"""Measures the task engine on a disk: how soon a task that was put starts, and how many a second go all the way."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from pathlib import Path

from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_disk import open_database
from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import Effect, Task, TaskSpec
from outpost_wire.ids import TaskId

STARTS = 1_000
TASKS = 20_000
WORKERS = 64
LEASE_MS = 30_000
OUTCOME = Outcome(data={"lines": 1_000})


async def measure(folder: Path) -> dict[str, float]:
    """Return the figures for a database in `folder`: times in ms, tasks put, claimed and finished per second."""
    async with open_database(folder / "tasks.db", [TASK_SCHEMA]) as database:
        engine = SqliteEngine(database, apply=_ignore_effect, changed=_ignore_change)
        starts = await _time_to_start(engine)
        began, cpu = time.perf_counter(), time.process_time()
        await _drain(engine, TASKS)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "enqueue_to_start_p50_ms": statistics.median(starts) * 1e3,
        "enqueue_to_start_p99_ms": statistics.quantiles(starts, n=100)[-1] * 1e3,
        "durable_tasks_per_s": TASKS / seconds,
        "cpu_us_per_task": cpu / TASKS * 1e6,
    }


async def _time_to_start(engine: SqliteEngine) -> list[float]:
    """Put one task at a time, durably, for a runner that waits; return the seconds until it has each in its hands."""
    seconds = []
    for number in range(STARTS):
        began = time.perf_counter()
        await engine.put([_spec("start", number)], _now_ms())
        (task,) = await engine.claim(["start"], 1, LEASE_MS, _now_ms())
        seconds.append(time.perf_counter() - began)
        await engine.finish(task.id, task.epoch, OUTCOME, (), _now_ms())
    return seconds


async def _drain(engine: SqliteEngine, tasks: int) -> None:
    """Put, claim and finish `tasks` one by one in each of WORKERS concurrent workers."""

    async def work(worker: int) -> None:
        for number in range(worker, tasks, WORKERS):
            await engine.put([_spec("drain", number)], _now_ms())
            for task in await engine.claim(["drain"], 1, LEASE_MS, _now_ms()):
                await engine.finish(task.id, task.epoch, OUTCOME, (), _now_ms())

    async with asyncio.TaskGroup() as group:
        for worker in range(WORKERS):
            group.create_task(work(worker))


def _spec(kind: str, number: int) -> TaskSpec:
    return TaskSpec(
        id=TaskId(f"{kind}{number:020}"),
        kind=kind,
        principal="web:owner",
        key=f"{kind}/{number}",
        params={"text": "x" * 200},
        channel="web",
        chat="owner",
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _ignore_effect(connection: sqlite3.Connection, effect: Effect, now_ms: int) -> None:
    """Effects cost what their owner makes them cost."""


def _ignore_change(connection: sqlite3.Connection, task: Task) -> None:
    """Events cost what their owner makes them cost."""
