"""What the engine asks its tables, and the only place with SQL in it.

Each function runs inside a transaction of the caller's and does one thing; none decides anything. CROSS JOIN and
INDEXED BY say which way SQLite is to go, since it keeps no statistics here and would often walk all tasks of a state.
A state is written out, not bound: SQLite prepares a statement anew for each value that may decide on a partial index.
RETURNING and IN (SELECT …) are avoided on the hot paths because each makes a temporary table.
"""
# ruff: noqa: S608 - statements are put together from constants of this package only

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from functools import cache

from outpost_agent.tasks.core import AGEING_MS
from outpost_agent.tasks.schema import COLUMNS, Row, pack_failure, task_of
from outpost_sdk.tasks import ENDED, Task, TaskSpec
from outpost_wire.ids import TaskId
from outpost_wire.messages import TaskState

LAST_SEQ = 2**63 - 1

Stored = tuple[int, Task]
"""A task with its `seq`."""

Parent = tuple[int, TaskState, bytes | None]
"""A parent's `seq`, state and packed failure."""

_IS_ENDED = "state IN ('done', 'failed', 'cancelled')"
_IS_ACTIVE = "state IN ('waiting', 'ready', 'running')"


_INSERT = """
INSERT INTO task (id, kind, state, priority, rank, due_ms, deadline_ms, attempt, epoch, created_ms, updated_ms,
                  tenant, principal, key, channel, chat, spec, failure)
VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""


def insert(connection: sqlite3.Connection, task: Task, packed: bytes, rank: int, due_ms: int | None) -> int | None:
    """Store a new task and return its `seq`, or None when its id or its key is taken."""
    spec = task.spec
    cursor = connection.execute(
        _INSERT,
        (
            spec.id,
            spec.kind,
            task.state,
            spec.priority,
            rank,
            due_ms,
            spec.deadline_ms,
            task.created_ms,
            task.updated_ms,
            spec.tenant,
            spec.principal,
            spec.key,
            spec.channel,
            spec.chat,
            packed,
            pack_failure(task.failure),
        ),
    )
    return cursor.lastrowid if cursor.rowcount else None


def depend(connection: sqlite3.Connection, child: int, parents: Sequence[int]) -> None:
    """Store what a task depends on."""
    pairs = [(child, parent) for parent in parents]
    connection.executemany("INSERT INTO dependency (child, parent) VALUES (?, ?)", pairs)


def known(connection: sqlite3.Connection, spec: TaskSpec) -> tuple[TaskId, bytes]:
    """Return the id and the packed spec of the task that has the key, or else the id, of `spec`; there is one."""
    statement = """
    SELECT id, spec FROM task WHERE tenant = ? AND key = ?
    UNION ALL SELECT id, spec FROM task WHERE id = ? LIMIT 1
    """
    found: tuple[TaskId, bytes] = connection.execute(statement, (spec.tenant, spec.key, spec.id)).fetchone()
    return found


def queue_what_is_due(connection: sqlite3.Connection, ahead_ms: int, now_ms: int) -> None:
    """Give tasks whose time has come their place in the queue; steady time is `ahead_ms` more than given time."""
    if connection.execute("SELECT 1 FROM task WHERE due_ms <= ? LIMIT 1", (now_ms,)).fetchone() is None:
        return
    statement = f"""
    UPDATE task SET rank = due_ms + ? - priority * {AGEING_MS}, due_ms = NULL, pause_ms = NULL WHERE due_ms <= ?
    """
    connection.execute(statement, (ahead_ms, now_ms))


@cache
def _first_in(kinds: int) -> str:
    queue = f"""
    SELECT {COLUMNS}, rank FROM task WHERE kind = ? AND state = 'ready' AND due_ms IS NULL
        AND (deadline_ms IS NULL OR deadline_ms > ?)
    """
    return f"{' UNION ALL '.join([queue] * kinds)} ORDER BY rank, seq LIMIT ?"


def first_in_queues(connection: sqlite3.Connection, kinds: Sequence[str], now_ms: int, limit: int) -> list[Stored]:
    """Return the first `limit` tasks in the queues of `kinds`, in order; their deadlines have not passed."""
    values = [value for kind in kinds for value in (kind, now_ms)]
    rows = connection.execute(_first_in(len(kinds)), (*values, limit)).fetchall()
    return [(row[0], task_of(row[:-1])) for row in rows]


def start(connection: sqlite3.Connection, seq: int, task: Task, lease_ms: int) -> None:
    """Store a task that has just been claimed."""
    statement = """
    UPDATE task SET state = ?, attempt = ?, epoch = ?, lease_until_ms = ?, lease_ms = ?, updated_ms = ? WHERE seq = ?
    """
    values = (task.state, task.attempt, task.epoch, task.lease_until_ms, lease_ms, task.updated_ms, seq)
    connection.execute(statement, values)


def finish(connection: sqlite3.Connection, seq: int, task: Task, outcome: bytes) -> None:
    """Store a task that is done with its packed outcome."""
    statement = """
    UPDATE task SET state = ?, outcome = ?, failure = NULL, updated_ms = ?, lease_until_ms = NULL, lease_ms = NULL
    WHERE seq = ?
    """
    connection.execute(statement, (task.state, outcome, task.updated_ms, seq))


def save(
    connection: sqlite3.Connection, seq: int, task: Task, *, rank: int, due_ms: int | None, pause_ms: int | None
) -> None:
    """Store the new state of a task that is not running now and has no outcome."""
    statement = """
    UPDATE task SET state = ?, rank = ?, due_ms = ?, pause_ms = ?, attempt = ?, interruptions = ?, updated_ms = ?,
                    failure = ?, lease_until_ms = NULL, lease_ms = NULL
    WHERE seq = ?
    """
    failure = pack_failure(task.failure)
    counted = (task.attempt, task.interruptions)
    values = (task.state, rank, due_ms, pause_ms, *counted, task.updated_ms, failure, seq)
    connection.execute(statement, values)


def rank_of(connection: sqlite3.Connection, seq: int) -> int:
    """Return the place in the queue that the task at `seq` has, or had before it was claimed."""
    (rank,) = connection.execute("SELECT rank FROM task WHERE seq = ?", (seq,)).fetchone()
    return int(rank)


def find(connection: sqlite3.Connection, task: TaskId) -> Stored | None:
    """Return a task by its id, or None."""
    return _one(connection.execute(f"SELECT {COLUMNS} FROM task WHERE id = ?", (task,)).fetchone())


def load(connection: sqlite3.Connection, seq: int) -> Task:
    """Return the task at `seq`, which exists."""
    return task_of(connection.execute(f"SELECT {COLUMNS} FROM task WHERE seq = ?", (seq,)).fetchone())


def parent(connection: sqlite3.Connection, task: TaskId) -> Parent | None:
    """Return what a child needs to know of a parent, or None."""
    row: Parent | None = connection.execute("SELECT seq, state, failure FROM task WHERE id = ?", (task,)).fetchone()
    return row


def parents(connection: sqlite3.Connection, seq: int, spec: TaskSpec) -> list[Parent]:
    """Return the parents of the task at `seq` in the order of its `spec`."""
    statement = "SELECT id, seq, state, failure FROM dependency CROSS JOIN task ON seq = parent WHERE child = ?"
    rows = connection.execute(statement, (seq,)).fetchall()
    rows.sort(key=lambda row: spec.parents.index(row[0]))
    return [row[1:] for row in rows]


@cache
def _children(state: TaskState) -> str:
    return f"""
    SELECT {COLUMNS} FROM dependency CROSS JOIN task ON seq = child
    WHERE parent = ? AND state = '{state}' ORDER BY child
    """


def children(connection: sqlite3.Connection, seq: int, state: TaskState) -> list[Stored]:
    """Return the direct dependents of the task at `seq` that are in `state`."""
    return [(row[0], task_of(row)) for row in connection.execute(_children(state), (seq,)).fetchall()]


_PARENTS_OF_NO_USE = f"""
SELECT {COLUMNS} FROM dependency CROSS JOIN task ON seq = parent WHERE child = ? AND {_IS_ACTIVE} AND NOT EXISTS (
    SELECT 1 FROM dependency AS other CROSS JOIN task AS dependent ON dependent.seq = other.child
    WHERE other.parent = task.seq AND dependent.{_IS_ACTIVE})
