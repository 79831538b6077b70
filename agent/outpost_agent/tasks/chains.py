"""Chains of tasks, seen from their end: the last task of a chain, its head, stands for all of it."""

from __future__ import annotations

from collections.abc import Sequence

from outpost_sdk.tasks import Task, TaskEngine
from outpost_wire.ids import TaskId
from outpost_wire.messages import TaskState

OPEN: tuple[TaskState, ...] = ("waiting", "ready", "running")
OPEN_LIMIT = 200


def heads(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks that no other of `tasks` waits for: of a chain its last."""
    parents = {parent for task in tasks for parent in task.spec.parents}
    return [task for task in tasks if task.id not in parents]


async def under_way(engine: TaskEngine, channel: str, chat: str, person: str) -> list[Task]:
    """Return the heads of a person's open work in a chat, the newest first."""
    return heads(await engine.list(states=OPEN, principal=person, chat=(channel, chat), limit=OPEN_LIMIT))


async def first_to_retry(engine: TaskEngine, task: Task) -> TaskId:
    """Return the step at which the chain that ends in `task` begins again: the first that did not succeed."""
    while True:
        parents = [await engine.get(parent) for parent in task.spec.parents]
        broken = next((parent for parent in parents if parent.state in ("failed", "cancelled")), None)
        if broken is None:
            return task.id
        task = broken
