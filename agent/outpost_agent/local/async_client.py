"""The asynchronous end of the local socket: how the daemon talks to its workers."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec import UNSET

from outpost_agent.local.answer import Answer, answer_of
from outpost_agent.local.bulk import compose
from outpost_agent.local.descriptors import close_all, duplicates
from outpost_agent.local.errors import CallFailed, ConnectionLost, NobodyListens
from outpost_agent.local.slots import Piece
from outpost_agent.local.transport import Connection
from outpost_wire.errors import BadMessage, OutpostError
from outpost_wire.frames import NO_CALL, Body, Frame


@dataclass(slots=True)
class _Pending:
    answer: asyncio.Future[Answer]
    on_update: Callable[[Any], None] | None


class AsyncLocalClient:
    """A connection over a connected socket, which it owns; any number of calls at once."""

    def __init__(self, peer: socket.socket, on_lost: Callable[[], None] | None = None) -> None:
        self._pending: dict[int, _Pending] = {}
        self._last_id = NO_CALL
        self._on_lost = on_lost
        self._connection = Connection(peer, self._take, self._lost)

    @classmethod
    def connect(cls, path: Path, on_lost: Callable[[], None] | None = None) -> Self:
        """Connect to the socket at `path`; raises NobodyListens. Does not wait: a Unix socket connects at once."""
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.setblocking(False)
            peer.connect(os.fspath(path))
        except OSError as error:
            peer.close()
            raise NobodyListens(path) from error
        return cls(peer, on_lost)

    @property
    def is_closed(self) -> bool:
        """Say whether no call can be made any more."""
        return self._connection.is_closed

    async def call(
        self,
        method: str,
        params: Any = None,
        *,
        files: Sequence[int] = (),
        bulk: Sequence[Piece] = (),
        on_update: Callable[[Any], None] | None = None,
    ) -> Answer:
        """Call `method` and return its answer; `files` stay the caller's.

        Raises CallFailed, ConnectionLost or BadMessage. A cancelled call is carried on by the other end; its answer is
        dropped.
        """
        if self._connection.is_closed:
            raise ConnectionLost("the local connection is closed")
        self._last_id += 1
        number = self._last_id
        body = Body(id=number, method=method, params=params)
        frame, numbers = compose(body, duplicates(files), bulk, self._connection.slots)
        pending = _Pending(asyncio.get_running_loop().create_future(), on_update)
        self._pending[number] = pending
        try:
            self._connection.send(frame, numbers)
            if self._connection.is_full:
                await self._connection.drained()
            return await pending.answer
        except asyncio.CancelledError:
            if pending.answer.done() and not pending.answer.cancelled() and pending.answer.exception() is None:
                pending.answer.result().files.close()
            raise
        finally:
            del self._pending[number]

    def close(self) -> None:
        """Close the connection; calls under way raise ConnectionLost."""
        self._connection.close()
        self._fail_all(ConnectionLost("the local connection was closed"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, frame: Frame) -> None:
        body = frame.body
        if body.id == NO_CALL and body.error is not UNSET:
            close_all((*frame.files, *frame.sealed))
            self._fail_all(CallFailed(body.error))
            return
        pending = self._pending.get(body.id)
        if pending is None or pending.answer.done() or body.result is UNSET:
            close_all((*frame.files, *frame.sealed))
        if pending is None or pending.answer.done():
            return
        if body.error is not UNSET:
            pending.answer.set_exception(CallFailed(body.error))
        elif body.result is not UNSET:
            try:
                pending.answer.set_result(answer_of(frame))
            except BadMessage as error:
                pending.answer.set_exception(error)
        elif body.update is not UNSET and pending.on_update is not None:
            pending.on_update(body.update)

    def _lost(self, error: OutpostError) -> None:
        self._connection.close()
        self._fail_all(error)
        if self._on_lost is not None:
            self._on_lost()

    def _fail_all(self, error: OutpostError) -> None:
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(error)
