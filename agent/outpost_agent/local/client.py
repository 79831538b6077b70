"""The blocking end of the local socket, for the command line: no event loop, one call at a time."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec import UNSET

from outpost_agent.local import descriptors
from outpost_agent.local.answer import Answer, answer_of
from outpost_agent.local.bulk import compose
from outpost_agent.local.descriptors import close_all, duplicates
from outpost_agent.local.errors import CallFailed, ConnectionLost, NoAnswer, NobodyListens
from outpost_agent.local.slots import Piece, Slots
from outpost_wire.frames import NO_CALL, Assembler, Body, Frame

TIMEOUT_S = 30.0


class LocalClient:
    """A connection to the daemon at `path`, used in a `with`; entering raises NobodyListens."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._assembler = Assembler()
        self._slots = Slots()
        self._last_id = NO_CALL

    def __enter__(self) -> Self:
        try:
            self._socket.settimeout(TIMEOUT_S)
            self._socket.connect(os.fspath(self._path))
        except PermissionError as error:
            self._socket.close()
            raise ConnectionLost(f"{self._path} belongs to another user; run this as that user or root") from error
        except OSError as error:
            self._socket.close()
            raise NobodyListens(self._path) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._slots.close()
        close_all(self._assembler.abandon())

    def call(
        self,
        method: str,
        params: Any = None,
        *,
        files: Sequence[int] = (),
        bulk: Sequence[Piece] = (),
        on_update: Callable[[Any], None] | None = None,
        timeout_s: float | None = TIMEOUT_S,
    ) -> Answer:
        """Call `method` and return its answer; `files` stay the caller's, who may close them when this returns.

        `timeout_s` is for one frame to come, so a call that sends updates may take longer; None waits for ever.
        Raises CallFailed, NoAnswer, ConnectionLost or BadMessage; after any but CallFailed the connection is of no use.
        """
        self._last_id += 1
        body = Body(id=self._last_id, method=method, params=params)
        frame, numbers = compose(body, duplicates(files), bulk, self._slots)
        try:
            self._socket.settimeout(timeout_s)
            # A server that refuses this peer says why and closes: its sentence is still there to be read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._send(frame, numbers)
        except TimeoutError as error:
            raise NoAnswer(f"the daemon at {self._path} does not read; restart it") from error
        finally:
            close_all(numbers)
        while True:
            answer = self._take(self._receive(timeout_s), on_update)
            if answer is not None:
                return answer

    def _send(self, frame: bytes, numbers: Sequence[int]) -> None:
        rest = memoryview(frame)
        rest = rest[descriptors.send(self._socket, rest, numbers) :]
        if rest:
            self._socket.sendall(rest)

    def _take(self, frame: Frame, on_update: Callable[[Any], None] | None) -> Answer | None:
        body = frame.body
        if body.error is not UNSET and body.id in (self._last_id, NO_CALL):
            close_all((*frame.files, *frame.sealed))
            raise CallFailed(body.error)
        if body.id != self._last_id or body.method is not UNSET:
            close_all((*frame.files, *frame.sealed))
            return None
        if body.update is not UNSET:
            close_all((*frame.files, *frame.sealed))
            if on_update is not None:
                on_update(body.update)
            return None
        return answer_of(frame)

    def _receive(self, timeout_s: float | None) -> Frame:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while (frame := self._assembler.next()) is None:
            try:
                if deadline is not None:
                    self._socket.settimeout(max(0.001, deadline - time.monotonic()))
                data, numbers = descriptors.receive(self._socket)
            except TimeoutError as error:
                raise NoAnswer(f"the daemon at {self._path} did not answer within {timeout_s:g} s") from error
            except OSError as error:
                raise ConnectionLost(f"the connection to {self._path} broke: {error.strerror}") from error
            if not data:
                close_all(numbers)
                raise ConnectionLost(f"the daemon at {self._path} went away before it answered")
            self._assembler.feed(data, numbers)
        return frame
