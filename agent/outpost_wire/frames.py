"""Frames of the local socket: what the daemon, its workers and the command line say to each other on one machine.

A frame is its length (4 bytes, big-endian) and a msgpack map. `id` ties a call together, and exactly one of these
says what the frame is:

    {id, m, p}   a request: method and parameters
    {id, u}      an update while the call runs, any number of them
    {id, r}      the result, which ends the call
    {id, e}      the error, which ends the call: {code, message, message_zh}; with id 0 it ends the connection

`fds` counts the open descriptors that travel beside the frame, attached to its first byte. `b` lists byte strings that
may be too bulky for the map: a short one lies in `b` itself, for a long one `b` has its length and its bytes lie in a
memory file whose descriptor travels along, after those of files.

Nothing here does I/O: descriptors are plain numbers, and `Assembler` pairs them with the frames that declare them.
Its invariants: it never holds more than one frame's limit and one read of bytes, nor more than DESCRIPTORS_LIMIT
descriptors; every descriptor fed to it comes out exactly once, in a frame or from `abandon`.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from outpost_wire.errors import BadMessage

FRAME_LIMIT = 8 * 1024 * 1024
BULK_FROM = 64 * 1024
BULK_LIMIT = 256 * 1024 * 1024
PIECES_LIMIT = 16
DESCRIPTORS_LIMIT = 128
NO_CALL = 0

_LENGTH = struct.Struct(">I")


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a call failed: a code for machines, a sentence in English and, where there is one, in Chinese."""

    code: Annotated[str, Meta(max_length=64)]
    message: str
    message_zh: str = ""


class Body(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "method": "m",
        "params": "p",
        "update": "u",
        "result": "r",
        "error": "e",
        "descriptors": "fds",
        "bulk": "b",
    },
):
    """What a frame holds; exactly one of `method`, `update`, `result` and `error` is set."""

    id: Annotated[int, Meta(ge=0, le=2**53)]
    method: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    params: Any = None
    update: Any = UNSET
    result: Any = UNSET
    error: Fault | UnsetType = UNSET
    descriptors: Annotated[int, Meta(ge=0, le=DESCRIPTORS_LIMIT)] = 0
    bulk: Annotated[tuple[bytes | int, ...], Meta(max_length=PIECES_LIMIT)] = ()

    def __post_init__(self) -> None:
        absent = (self.method is UNSET) + (self.update is UNSET) + (self.result is UNSET) + (self.error is UNSET)
        if absent != 3:
            raise ValueError("exactly one of m, u, r and e is expected")
        if self.bulk:
            lengths = self.sealed_lengths()
            if len(lengths) > self.descriptors:
                raise ValueError("b names more memory files than fds counts")
            if not all(0 < length <= BULK_LIMIT for length in lengths):
                raise ValueError(f"a length in b is 1 to {BULK_LIMIT}")

    def sealed_lengths(self) -> list[int]:
        """Return the lengths in bytes of the pieces that travel as memory files, in order."""
        return [piece for piece in self.bulk if isinstance(piece, int)]


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A body with the descriptors that came along: those of files, then those of memory files."""

    body: Body
    files: tuple[int, ...] = ()
    sealed: tuple[int, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Body).decode


def encode(body: Body) -> bytes:
    """Return the frame of `body`; raises BadMessage when it is longer than FRAME_LIMIT or holds what msgpack cannot."""
    try:
        raw = _encode(body)
    except (TypeError, OverflowError, RecursionError) as error:
        raise BadMessage(f"this cannot be sent over the local socket: {error}") from error
    if len(raw) > FRAME_LIMIT:
        raise BadMessage(f"a frame of {len(raw)} bytes is more than {FRAME_LIMIT}; send bytes as bulk or as a file")
    return _LENGTH.pack(len(raw)) + raw


def decode(raw: bytes | bytearray | memoryview) -> Body:
    """Return the body in `raw`, a frame without its length; raises BadMessage that names the field at fault."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"frame: {error}") from error


class Assembler:
    """Makes frames of the bytes and descriptors that arrive, however they are cut."""

    def __init__(self) -> None:
        self._bytes: bytes | bytearray = b""
        self._start = 0
        self._descriptors: deque[int] = deque()

    def feed(self, data: bytes, descriptors: Sequence[int] = ()) -> None:
        """Take what one read brought; raises BadMessage when more descriptors wait than any frame may have.

        To be followed by `next` until that returns None, before more is read.
        """
        if self._start == len(self._bytes):
            self._bytes, self._start = data, 0
        else:
            if isinstance(self._bytes, bytes):
                self._bytes, self._start = bytearray(self._bytes[self._start :]), 0
            self._bytes += data
        self._descriptors.extend(descriptors)
        if len(self._descriptors) > DESCRIPTORS_LIMIT:
            raise BadMessage(f"more than {DESCRIPTORS_LIMIT} descriptors came before the end of their frame")

    def next(self) -> Frame | None:
        """Return the next whole frame, or None when more bytes are needed.

        Raises BadMessage when what arrived is no frame; nothing more can be read from that peer then.
        """
        waiting = len(self._bytes) - self._start
        if waiting < _LENGTH.size:
            if waiting == 0 and self._descriptors:
                raise BadMessage("descriptors came that no frame declares")
            return None
        (length,) = _LENGTH.unpack_from(self._bytes, self._start)
        if not 0 < length <= FRAME_LIMIT:
            raise BadMessage(f"a frame of {length} bytes; expected 1 to {FRAME_LIMIT}")
        begin = self._start + _LENGTH.size
        end = begin + length
        if len(self._bytes) < end:
            return None
        with memoryview(self._bytes)[begin:end] as raw:
            body = decode(raw)
        self._consume(end)
        return self._pair(body)

    @property
    def is_between_frames(self) -> bool:
        """Say whether every byte so far belonged to a whole frame."""
        return len(self._bytes) == self._start

    def abandon(self) -> tuple[int, ...]:
        """Forget everything; return the descriptors that reached no frame, for the caller to close."""
        orphans = tuple(self._descriptors)
        self._descriptors.clear()
        self._consume(len(self._bytes))
        return orphans

    def _consume(self, end: int) -> None:
        if end == len(self._bytes):
            self._bytes, self._start = b"", 0
        elif end > BULK_FROM and isinstance(self._bytes, bytearray):
            del self._bytes[:end]
            self._start = 0
        else:
            self._start = end

    def _pair(self, body: Body) -> Frame:
        if not body.descriptors:
            return Frame(body)
        if body.descriptors > len(self._descriptors):
            raise BadMessage(f"frame: fds is {body.descriptors}, but {len(self._descriptors)} descriptors came")
        numbers = tuple(self._descriptors.popleft() for _ in range(body.descriptors))
        files = len(numbers) - len(body.sealed_lengths())
        return Frame(body, numbers[:files], numbers[files:])
