"""What the suite of task engines speaks of: times, notes, tasks, and the steps that its tests take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import Effect, Failure, Task, TaskEngine, TaskSpec
from outpost_wire.ids import TaskId

Notes = Callable[[], Awaitable[Sequence[str]]]

NOW = 1_800_000_000_000
MINUTE = 60_000
YEARS = 10 * 365 * 24 * 60 * MINUTE
LEASE = 30_000
REFUSED = "refused"
BROKEN = Failure(code="broken", en="It broke.", zh="坏了。")
FINAL = Failure(code="hopeless", en="It cannot be done.", zh="无法完成。", final=True)


class Note(Effect, frozen=True, tag="note"):
    """An effect that can be seen."""

    text: str


class NoteRefused(Exception):
    """This note cannot be written."""


def spec(name: str, **fields: Any) -> TaskSpec:
    """Return a spec of kind `work` for one principal, with other `fields` where given; `parents` may be names."""
    return TaskSpec(**{"id": TaskId(name), "kind": "work", "principal": "owner", **fields})


async def claim_one(engine: TaskEngine, now_ms: int = NOW) -> Task:
    """Claim the task that is due next; there must be one."""
    (task,) = await engine.claim(["work"], 1, LEASE, now_ms)
    return task


async def finish(engine: TaskEngine, task: Task, now_ms: int = NOW) -> tuple[TaskId, ...]:
    """Finish a claimed task with an empty outcome."""
    return await engine.finish(task.id, task.epoch, Outcome(), (), now_ms)


async def states(engine: TaskEngine) -> dict[str, str]:
    """Return every task's state by its id."""
    return {task.id: task.state for task in await engine.list(limit=1_000_000)}
