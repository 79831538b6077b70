"""Frames with descriptors on the event loop; asyncio's own streams cannot carry descriptors.

A `Connection` owns its socket and every descriptor in it: those that wait to be sent and those that arrived in no
frame yet are closed with it. A frame goes out at once when the socket takes it; what it does not take waits, and
`drained` is where a sender waits for that.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence

from outpost_agent.local import descriptors
from outpost_agent.local.descriptors import close_all
from outpost_agent.local.errors import ConnectionLost
from outpost_agent.local.slots import Slots
from outpost_wire.errors import BadMessage, OutpostError
from outpost_wire.frames import Assembler, Frame

HIGH_WATER = 1024 * 1024
LOW_WATER = 256 * 1024


class Connection:
    """One end of a local socket.

    `on_frame` gets each frame with the ownership of its descriptors; `on_lost` is called once, with BadMessage when the
    peer sent what is no frame and with ConnectionLost when it went away, and may send a last frame before the
    connection is closed. Neither may raise. `slots` are for the bulk of what is sent.
    """

    def __init__(
        self, peer: socket.socket, on_frame: Callable[[Frame], None], on_lost: Callable[[OutpostError], None]
    ) -> None:
        peer.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._socket = peer
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._assembler = Assembler()
        self.slots = Slots()
        self._unsent: deque[tuple[bytes | memoryview, Sequence[int]]] = deque()
        self._unsent_bytes = 0
        self._drained: asyncio.Future[None] | None = None
        self._is_reading = True
        self._is_pumping = False
        self._is_writer_set = False
        self._is_closed = False
        self._loop.add_reader(peer, self._read)

    @property
    def is_closed(self) -> bool:
        """Say whether nothing can be sent or received any more."""
        return self._is_closed

    @property
    def is_full(self) -> bool:
        """Say whether `drained` would wait."""
        return self._unsent_bytes >= HIGH_WATER

    def send(self, frame: bytes, numbers: Sequence[int] = ()) -> None:
        """Send `frame` and the descriptors `numbers`, which are closed once sent; nothing is sent when closed."""
        if self._is_closed:
            close_all(numbers)
            return
        self._unsent.append((frame, numbers))
        self._unsent_bytes += len(frame)
        if len(self._unsent) == 1:
            self._write()

    async def drained(self) -> None:
        """Return when less than HIGH_WATER bytes wait to be sent, or LOW_WATER after it had been more, or at the end.

        Everybody may wait at once.
        """
        if not self.is_full:
            return
        if self._drained is None:
            self._drained = self._loop.create_future()
        await asyncio.shield(self._drained)

    def pause(self) -> None:
        """Read no more, and hand over no more of what was read, until `resume`."""
        if self._is_reading and not self._is_closed:
            self._is_reading = False
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Go on reading, first with what had arrived before `pause`."""
        if self._is_closed or self._is_reading:
            return
        self._is_reading = True
        self._loop.add_reader(self._socket, self._read)
        if not self._is_pumping:
            self._pump()

    def close(self) -> None:
        """Close the socket and every descriptor held; `on_lost` is not called."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self._socket)
        self._set_writer(False)
        self._socket.close()
        self.slots.close()
        close_all(self._assembler.abandon())
        self._forget_unsent()

    def _read(self) -> None:
        try:
            data, numbers = descriptors.receive(self._socket)
        except (BlockingIOError, InterruptedError):
            return
        except BadMessage as error:
            self._lose(error)
            return
        except OSError as error:
            self._lose(ConnectionLost(f"the local connection broke: {error.strerror}"))
            return
        if not data:
            close_all(numbers)
            self._lose(ConnectionLost("the other end of the local connection went away"))
            return
        try:
            self._assembler.feed(data, numbers)
        except BadMessage as error:
            self._lose(error)
            return
        self._pump()

    def _pump(self) -> None:
        self._is_pumping = True
        try:
            while self._is_reading and not self._is_closed and (frame := self._assembler.next()) is not None:
                self._on_frame(frame)
        except BadMessage as error:
            self._lose(error)
        finally:
            self._is_pumping = False

    def _write(self) -> None:
        while self._unsent:
            rest, numbers = self._unsent[0]
            try:
                sent = descriptors.send(self._socket, rest, numbers)
            except (BlockingIOError, InterruptedError):
                self._set_writer(True)
                return
            except OSError as error:
                # What the peer said before it left is still to be read; reading ends in its turn.
                self._forget_unsent()
                self._set_writer(False)
                if not self._is_reading:
                    self._loop.call_soon(self._lose, ConnectionLost(f"the local connection broke: {error.strerror}"))
                return
            self._unsent_bytes -= sent
            if numbers:
                close_all(numbers)
            if sent == len(rest):
                self._unsent.popleft()
            else:
                self._unsent[0] = (memoryview(rest)[sent:], ())
            if self._drained is not None and self._unsent_bytes <= LOW_WATER:
                self._release()
        self._set_writer(False)

    def _set_writer(self, is_wanted: bool) -> None:
        if is_wanted and not self._is_writer_set:
            self._loop.add_writer(self._socket, self._write)
        elif self._is_writer_set and not is_wanted:
            self._loop.remove_writer(self._socket)
        self._is_writer_set = is_wanted

    def _forget_unsent(self) -> None:
        for _, numbers in self._unsent:
            close_all(numbers)
        self._unsent.clear()
        self._unsent_bytes = 0
        self._release()

    def _lose(self, error: OutpostError) -> None:
        if not self._is_closed:
            self._on_lost(error)
            self.close()

    def _release(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None
