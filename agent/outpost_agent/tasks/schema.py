"""The tables of the SQLite engine and how a row becomes a `Task`.

`spec`, `outcome` and `failure` are MessagePack; the other columns are what is searched or changed. `seq` is the order
of putting. A `ready` task that may not begin yet has `due_ms`, and `pause_ms` if that is because an attempt failed;
only one without `due_ms` has a place in the queue, its `rank` (see `core`). Most indices are partial, so that each
costs only while it is of use: an ended task is in none that `claim` or `reap` looks at. `task_tally` counts the ended
tasks, which may be very many; triggers keep it exact whatever happens.
"""

from __future__ import annotations

from typing import Any

import msgspec

from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import PAYLOAD_LIMIT, Failure, Refused, Task, TaskSpec

TASK_SCHEMA = """
CREATE TABLE task (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    due_ms INTEGER,
    pause_ms INTEGER,
    deadline_ms INTEGER,
    attempt INTEGER NOT NULL,
    interruptions INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL,
    lease_until_ms INTEGER,
    lease_ms INTEGER,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    principal TEXT NOT NULL,
    key TEXT,
    channel TEXT,
    chat TEXT,
    spec BLOB NOT NULL,
    outcome BLOB,
    failure BLOB
) STRICT;
CREATE UNIQUE INDEX task_key ON task (tenant, key) WHERE key IS NOT NULL;
CREATE INDEX task_queue ON task (kind, rank) WHERE state = 'ready' AND due_ms IS NULL;
CREATE INDEX task_due ON task (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX task_deadline ON task (deadline_ms)
    WHERE deadline_ms IS NOT NULL AND state IN ('waiting', 'ready', 'running');
CREATE INDEX task_state ON task (state);
CREATE INDEX task_ended ON task (updated_ms) WHERE state IN ('done', 'failed', 'cancelled');
CREATE INDEX task_of_principal ON task (principal, state) WHERE state IN ('done', 'failed', 'cancelled');
CREATE INDEX task_of_chat ON task (chat, channel, state)
    WHERE chat IS NOT NULL AND state IN ('done', 'failed', 'cancelled');
CREATE TABLE task_tally (
    state TEXT PRIMARY KEY,
    tasks INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO task_tally (state, tasks) VALUES ('done', 0), ('failed', 0), ('cancelled', 0);
CREATE TRIGGER task_tally_put AFTER INSERT ON task WHEN new.state IN ('done', 'failed', 'cancelled') BEGIN
    UPDATE task_tally SET tasks = tasks + 1 WHERE state = new.state;
END;
CREATE TRIGGER task_tally_moved AFTER UPDATE OF state ON task
    WHEN new.state IN ('done', 'failed', 'cancelled') OR old.state IN ('done', 'failed', 'cancelled')
BEGIN
    UPDATE task_tally SET tasks = tasks + 1 WHERE state = new.state;
    UPDATE task_tally SET tasks = tasks - 1 WHERE state = old.state;
END;
CREATE TRIGGER task_tally_gone AFTER DELETE ON task WHEN old.state IN ('done', 'failed', 'cancelled') BEGIN
    UPDATE task_tally SET tasks = tasks - 1 WHERE state = old.state;
END;
CREATE TABLE dependency (
    child INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    PRIMARY KEY (child, parent)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependency_parent ON dependency (parent, child);
CREATE TABLE task_life (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    life INTEGER NOT NULL
) STRICT;
"""

COLUMNS = "seq, spec, state, created_ms, updated_ms, attempt, interruptions, epoch, lease_until_ms, outcome, failure"

Row = tuple[Any, ...]

_encode = msgspec.msgpack.Encoder().encode
_decode_spec = msgspec.msgpack.Decoder(TaskSpec).decode
_decode_outcome = msgspec.msgpack.Decoder(Outcome).decode
_decode_failure = msgspec.msgpack.Decoder(Failure).decode


def pack_spec(spec: TaskSpec) -> bytes:
    """Return `spec` as it is stored, or raise Refused when it cannot be or is larger than PAYLOAD_LIMIT."""
    try:
        packed = _encode(spec)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Refused(f"task {spec.id}: its content cannot be stored: {error}") from error
    if len(packed) > PAYLOAD_LIMIT:
        raise Refused(f"task {spec.id}: {len(packed)} bytes are more than {PAYLOAD_LIMIT}; hand in a file instead")
    return packed


def unpack_spec(packed: bytes) -> TaskSpec:
    """Return what `pack_spec` stored."""
    return _decode_spec(packed)


def pack_outcome(outcome: Outcome) -> bytes:
    """Return `outcome` as it is stored."""
    return _encode(outcome)


def pack_failure(failure: Failure | None) -> bytes | None:
    """Return `failure` as it is stored."""
    return None if failure is None else _encode(failure)


def unpack_failure(packed: bytes | None) -> Failure | None:
    """Return the failure stored in `packed`."""
    return None if packed is None else _decode_failure(packed)


def task_of(row: Row) -> Task:
    """Return the task in a row of COLUMNS."""
    _, spec, state, created_ms, updated_ms, attempt, interruptions, epoch, lease_until_ms, outcome, failure = row
    return Task(
        spec=_decode_spec(spec),
        state=state,
        created_ms=created_ms,
        updated_ms=updated_ms,
        attempt=attempt,
        interruptions=interruptions,
        epoch=epoch,
        lease_until_ms=lease_until_ms,
        outcome=None if outcome is None else _decode_outcome(outcome),
        failure=unpack_failure(failure),
    )
