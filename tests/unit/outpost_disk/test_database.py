from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from outpost_disk import Database, DatabaseFailed, DatabaseTooNew, Transaction, open_database

ITEMS = "CREATE TABLE item (name TEXT NOT NULL UNIQUE);"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "a.db", [ITEMS]) as opened:
        yield opened


def add(name: str) -> Transaction[int | None]:
    return lambda connection: connection.execute("INSERT INTO item (name) VALUES (?)", (name,)).lastrowid


def names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM item ORDER BY name")]


def pragma(name: str) -> Transaction[object]:
    return lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0]


async def together(database: Database, *transactions: Transaction[object], durable: bool = True) -> list[object]:
    """Run `transactions` as one group: they all wait while the writer is held up."""
    async with held_up(database):
        waiting = [asyncio.ensure_future(database.write(each, durable=durable)) for each in transactions]
        await asyncio.sleep(0)
    return await asyncio.gather(*waiting, return_exceptions=True)


@asynccontextmanager
async def held_up(database: Database) -> AsyncIterator[None]:
    """Keep the writer busy for as long as the context lasts."""
    begun, released = threading.Event(), threading.Event()

    def hold(_connection: sqlite3.Connection) -> bool:
        begun.set()
        return released.wait(10)

    holding = asyncio.ensure_future(database.write(hold))
    assert await asyncio.to_thread(begun.wait, 10)
    yield
    released.set()
    assert await holding


async def test_a_write_gives_its_value_and_is_seen(database: Database) -> None:
    assert await database.write(add("a")) == 1
    assert await database.read(names) == ["a"]


async def test_what_waits_together_shares_one_commit(database: Database) -> None:
    statements: list[str] = []
    await database.write(lambda connection: connection.set_trace_callback(statements.append))
    assert await together(database, *(add(f"{number:02}") for number in range(50))) == list(range(1, 51))
    assert statements.count("COMMIT") == 3  # of the one that set the trace, the one that waited, and the group


async def test_a_failing_transaction_stands_alone(database: Database) -> None:
    def fail_after_writing(connection: sqlite3.Connection) -> None:
        add("lost")(connection)
        raise ValueError("no")

    first, failed, taken, last = await together(database, add("a"), fail_after_writing, add("a"), add("b"))
    assert (first, last) == (1, 2)
    assert repr(failed) == "ValueError('no')"
    assert isinstance(taken, sqlite3.IntegrityError)
    assert await database.read(names) == ["a", "b"]


async def test_durable_work_is_synced_and_other_work_is_not(database: Database) -> None:
    normal, full = 1, 2
    assert await database.write(pragma("synchronous")) == full
    assert await database.write(pragma("synchronous"), durable=False) == normal
    assert await together(database, pragma("synchronous"), pragma("synchronous")) == [full, full]


async def test_one_durable_transaction_makes_its_group_durable(database: Database) -> None:
    await database.write(add("a"), durable=False)
    relaxed, strict = await asyncio.gather(
        database.write(pragma("synchronous"), durable=False), database.write(pragma("synchronous"))
    )
    assert strict == 2
    assert relaxed in (1, 2)


async def test_a_caller_that_gives_up_disturbs_nobody(database: Database) -> None:
    async with held_up(database):
        given_up = asyncio.ensure_future(database.write(add("a")))
        await asyncio.sleep(0)
        given_up.cancel()
    assert await database.write(add("b")) == 2
    assert await database.read(names) == ["a", "b"]


async def test_a_full_disk_refuses_the_group_and_keeps_what_was_there(database: Database) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO item (name) VALUES (?)", ("x" * 200_000,))

    await database.write(add("before"))
    await database.write(lambda c: c.execute(f"PRAGMA max_page_count={pragma('page_count')(c)}"))
    refused = await together(database, add("a"), fill, add("b"))
    assert [type(each) for each in refused] == [DatabaseFailed] * 3
    assert str(refused[0]) == f"{database.path}: database or disk is full"
    assert await database.write(add("small")) == 2
    await database.write(lambda c: c.execute("PRAGMA max_page_count=1000000"))
    await database.write(fill)
    assert await database.read(names) == ["before", "small", "x" * 200_000]
    assert await database.read(pragma("integrity_check")) == "ok"


async def test_a_wrong_statement_stands_alone(database: Database) -> None:
    first, refused, last = await together(database, add("a"), lambda c: c.execute("SELECT x FROM nowhere"), add("b"))
    assert (first, last) == (1, 2)
    assert isinstance(refused, DatabaseFailed)
    assert "no such table: nowhere" in str(refused)


FULL_AT_COMMIT = """
import asyncio, resource, sys
from pathlib import Path
from outpost_disk import DatabaseFailed, open_database

async def main():
    async with open_database(Path(sys.argv[1]), ["CREATE TABLE item (name TEXT NOT NULL)"]) as database:
        add = lambda name: lambda c: c.execute("INSERT INTO item (name) VALUES (?)", (name,)).lastrowid
        await database.write(add("before"))
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
        answers = await asyncio.gather(*(database.write(add("x" * 50_000)) for _ in range(4)), return_exceptions=True)
        assert all(isinstance(answer, DatabaseFailed) for answer in answers[1:]), answers
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        kept = sum(not isinstance(answer, DatabaseFailed) for answer in answers)
        await database.write(add("after"))
        rows = await database.read(lambda c: c.execute("SELECT substr(name, 1, 6) FROM item").fetchall())
        assert rows == [("before",), *[("xxxxxx",)] * kept, ("after",)], rows
        assert await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()) == ("ok",)

asyncio.run(main())
"""


