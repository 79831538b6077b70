"""A SQLite database with one writer and group commit.

All transactions run on one thread, in the order they were asked for. Those that wait together share one commit, so a
burst of messages costs one sync of the disk; each still stands or falls alone, unless the disk is full or fails: then
none of them may be kept. A caller gets its answer only after the commit. A transaction that is `durable` is on the
disk when its answer comes (`synchronous=FULL`); one that is not survives the end of the process at once and a cut of
power with the next durable commit that changes anything, and either way the database is consistent (SQLite WAL mode).

A transaction may be run a second time, after everything that the first run changed was undone: when one of a group
fails, the others begin anew. So it changes nothing but the database, or what may be changed twice.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from outpost_wire.errors import OutpostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

T = TypeVar("T")
Transaction = Callable[[sqlite3.Connection], T]

BATCH_LIMIT = 256
WAITING_LIMIT = 10_000


class DatabaseFailed(OutpostError):
    """The disk or the database refused a transaction; nothing of it was kept."""

    code = "database_failed"


class DatabaseTooNew(OutpostError):
    """The database was written by a later release whose changes this one cannot live with."""

    code = "database_too_new"


@dataclass(slots=True)
class _Work(Generic[T]):
    transaction: Transaction[T]
    durable: bool
    answer: asyncio.Future[T]


_Outcome = tuple[_Work[Any], Any, Exception | None]


class Database:
    """One owner's access to one database file, from one event loop; made by `open_database`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._work: queue.SimpleQueue[_Work[Any] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._thread = threading.Thread(target=self._serve, name=f"db {path.stem}", daemon=True)
        self._connection: sqlite3.Connection | None = None
        self._is_durable = True
        self._closed = False

    @property
    def path(self) -> Path:
        """Return where the database lies."""
        return self._path

    async def write(self, transaction: Transaction[T], *, durable: bool = True) -> T:
        """Run `transaction(connection)` and return its value once it is committed.

        What it raises comes out here and undoes its own changes only. Raises DatabaseFailed when the disk or the
        database refuses a statement or the commit.
        """
        if self._closed:
            raise DatabaseFailed(f"{self._path} is closed")
        if self._waiting >= WAITING_LIMIT:
            raise DatabaseFailed(f"{self._path}: {self._waiting} transactions wait already; try again later")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting += 1
        try:
            self._work.put(_Work(transaction, durable, answer))
            return await answer
        finally:
            self._waiting -= 1

    async def read(self, transaction: Transaction[T]) -> T:
        """Run a `transaction` that only reads; it sees everything written before it was asked for."""
        return await self.write(transaction, durable=False)

    def start(self, schema: Sequence[str]) -> None:
        """Open the file and bring it to `schema`; blocks. Raises DatabaseFailed or DatabaseTooNew."""
        try:
            connection = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False, cached_statements=256
            )
        except sqlite3.Error as error:
            raise DatabaseFailed(f"{self._path} cannot be opened: {error}") from error
        try:
            self._path.chmod(0o600)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA temp_store=MEMORY")
            connection.execute("PRAGMA cache_size=-2048")
            connection.execute("PRAGMA journal_size_limit=16777216")
            migrate(connection, schema)
        except sqlite3.Error as error:
            connection.close()
            raise DatabaseFailed(f"{self._path} cannot be opened: {error}") from error
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._thread.start()

    async def close(self) -> None:
        """Finish what was asked for, then close the file."""
        if self._closed:
            return
        self._closed = True
        self._work.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        connection = self._connection
        assert connection is not None
        is_open = True
        while is_open:
            work = self._work.get()
            batch: list[_Work[Any]] = []
            while work is not None:
                batch.append(work)
                if len(batch) >= BATCH_LIMIT:
                    break
                try:
                    work = self._work.get_nowait()
                except queue.Empty:
                    break
            else:
                is_open = False
            if batch:
                self._run(connection, batch)
        connection.close()

    def _run(self, connection: sqlite3.Connection, batch: list[_Work[Any]]) -> None:
        outcomes: list[_Outcome]
        self._set_durable(connection, any(work.durable for work in batch))
        try:
            connection.execute("BEGIN IMMEDIATE")
            values = [work.transaction(connection) for work in batch]
            connection.execute("COMMIT")
        except Exception as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            outcomes = self._run_apart(connection, batch) if len(batch) > 1 else [(batch[0], None, self._told(error))]
        else:
            outcomes = [(work, value, None) for work, value in zip(batch, values, strict=True)]
        loop = batch[0].answer.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, outcomes)

    def _run_apart(self, connection: sqlite3.Connection, batch: list[_Work[Any]]) -> list[_Outcome]:
        """Run a batch of which one failed again, so that each stands or falls alone.

        Savepoints cost a fifth of a transaction, so they are used only then.
        """
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [(work, *self._attempt(connection, work.transaction)) for work in batch]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return [(work, None, self._told(error)) for work in batch]
        return outcomes

    def _attempt(
        self, connection: sqlite3.Connection, transaction: Transaction[T]
    ) -> tuple[T | None, Exception | None]:
        connection.execute("SAVEPOINT work")
        try:
            value = transaction(connection)
        except Exception as error:
            if not connection.in_transaction:
                # SQLite has undone the whole batch, as it does when the disk is full or fails.
                raise sqlite3.OperationalError(str(error)) from error
            connection.execute("ROLLBACK TO work")
            connection.execute("RELEASE work")
            return None, self._told(error)
        connection.execute("RELEASE work")
        return value, None

    def _told(self, error: Exception) -> Exception:
        """Return what the one who asked is told: DatabaseFailed for what the disk or SQLite did, else `error`."""
        if not isinstance(error, sqlite3.OperationalError):
            return error
        failure = DatabaseFailed(f"{self._path}: {error}")
        failure.__cause__ = error
        return failure

    def _set_durable(self, connection: sqlite3.Connection, durable: bool) -> None:
        if durable != self._is_durable:
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable


def _resolve(outcomes: list[_Outcome]) -> None:
    for work, value, error in outcomes:
        if work.answer.done():
            continue
        if error is None:
            work.answer.set_result(value)
        else:
            work.answer.set_exception(error)


def migrate(connection: sqlite3.Connection, schema: Sequence[str]) -> None:
    """Bring the database to `schema`, a list of scripts that only add; each is applied once, whole.

    `user_version` counts the scripts applied. A database ahead of this release is used as it is, since scripts only
    add: release N-1 reads what N wrote. A script that breaks this begins a new count of thousands.
    """
    (applied,) = connection.execute("PRAGMA user_version").fetchone()
    if applied // 1000 > len(schema) // 1000:
        raise DatabaseTooNew(
            f"the database has schema {applied}, this release knows {len(schema)}: install the later one"
        )
    for number in range(applied, len(schema)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(schema[number]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _statements(script: str) -> list[str]:
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    if pending.strip():
        statements.append(pending)
    return statements


@asynccontextmanager
async def open_database(path: Path, schema: Sequence[str]) -> AsyncIterator[Database]:
    """Open the database at `path`, made or migrated to `schema`, for as long as the context lasts."""
    database = Database(path)
    await asyncio.to_thread(database.start, schema)
    try:
        yield database
    finally:
        await database.close()
