"""What the engine asks its tables, and the only place with SQL in it.

Each function runs inside a transaction of the caller's and does one thing; none decides anything. CROSS JOIN and
INDEXED BY say which way SQLite is to go, since it keeps no statistics here and would often walk all tasks of a state.
"""
# ruff: noqa: S608 - statements are put together from constants of this package only

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from functools import cache

from outpost_agent.tasks.core import AGEING_MS, Event, step
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
ON CONFLICT DO NOTHING RETURNING seq
"""


def insert(connection: sqlite3.Connection, task: Task, packed: bytes, rank: int, due_ms: int | None) -> int | None:
    """Store a new task and return its `seq`, or None when its id or its key is taken."""
    spec = task.spec
    row = connection.execute(
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
    ).fetchone()
    return None if row is None else int(row[0])


def depend(connection: sqlite3.Connection, child: int, parents: Sequence[int]) -> None:
    """Store what a task depends on."""
    pairs = [(child, parent) for parent in parents]
    connection.executemany("INSERT INTO dependency (child, parent) VALUES (?, ?)", pairs)


def known(connection: sqlite3.Connection, spec: TaskSpec) -> tuple[TaskId, bytes] | None:
    """Return the id and the packed spec of the task that has the key, or else the id, of `spec`."""
    statement = """
    SELECT id, spec FROM task WHERE tenant = ? AND key = ?
    UNION ALL SELECT id, spec FROM task WHERE id = ? LIMIT 1
    """
    found: tuple[TaskId, bytes] | None = connection.execute(statement, (spec.tenant, spec.key, spec.id)).fetchone()
    return found


def queue_what_is_due(connection: sqlite3.Connection, ahead_ms: int, now_ms: int) -> None:
    """Give tasks whose time has come their place in the queue; steady time is `ahead_ms` more than given time."""
    statement = f"""
    UPDATE task SET rank = due_ms + ? - priority * {AGEING_MS}, due_ms = NULL, pause_ms = NULL WHERE due_ms <= ?
    """
    connection.execute(statement, (ahead_ms, now_ms))


@cache
def _claim(kinds: int) -> str:
    queue = """
    SELECT seq, rank FROM task WHERE kind = ? AND state = 'ready' AND due_ms IS NULL
        AND (deadline_ms IS NULL OR deadline_ms > ?)
    """
    return f"""
    UPDATE task SET state = '{step("ready", Event.CLAIMED)}', attempt = attempt + 1, epoch = ?,
                    lease_until_ms = ?, lease_ms = ?, updated_ms = ?
    WHERE seq IN (SELECT seq FROM ({" UNION ALL ".join([queue] * kinds)} ORDER BY rank, seq LIMIT ?))
    RETURNING {COLUMNS}, rank
    """


def claim(
    connection: sqlite3.Connection, kinds: Sequence[str], limit: int, *, epoch: int, lease_ms: int, now_ms: int
) -> list[Task]:
    """Make the first `limit` tasks in the queues of `kinds` running; return them in the queue's order."""
    queues = [value for kind in kinds for value in (kind, now_ms)]
    values = (epoch, now_ms + lease_ms, lease_ms, now_ms, *queues, limit)
    rows = connection.execute(_claim(len(kinds)), values).fetchall()
    rows.sort(key=lambda row: (row[-1], row[0]))
    return [task_of(row[:-1]) for row in rows]


def renew(connection: sqlite3.Connection, task: TaskId, epoch: int, lease_ms: int, now_ms: int) -> bool:
    """Give a running attempt a new lease; say whether there is such an attempt."""
    statement = """
    UPDATE task SET lease_until_ms = ?, lease_ms = ? WHERE id = ? AND epoch = ? AND state = 'running'
    """
    return connection.execute(statement, (now_ms + lease_ms, lease_ms, task, epoch)).rowcount > 0


_FINISH = f"""
UPDATE task SET state = '{step("running", Event.FINISHED)}', outcome = ?, failure = NULL, updated_ms = ?,
                lease_until_ms = NULL, lease_ms = NULL
WHERE id = ? AND epoch = ? AND state = 'running' RETURNING {COLUMNS}
"""


def finish(connection: sqlite3.Connection, task: TaskId, epoch: int, outcome: bytes, now_ms: int) -> Stored | None:
    """Make a running attempt done and return the task, or None when there is no such attempt."""
    row = connection.execute(_FINISH, (outcome, now_ms, task, epoch)).fetchone()
    return None if row is None else (row[0], task_of(row))