def test_a_disk_full_at_the_commit_keeps_nothing_of_the_group(tmp_path: Path) -> None:
    run_python(FULL_AT_COMMIT, str(tmp_path / "a.db"))


DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from outpost_disk import open_database

async def main():
    async with open_database(Path(sys.argv[1]), []) as database:
        add = lambda name: lambda c: c.execute("INSERT INTO item (name) VALUES (?)", (name,))
        await asyncio.gather(*(database.write(add(f"answered {n}")) for n in range(20)))
        await database.write(add("answered quickly"), durable=False)
        def die(connection):
            add("not answered")(connection)
            os.kill(os.getpid(), signal.SIGKILL)
        await database.write(die)

asyncio.run(main())
"""


async def test_what_was_answered_survives_sigkill_and_what_was_not_is_gone(tmp_path: Path) -> None:
    async with open_database(tmp_path / "a.db", [ITEMS]):
        pass
    run_python(DIES, str(tmp_path / "a.db"), code=-9)
    async with open_database(tmp_path / "a.db", [ITEMS]) as database:
        assert await database.read(names) == sorted([*(f"answered {n}" for n in range(20)), "answered quickly"])
        assert await database.read(pragma("integrity_check")) == "ok"


def run_python(program: str, *arguments: str, code: int = 0) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr


async def test_a_closed_database_has_done_its_work_and_takes_no_more(tmp_path: Path) -> None:
    async with open_database(tmp_path / "a.db", [ITEMS]) as database:
        last = asyncio.ensure_future(database.write(add("last")))
        await asyncio.sleep(0)
    assert await last == 1
    with pytest.raises(DatabaseFailed, match="is closed"):
        await database.write(add("too late"))
    await database.close()


async def test_too_much_waiting_work_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outpost_disk.database.WAITING_LIMIT", 3)
    first, *others, refused = await together(database, add("a"), add("b"), add("c"))
    assert [first, *others] == [1, 2]
    assert isinstance(refused, DatabaseFailed)
    assert await database.write(add("d")) == 3


async def test_the_file_is_for_its_owner_only(database: Database) -> None:
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "spoil",
    [lambda path: path.mkdir(), lambda path: path.write_bytes(b"no database at all" * 100)],
    ids=["folder", "rubbish"],
)
async def test_what_is_no_database_is_named(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    spoil(tmp_path / "a.db")
    with pytest.raises(DatabaseFailed, match=r"a\.db cannot be opened"):
        async with open_database(tmp_path / "a.db", [ITEMS]):
            pass


TRIGGER = """
CREATE TABLE log (name TEXT NOT NULL);
CREATE TRIGGER added AFTER INSERT ON item BEGIN
    INSERT INTO log VALUES (new.name);
    INSERT INTO log VALUES ('and more');
END;
-- nothing follows
"""


async def test_each_script_is_applied_once_in_order(tmp_path: Path) -> None:
    async with open_database(tmp_path / "a.db", [ITEMS]) as database:
        await database.write(add("old"))
    for _ in range(2):
        async with open_database(tmp_path / "a.db", [ITEMS, TRIGGER]) as database:
            assert await database.read(pragma("user_version")) == 2
    async with open_database(tmp_path / "a.db", [ITEMS, TRIGGER]) as database:
        await database.write(add("new"))
        assert await database.read(names) == ["new", "old"]
        assert await database.read(lambda c: c.execute("SELECT count(*) FROM log").fetchone()) == (2,)


async def test_a_script_that_fails_changes_nothing(tmp_path: Path) -> None:
    async with open_database(tmp_path / "a.db", [ITEMS]) as database:
        await database.write(add("old"))
    with pytest.raises(DatabaseFailed, match="cannot be opened"):
        async with open_database(tmp_path / "a.db", [ITEMS, "CREATE TABLE other (x);\nCREATE TABLE item (x);"]):
            pass
    async with open_database(tmp_path / "a.db", [ITEMS]) as database:
        tables = await database.read(lambda c: c.execute("SELECT name FROM sqlite_schema WHERE sql > ''").fetchall())
        assert tables == [("item",)]
        assert await database.read(names) == ["old"]


async def test_an_earlier_release_reads_what_a_later_one_wrote(tmp_path: Path) -> None:
    async with open_database(tmp_path / "a.db", [ITEMS, "ALTER TABLE item ADD COLUMN size INTEGER"]) as database:
        await database.write(add("new"))
    async with open_database(tmp_path / "a.db", [ITEMS]) as database:
        assert await database.read(names) == ["new"]


async def test_a_database_of_another_thousand_is_refused(tmp_path: Path) -> None:
    async with open_database(tmp_path / "a.db", [ITEMS]) as database:
        await database.write(lambda c: c.execute("PRAGMA user_version=1001"))
    with pytest.raises(DatabaseTooNew, match="install the later one"):
        async with open_database(tmp_path / "a.db", [ITEMS]):
            pass