ORDER BY parent
"""


def parents_of_no_use(connection: sqlite3.Connection, seq: int) -> list[Stored]:
    """Return the parents of the task at `seq` that have not ended although everything that depends on them has."""
    return [(row[0], task_of(row)) for row in connection.execute(_PARENTS_OF_NO_USE, (seq,)).fetchall()]


def leases(connection: sqlite3.Connection) -> list[tuple[int, int, int]]:
    """Return `seq`, end and length of every lease."""
    statement = "SELECT seq, lease_until_ms, lease_ms FROM task WHERE state = 'running' ORDER BY seq"
    return connection.execute(statement).fetchall()


def renew(connection: sqlite3.Connection, seq: int, until_ms: int, length_ms: int) -> None:
    """Store a new lease of the running task at `seq`."""
    connection.execute("UPDATE task SET lease_until_ms = ?, lease_ms = ? WHERE seq = ?", (until_ms, length_ms, seq))


def pauses(connection: sqlite3.Connection) -> list[tuple[int, int, int]]:
    """Return `seq`, end and length of every pause between two attempts."""
    statement = "SELECT seq, due_ms, pause_ms FROM task WHERE due_ms IS NOT NULL AND pause_ms IS NOT NULL"
    return connection.execute(statement).fetchall()


def end_pause_at(connection: sqlite3.Connection, seq: int, due_ms: int) -> None:
    """Move the end of a pause."""
    connection.execute("UPDATE task SET due_ms = ? WHERE seq = ?", (due_ms, seq))


def late(connection: sqlite3.Connection, now_ms: int, limit: int) -> list[int]:
    """Return the `seq` of tasks whose deadline has passed, the most late first."""
    statement = f"""
    SELECT seq FROM task INDEXED BY task_deadline WHERE deadline_ms <= ? AND {_IS_ACTIVE}
    ORDER BY deadline_ms, seq LIMIT ?
    """
    return [seq for (seq,) in connection.execute(statement, (now_ms, limit)).fetchall()]


_NEXT_DUE = f"""
SELECT min(at) FROM (
    SELECT min(due_ms) AS at FROM task WHERE due_ms IS NOT NULL
    UNION ALL SELECT min(lease_until_ms) FROM task WHERE state = 'running'
    UNION ALL SELECT min(deadline_ms) FROM task INDEXED BY task_deadline
        WHERE deadline_ms IS NOT NULL AND {_IS_ACTIVE})
