"""A database in memory that runs each transaction at once, and can fail at any statement of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar, cast

from outpost_disk import Database, Transaction
from outpost_disk.database import migrate

T = TypeVar("T")


class Cut(Exception):
    """The fault that was asked for."""


class InlineDatabase:
    """Stands in for `Database` where many short lives are played through: no thread, no file, no waiting.

    With `fail_at` set to n, the n-th statement from then on raises Cut instead of running. `durable` says of each
    transaction whether it was to be durable.
    """

    def __init__(self, schema: Sequence[str]) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
        migrate(self.connection, schema)
        self.fail_at: int | None = None
        self.durable: list[bool] = []

    @property
    def database(self) -> Database:
        """Return this as what the code under test asks for."""
        return cast("Database", self)

    async def write(self, transaction: Transaction[T], *, durable: bool = True) -> T:
        self.durable.append(durable)
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            value = transaction(cast("sqlite3.Connection", _Counted(self)) if self.fail_at else self.connection)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        return value

    async def read(self, transaction: Transaction[T]) -> T:
        return await self.write(transaction, durable=False)

    def dump(self) -> list[str]:
        """Return everything in the database, as SQL."""
        return list(self.connection.iterdump())


class _Counted:
    """A connection that counts down `fail_at` with each statement."""

    def __init__(self, store: InlineDatabase) -> None:
        self._store = store

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        self._count()
        return self._store.connection.execute(*statement)

    def executemany(self, *statement: Any) -> sqlite3.Cursor:
        self._count()
        return self._store.connection.executemany(*statement)

    def _count(self) -> None:
        if self._store.fail_at is None:
            return
        self._store.fail_at -= 1
        if self._store.fail_at == 0:
            self._store.fail_at = None
            raise Cut


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, without an event loop; raises InvalidStateError when it waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    raise asyncio.InvalidStateError("it waits for something")
