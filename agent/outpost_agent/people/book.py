"""What is stored about people, held in memory; and the way to change it.

Every change is one transaction, which ends with reading everything back; what it read takes the place of the register
once it is committed. So what is in memory is what is on the disk, and a change that fails leaves both alone. Changes
are made one after the other and carried out to their end even when whoever asked for one has gone away.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from outpost_agent.people import store
from outpost_agent.people.core import Entropy
from outpost_agent.people.rows import Register
from outpost_disk import Database

P = ParamSpec("P")
T = TypeVar("T")
Write = Callable[[sqlite3.Connection], None]


def whole(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Carry a change out to its end even when its caller is cancelled, so that memory never lags behind the disk."""

    @wraps(method)
    async def carried_out(*args: P.args, **kwargs: P.kwargs) -> T:
        change = asyncio.ensure_future(method(*args, **kwargs))
        gave_up: asyncio.CancelledError | None = None
        while not change.done():
            try:
                await asyncio.wait({change})
            except asyncio.CancelledError as error:
                gave_up = error
        if gave_up is not None:
            if not change.cancelled():
                change.exception()
            raise gave_up
        return change.result()

    return carried_out


class Book:
    """The register, its clocks, and the lock to be held from looking at it to the end of the change."""

    def __init__(
        self,
        database: Database,
        register: Register,
        *,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        monotonic_ms: Callable[[], int],
        entropy: Entropy,
    ) -> None:
        self.register = register
        self.lock = asyncio.Lock()
        self.new_id = new_id
        self.clock_ms = clock_ms
        self.entropy = entropy
        self._database = database
        self._monotonic_ms = monotonic_ms
        self._ran_before_ms = register.ownership.up_ms - monotonic_ms()

    def up_ms(self) -> int:
        """Return how long the device has been running in all its lives."""
        return self._ran_before_ms + self._monotonic_ms()

    async def write(self, write: Write, *, durable: bool = True) -> None:
        """Commit a change; the lock is held."""
        up_ms = self.up_ms()

        def transaction(connection: sqlite3.Connection) -> Register:
            write(connection)
            store.note_running(connection, up_ms)
            return store.load(connection)

        self.register = await self._database.write(transaction, durable=durable)