def save(
    connection: sqlite3.Connection, seq: int, task: Task, *, rank: int, due_ms: int | None, pause_ms: int | None
) -> None:
    """Store the new state of a task that is not running now and has no outcome."""
    statement = """
    UPDATE task SET state = ?, rank = ?, due_ms = ?, pause_ms = ?, attempt = ?, updated_ms = ?, failure = ?,
                    lease_until_ms = NULL, lease_ms = NULL
    WHERE seq = ?
    """
    failure = pack_failure(task.failure)
    values = (task.state, rank, due_ms, pause_ms, task.attempt, task.updated_ms, failure, seq)
    connection.execute(statement, values)


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


_CHILDREN = f"""
SELECT {COLUMNS} FROM dependency CROSS JOIN task ON seq = child WHERE parent = ? AND state = ? ORDER BY child
"""


def children(connection: sqlite3.Connection, seq: int, state: TaskState) -> list[Stored]:
    """Return the direct dependents of the task at `seq` that are in `state`."""
    return [(row[0], task_of(row)) for row in connection.execute(_CHILDREN, (seq, state)).fetchall()]


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
    statement = "SELECT seq, lease_until_ms, lease_ms FROM task WHERE lease_until_ms IS NOT NULL ORDER BY lease_until_ms, seq"
    return connection.execute(statement).fetchall()


def renew_at(connection: sqlite3.Connection, seq: int, until_ms: int) -> None:
    """Move the end of a lease."""
    connection.execute("UPDATE task SET lease_until_ms = ? WHERE seq = ?", (until_ms, seq))


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


def running(connection: sqlite3.Connection) -> list[int]:
    """Return the `seq` of every running task."""
    return [
        seq for (seq,) in connection.execute("SELECT seq FROM task WHERE state = 'running' ORDER BY seq").fetchall()
    ]


_NEXT_DUE = f"""
SELECT min(at) FROM (
    SELECT min(due_ms) AS at FROM task WHERE due_ms IS NOT NULL
    UNION ALL SELECT min(lease_until_ms) FROM task WHERE lease_until_ms IS NOT NULL
    UNION ALL SELECT min(deadline_ms) FROM task INDEXED BY task_deadline
        WHERE deadline_ms IS NOT NULL AND {_IS_ACTIVE})
"""


def next_due_ms(connection: sqlite3.Connection) -> int | None:
    """Return the earliest end of a pause, a lease, a `not_before` or a deadline."""
    due: int | None = connection.execute(_NEXT_DUE).fetchone()[0]
    return due


def latest_ready_ms(connection: sqlite3.Connection) -> int:
    """Return the latest steady time that gave a task its place in the queue; 0 when there is none."""
    latest = f"SELECT max(rank + priority * {AGEING_MS}) FROM task WHERE {_IS_ACTIVE}"
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
        terms, values = ["state = ?"], [str(state)]
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


def counts(connection: sqlite3.Connection) -> dict[TaskState, int]:
    """Return how many tasks are in each state that has any."""
    return dict(connection.execute("SELECT state, count(*) FROM task GROUP BY state").fetchall())


def next_life(connection: sqlite3.Connection) -> int:
    """Count one more life of the engine and return its number."""
    statement = """
    INSERT INTO task_life (one, life) VALUES (1, 1) ON CONFLICT DO UPDATE SET life = life + 1 RETURNING life
    """
    return int(connection.execute(statement).fetchone()[0])


_LEAVES = f"""
SELECT seq, id FROM task INDEXED BY task_ended WHERE {_IS_ENDED} AND (updated_ms, seq) <= (?, ?)
    AND NOT EXISTS (SELECT 1 FROM dependency WHERE parent = task.seq)
"""


def prune(connection: sqlite3.Connection, before_ms: int, keep: int, limit: int) -> list[TaskId]:
    """Delete up to `limit` tasks that ended before `before_ms` and are not among the last `keep`, children first."""
    last_to_go = f"""
    SELECT updated_ms, seq FROM task WHERE {_IS_ENDED} ORDER BY updated_ms DESC, seq DESC LIMIT 1 OFFSET ?
    """
    last = connection.execute(last_to_go, (keep,)).fetchone()
    if last is None:
        return []
    until = min(last, (before_ms - 1, LAST_SEQ))
    oldest = f"{_LEAVES} ORDER BY updated_ms, seq LIMIT ?"
    leaves = deque(connection.execute(oldest, (*until, limit)).fetchall())
    gone: list[TaskId] = []
    while leaves and len(gone) < limit:
        seq, task = leaves.popleft()
        above = connection.execute("SELECT parent FROM dependency WHERE child = ?", (seq,)).fetchall()
        connection.execute("DELETE FROM dependency WHERE child = ?", (seq,))
        connection.execute("DELETE FROM task WHERE seq = ?", (seq,))
        gone.append(task)
        for (one,) in above:
            leaves += connection.execute(f"{_LEAVES} AND seq = ?", (*until, one)).fetchall()
    return gone


def _one(row: Row | None) -> Stored | None:
    return None if row is None else (row[0], task_of(row))
