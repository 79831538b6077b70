"""A task with those that it waited for and those that waited for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

import msgspec

from outpost_manager.columns import by_column
from outpost_manager.rows import ResultName, TaskDetail, TaskRow, iso

STEPS_LIMIT = 64
LOOKED_AT = 1000
"""How many later tasks of a device are looked at for what waited for this one: a chain is put at one moment."""


def task_detail(db: sqlite3.Connection, device: str, task: str) -> TaskDetail | None:
    """Return one task of a device with its chain, None when it is unknown.

    Its result is its own or, of a step before the last, what came out of the chain.
    """
    row = db.execute("SELECT key FROM device WHERE id = ?", (device,)).fetchone()
    found = list(_tasks(db, row[0], "id = ?", task)) if row else []
    if not found:
        return None
    (own,) = found
    known = {step.id: step for step in [*_earlier(db, row[0], own), *_later(db, row[0], own)]}
    chain = _in_order({own.id: own, **known}.values())
    return TaskDetail(
        **{name: getattr(own, name) for name in TaskRow.__struct_fields__},
        chain=chain,
        result=_result(db, row[0], [own.id, *(step.id for step in reversed(chain))]),
    )


def task_row(values: dict[str, Any]) -> TaskRow:
    """Return a row of the table `task` as it is told."""
    return TaskRow(
        id=values["id"],
        kind=values["kind"],
        state=values["state"],
        error=values["error"],
        attempt=values["attempt"],
        created=iso(values["created_ms"]),
        updated=iso(values["updated_ms"]),
        message_id=values["message_id"],
        parents=msgspec.json.decode(values["parents"], type=list[str]),
    )


def _tasks(db: sqlite3.Connection, key: int, condition: str, *values: object) -> Iterator[TaskRow]:
    cursor = db.execute(f"SELECT * FROM task WHERE device = ? AND {condition}", (key, *values))  # noqa: S608
    return map(task_row, by_column(cursor))


def _earlier(db: sqlite3.Connection, key: int, task: TaskRow) -> list[TaskRow]:
    found: dict[str, TaskRow] = {}
    wanted = set(task.parents)
    while wanted and len(found) < STEPS_LIMIT:
        some = msgspec.json.encode(sorted(wanted)).decode()
        parents = list(_tasks(db, key, "id IN (SELECT value FROM json_each(?))", some))
        found |= {parent.id: parent for parent in parents}
        wanted = {id for parent in parents for id in parent.parents} - found.keys() - {task.id}
    return list(found.values())


def _later(db: sqlite3.Connection, key: int, task: TaskRow) -> list[TaskRow]:
    since = "created_ms >= (SELECT created_ms FROM task WHERE device = ? AND id = ?) ORDER BY created_ms, id LIMIT ?"
    others = list(_tasks(db, key, since, key, task.id, LOOKED_AT))
    found = {task.id: task}
    is_growing = True
    while is_growing and len(found) < STEPS_LIMIT:
        children = {
            each.id: each for each in others if each.id not in found and not found.keys().isdisjoint(each.parents)
        }
        is_growing = bool(children)
        found |= children
    return list(found.values())


def _in_order(tasks: Iterable[TaskRow]) -> list[TaskRow]:
    """Return tasks with parents before children, and otherwise as they were made."""
    by_age = {task.id: task for task in sorted(tasks, key=lambda task: (task.created, task.id))}
    graph = {id: [parent for parent in task.parents if parent in by_age] for id, task in by_age.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:
        order = list(by_age)
    return [by_age[id] for id in order][:STEPS_LIMIT]


def _result(db: sqlite3.Connection, key: int, tasks: Iterable[str]) -> ResultName | None:
    for task in tasks:
        row = db.execute("SELECT id, title FROM result WHERE device = ? AND task_id = ?", (key, task)).fetchone()
        if row:
            return ResultName(id=row[0], title=row[1])
    return None