"""


def next_due_ms(connection: sqlite3.Connection) -> int | None:
    """Return the earliest end of a pause, a lease, a `not_before` or a deadline."""
    due: int | None = connection.execute(_NEXT_DUE).fetchone()[0]
    return due


def latest_ready_ms(connection: sqlite3.Connection) -> int:
    """Return the latest steady time that gave a task now in the queue its place; 0 when it is empty."""
    latest = f"SELECT max(rank + priority * {AGEING_MS}) FROM task WHERE state = 'ready' AND due_ms IS NULL"
    return connection.execute(latest).fetchone()[0] or 0


def newest(
    connection: sqlite3.Connection,
    states: Sequence[TaskState],
    principal: str | None,
    chat: tuple[str, str] | None,
    limit: int,
) -> list[Task]:
    """Return the tasks put last, the newest first; each state is one walk down an index."""
    rows: list[Row] = []
    for state in states:
        terms, values = [f"state = '{state}'"], []
        if principal is not None:
            terms.append("principal = ?")
            values.append(principal)
        if chat is not None:
            terms.append("channel = ? AND chat = ?")
            values += chat
        if state in ENDED:
            terms.append(_IS_ENDED)
        statement = f"SELECT {COLUMNS} FROM task WHERE {' AND '.join(terms)} ORDER BY seq DESC LIMIT ?"
        rows += connection.execute(statement, (*values, limit)).fetchall()
    rows.sort(key=lambda row: -row[0])
    return [task_of(row) for row in rows[:limit]]


_HEADS = f"""
SELECT {COLUMNS} FROM task WHERE seq < ? AND (? IS NULL OR principal = ?)
    AND NOT EXISTS (SELECT 1 FROM dependency WHERE parent = task.seq)
