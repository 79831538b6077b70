"""Live events to the browsers that listen, as server-sent events (WHATWG HTML, 9.2).

Each listener has a bounded queue. One that cannot keep up is let go: it reconnects and fetches anew, which costs less
than remembering everything for it. Nothing here waits for anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

QUEUE_LIMIT = 1000
_encode = msgspec.json.Encoder().encode


class Listener:
    """One browser's queue; `key` names the session that it listens with."""

    def __init__(self, key: bytes, on_end: Callable[[], None]) -> None:
        self.key = key
        self.has_ended = False
        self._on_end = on_end
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_LIMIT)

    async def next(self) -> bytes:
        """Wait for events and return all that are there as bytes of the stream; nothing once it has ended."""
        pieces = [await self._queue.get()]
        while not self._queue.empty():
            pieces.append(self._queue.get_nowait())
        return b"".join(pieces)

    def offer(self, piece: bytes) -> bool:
        """Queue `piece` and return whether there was room."""
        if self._queue.full():
            return False
        self._queue.put_nowait(piece)
        return True

    def end(self) -> None:
        """Drop what is queued and wake whoever waits in `next`."""
        if self.has_ended:
            return
        self.has_ended = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(b"")
        self._on_end()


class Hub:
    """Gives every event to every listener. `run_id` is new with each start, so that ids never repeat."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._count = 0
        self._listeners: set[Listener] = set()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listen(self, key: bytes, on_end: Callable[[], None]) -> Iterator[Listener]:
        """Hear all events from now on; `on_end` is called when the stream has to end."""
        listener = Listener(key, on_end)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def publish(self, kind: str, value: msgspec.Struct) -> None:
        """Tell every listener of `value`; one without room for it is let go."""
        self._count += 1
        if not self._listeners:
            return
        piece = f"id: {self._run_id}-{self._count}\nevent: {kind}\ndata: ".encode() + _encode(value) + b"\n\n"
        for listener in tuple(self._listeners):
            if not listener.offer(piece):
                self.dropped += 1
                self._end(listener)

    def end(self, key: bytes | None = None) -> None:
        """End the streams of one session, or all of them."""
        for listener in tuple(self._listeners):
            if key is None or listener.key == key:
                self._end(listener)

    def _end(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        listener.end()
