from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from outpost_disk import open_database
from outpost_link import outbox
from outpost_link.outbox import BODY_LIMIT, OUTBOX_SCHEMA, Extent, Row
from outpost_wire.errors import BadMessage


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(OUTBOX_SCHEMA)
    outbox.open_epoch(connection, "E")
    yield connection
    connection.close()


def _fill(connection: sqlite3.Connection, bodies: list[bytes]) -> None:
    for number, body in enumerate(bodies):
        outbox.add(connection, f"id{number}", number, body)


def test_the_first_epoch_stays(connection: sqlite3.Connection) -> None:
    assert outbox.open_epoch(connection, "F") == "E"


def test_a_new_outbox_is_empty(connection: sqlite3.Connection) -> None:
    assert outbox.extent(connection) == Extent("E", first=1, last=0, bytes=0)
    assert outbox.extent(connection).depth == 0


def test_seqs_count_from_one(connection: sqlite3.Connection) -> None:
    assert [outbox.add(connection, "a", 1, b"x"), outbox.add(connection, "b", 2, b"yy")] == [1, 2]
    assert outbox.extent(connection) == Extent("E", first=1, last=2, bytes=3)


def test_seqs_have_no_gap_where_a_transaction_was_undone(connection: sqlite3.Connection) -> None:
    connection.execute("SAVEPOINT work")
    outbox.add(connection, "a", 1, b"x")
    connection.execute("ROLLBACK TO work")
    assert outbox.add(connection, "b", 2, b"y") == 1


def test_seqs_go_on_after_the_outbox_was_emptied(connection: sqlite3.Connection) -> None:
    _fill(connection, [b"x", b"y"])
    assert outbox.acked(connection, "E", 2) == 2
    assert outbox.extent(connection) == Extent("E", first=3, last=2, bytes=0)
    assert outbox.add(connection, "c", 3, b"z") == 3


def test_a_page_follows_a_seq_and_keeps_to_its_rows(connection: sqlite3.Connection) -> None:
    _fill(connection, [b"a", b"b", b"c", b"d"])
    assert outbox.page(connection, 1, 1000, 2) == [Row(2, "id1", 1, b"b"), Row(3, "id2", 2, b"c")]


def test_a_page_keeps_to_its_bytes_but_has_at_least_one_row(connection: sqlite3.Connection) -> None:
    _fill(connection, [b"a" * 100, b"b" * 100, b"c" * 100])
    assert [row.seq for row in outbox.page(connection, 0, 250, 10)] == [1, 2]
    assert [row.seq for row in outbox.page(connection, 0, 10, 10)] == [1]


def test_an_acknowledgement_deletes_up_to_its_seq(connection: sqlite3.Connection) -> None:
    _fill(connection, [b"a", b"bb", b"ccc"])
    assert outbox.acked(connection, "E", 2) == 2
    assert outbox.extent(connection) == Extent("E", first=3, last=3, bytes=3)
    assert outbox.acked(connection, "E", 2) == 0


def test_an_acknowledgement_of_another_epoch_deletes_nothing(connection: sqlite3.Connection) -> None:
    _fill(connection, [b"a"])
    assert outbox.acked(connection, "OLD", 1) == 0
    assert outbox.extent(connection).depth == 1


def test_refuses_an_event_that_fits_in_no_message(connection: sqlite3.Connection) -> None:
    outbox.add(connection, "a", 1, b"x" * BODY_LIMIT)
    with pytest.raises(BadMessage, match="event of 261121 bytes is more than the 261120"):
        outbox.add(connection, "b", 2, b"x" * (BODY_LIMIT + 1))
    assert outbox.extent(connection).last == 1


def test_telemetry_leaves_oldest_first(connection: sqlite3.Connection) -> None:
    assert outbox.oldest_telemetry(connection) is None
    outbox.add_telemetry(connection, b"a")
    outbox.add_telemetry(connection, b"b")
    assert outbox.oldest_telemetry(connection) == (1, b"a")
    outbox.telemetry_left(connection, 1)
    assert outbox.oldest_telemetry(connection) == (2, b"b")


def test_the_oldest_telemetry_gives_way_and_is_counted(connection: sqlite3.Connection) -> None:
    assert [outbox.add_telemetry(connection, b"%d" % number, limit_rows=2) for number in range(4)] == [0, 0, 1, 1]
    assert outbox.oldest_telemetry(connection) == (3, b"2")
    assert outbox.telemetry_dropped(connection) == 2


def test_telemetry_that_left_does_not_count_as_dropped(connection: sqlite3.Connection) -> None:
    outbox.add_telemetry(connection, b"a", limit_rows=1)
    outbox.telemetry_left(connection, 1)
    assert outbox.add_telemetry(connection, b"b", limit_rows=1) == 0
    assert outbox.telemetry_dropped(connection) == 0


async def test_the_outbox_is_the_same_after_opening_the_file_again(tmp_path: Path) -> None:
    async with open_database(tmp_path / "a.db", [OUTBOX_SCHEMA]) as database:
        await database.write(lambda connection: outbox.open_epoch(connection, "E"))
        await database.write(lambda connection: outbox.add(connection, "a", 1, b"x"))
    async with open_database(tmp_path / "a.db", [OUTBOX_SCHEMA]) as database:
        assert await database.write(lambda connection: outbox.open_epoch(connection, "F")) == "E"
        assert await database.read(outbox.extent) == Extent("E", first=1, last=1, bytes=1)


async def test_an_event_is_on_the_disk_before_it_leaves(tmp_path: Path) -> None:
    database = tmp_path / "d.sqlite"
    async with open_database(database, [OUTBOX_SCHEMA]) as writer:
        await writer.write(lambda connection: outbox.open_epoch(connection, "E"))
        await writer.write(lambda connection: outbox.add(connection, "a", 1, b"{}"), durable=False)
        log_bytes = database.with_name("d.sqlite-wal").stat().st_size
        rows = await writer.write(lambda connection: outbox.page_to_send(connection, 0, 1000, 10))
        assert [row.seq for row in rows] == [1]
        assert database.with_name("d.sqlite-wal").stat().st_size > log_bytes, "an empty commit would sync nothing"
