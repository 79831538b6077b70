"""The outbox: what a device has to tell and nobody has confirmed yet, as tables of a database shared with others.

Events have a place, (epoch, seq): seq counts from 1 without gaps within an epoch, because it is given out in the
transaction that writes the event. An event leaves when the manager has acknowledged it, never before: nothing that was
accepted is dropped, and the device refuses new work before its disk is full. Telemetry is different: it has a limit of
rows, the oldest give way, and how many did is counted.

Every function runs inside a transaction of the database's owner, so that an event becomes true together with its cause.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from outpost_wire.errors import BadMessage
from outpost_wire.messages import MESSAGE_LIMIT

ENVELOPE_BYTES = 1024
BODY_LIMIT = MESSAGE_LIMIT - ENVELOPE_BYTES
TELEMETRY_ROWS = 10_000

OUTBOX_SCHEMA = """
CREATE TABLE outbox_counter (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    last INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    telemetry_dropped INTEGER NOT NULL DEFAULT 0,
    pages_sent INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE outbox_event (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE outbox_telemetry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Row:
    """An event in its place: `body` is its JSON."""

    seq: int
    id: str
    time_ms: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Extent:
    """What the outbox holds: seqs `first` to `last`, and the bytes of their bodies.

    `last` is the highest seq ever given out in this epoch; `first` is `last` + 1 when the outbox is empty.
    """

    epoch: str
    first: int
    last: int
    bytes: int

    @property
    def depth(self) -> int:
        """Return how many events wait."""
        return self.last - self.first + 1


def open_epoch(connection: sqlite3.Connection, new_epoch: str) -> str:
    """Return the epoch of this outbox, which is `new_epoch` when it is used for the first time."""
    connection.execute("INSERT OR IGNORE INTO outbox_counter (one, epoch) VALUES (1, ?)", (new_epoch,))
    return extent(connection).epoch


def add(connection: sqlite3.Connection, id: str, time_ms: int, body: bytes) -> int:
    """Add an event and return its seq; `open_epoch` came before.

    `body` is the JSON of an event of outpost_wire.messages. Raises BadMessage when it is more than BODY_LIMIT bytes.
    """
    if len(body) > BODY_LIMIT:
        raise BadMessage(f"event of {len(body)} bytes is more than the {BODY_LIMIT} that fit in one message")
    (seq,) = connection.execute(
        "UPDATE outbox_counter SET last = last + 1, bytes = bytes + ? RETURNING last", (len(body),)
    ).fetchone()
    connection.execute("INSERT INTO outbox_event VALUES (?, ?, ?, ?)", (seq, id, time_ms, body))
    return int(seq)


def extent(connection: sqlite3.Connection) -> Extent:
    """Return what the outbox holds."""
    epoch, last, size, first = connection.execute(
        "SELECT epoch, last, bytes, (SELECT min(seq) FROM outbox_event) FROM outbox_counter"
    ).fetchone()
    return Extent(epoch, last + 1 if first is None else first, last, size)


def page(connection: sqlite3.Connection, after_seq: int, limit_bytes: int, limit_rows: int) -> list[Row]:
    """Return the events that follow `after_seq`, at most `limit_rows` and, but for the first, `limit_bytes` of them."""
    rows: list[Row] = []
    room = limit_bytes
    cursor = connection.execute(
        "SELECT seq, id, time_ms, body FROM outbox_event WHERE seq > ? ORDER BY seq LIMIT ?", (after_seq, limit_rows)
    )
    for values in cursor:
        row = Row(*values)
        room -= len(row.body)
        if rows and room < 0:
            break
        rows.append(row)
    return rows


def page_to_send(connection: sqlite3.Connection, after_seq: int, limit_bytes: int, limit_rows: int) -> list[Row]:
    """Return `page` for sending; to be run as a durable transaction, for which it writes something.

    An event may have been added by a transaction that was not durable. Once it has left, a cut of power must not take
    it back: its seq would be given out again, and the manager would take the new event for the old one.
    """
    connection.execute("UPDATE outbox_counter SET pages_sent = pages_sent + 1")
    return page(connection, after_seq, limit_bytes, limit_rows)


def acked(connection: sqlite3.Connection, epoch: str, seq: int) -> int:
    """Delete the events of `epoch` up to and including `seq`; return how many that were, 0 for another epoch."""
    if extent(connection).epoch != epoch:
        return 0
    (size,) = connection.execute(
        "SELECT coalesce(sum(length(body)), 0) FROM outbox_event WHERE seq <= ?", (seq,)
    ).fetchone()
    deleted = connection.execute("DELETE FROM outbox_event WHERE seq <= ?", (seq,)).rowcount
    connection.execute("UPDATE outbox_counter SET bytes = bytes - ?", (size,))
    return deleted


def add_telemetry(connection: sqlite3.Connection, body: bytes, limit_rows: int = TELEMETRY_ROWS) -> int:
    """Add a batch of telemetry (CBOR); return how many of the oldest gave way to keep within `limit_rows`."""
    number = connection.execute("INSERT INTO outbox_telemetry (body) VALUES (?)", (body,)).lastrowid
    assert number is not None
    # Batches leave at the old end only, so the newest `limit_rows` numbers are the newest `limit_rows` rows.
    dropped = connection.execute("DELETE FROM outbox_telemetry WHERE number <= ?", (number - limit_rows,)).rowcount
    if dropped:
        connection.execute("UPDATE outbox_counter SET telemetry_dropped = telemetry_dropped + ?", (dropped,))
    return dropped


def oldest_telemetry(connection: sqlite3.Connection) -> tuple[int, bytes] | None:
    """Return number and body of the oldest batch of telemetry, or None."""
    found = connection.execute("SELECT number, body FROM outbox_telemetry ORDER BY number LIMIT 1").fetchone()
    return (int(found[0]), bytes(found[1])) if found else None


def telemetry_left(connection: sqlite3.Connection, number: int) -> None:
    """Delete a batch of telemetry that the broker has."""
    connection.execute("DELETE FROM outbox_telemetry WHERE number = ?", (number,))


def telemetry_dropped(connection: sqlite3.Connection) -> int:
    """Return how many batches of telemetry gave way since the outbox was made."""
    (dropped,) = connection.execute("SELECT telemetry_dropped FROM outbox_counter").fetchone()
    return int(dropped)