ORDER BY seq DESC LIMIT ?
"""


def heads(
    connection: sqlite3.Connection, principal: str | None, before: TaskId | None, limit: int
) -> list[Task] | None:
    """Return the tasks on which no other depends, the newest first, those put before `before` when it is given.

    None when `before` is no task of `principal`.
    """
    seq = LAST_SEQ
    if before is not None:
        row = connection.execute(
            "SELECT seq FROM task WHERE id = ? AND (? IS NULL OR principal = ?)", (before, principal, principal)
        ).fetchone()
        if row is None:
            return None
        (seq,) = row
    return [task_of(row) for row in connection.execute(_HEADS, (seq, principal, principal, limit)).fetchall()]


_COUNTS = f"""
SELECT state, count(*) FROM task INDEXED BY task_state WHERE {_IS_ACTIVE} GROUP BY state
UNION ALL SELECT state, tasks FROM task_tally
"""


def counts(connection: sqlite3.Connection) -> dict[TaskState, int]:
    """Return how many tasks are in each state that has any."""
    return dict(connection.execute(_COUNTS).fetchall())


def next_life(connection: sqlite3.Connection) -> int:
    """Count one more life of the engine and return its number."""
    statement = """
    INSERT INTO task_life (one, life) VALUES (1, 1) ON CONFLICT DO UPDATE SET life = life + 1 RETURNING life
    """
    return int(connection.execute(statement).fetchone()[0])


_LAST_TO_GO = f"""
SELECT updated_ms, seq FROM task INDEXED BY task_ended WHERE {_IS_ENDED}
ORDER BY updated_ms DESC, seq DESC LIMIT 1 OFFSET ?
"""
_MAY_GO = f"""
{_IS_ENDED} AND (updated_ms, seq) <= (?, ?) AND NOT EXISTS (SELECT 1 FROM dependency WHERE parent = task.seq)
"""
_OLDEST_TO_GO = f"SELECT seq, id FROM task INDEXED BY task_ended WHERE {_MAY_GO} ORDER BY updated_ms, seq LIMIT ?"
_NEXT_TO_GO = f"SELECT seq, id FROM task WHERE {_MAY_GO} AND seq = ?"


def prune(connection: sqlite3.Connection, before_ms: int, keep: int, limit: int) -> list[TaskId]:
    """Delete up to `limit` tasks that ended before `before_ms` and are not among the last `keep`, children first."""
    last = connection.execute(_LAST_TO_GO, (keep,)).fetchone()
    if last is None:
        return []
    until = min(last, (before_ms - 1, LAST_SEQ))
    leaves = deque(connection.execute(_OLDEST_TO_GO, (*until, limit)).fetchall())
    gone: list[TaskId] = []
    while leaves and len(gone) < limit:
        seq, task = leaves.popleft()
        above = connection.execute("SELECT parent FROM dependency WHERE child = ?", (seq,)).fetchall()
        connection.execute("DELETE FROM dependency WHERE child = ?", (seq,))
        connection.execute("DELETE FROM task WHERE seq = ?", (seq,))
        gone.append(task)
        for (one,) in above:
            leaves += connection.execute(_NEXT_TO_GO, (*until, one)).fetchall()
    return gone


def _one(row: Row | None) -> Stored | None:
    return None if row is None else (row[0], task_of(row))
