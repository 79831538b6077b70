"""Byte strings of 64 KiB or more as sealed memory files (memfd_create(2)): written once, mapped by the receiver.

The seals are what makes mapping safe: after F_SEAL_WRITE, SHRINK, GROW and SEAL nobody, the sender included, can change
or cut the bytes under the receiver, so no check can be undone and no access can fault. Where the system has no sealed
memory files (macOS), an unlinked temporary file travels instead, and the receiver copies it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import tempfile
from collections.abc import Sequence

import msgspec

from outpost_agent.local.descriptors import close_all
from outpost_wire.errors import BadMessage
from outpost_wire.frames import BULK_FROM, BULK_LIMIT, DESCRIPTORS_LIMIT, PIECES_LIMIT, Body, Frame, encode

Piece = bytes | bytearray | memoryview

HAS_SEALS = sys.platform == "linux"
if HAS_SEALS:
    _SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def compose(body: Body, files: Sequence[int] = (), pieces: Sequence[Piece] = ()) -> tuple[bytes, list[int]]:
    """Return the frame of `body` with `pieces` as its bulk, and every descriptor that goes along.

    Takes `files` over: they are closed when this raises, which is BadMessage for what cannot be sent. Copies `pieces`.
    """
    numbers = list(files)
    if len(pieces) > PIECES_LIMIT or len(numbers) + len(pieces) > DESCRIPTORS_LIMIT:
        close_all(numbers)
        raise BadMessage(f"{len(files)} files and {len(pieces)} pieces of bulk are too many for one frame")
    try:
        if numbers or pieces:
            bulk = tuple(_place(piece, numbers) for piece in pieces)
            body = msgspec.structs.replace(body, descriptors=len(numbers), bulk=bulk)
        return encode(body), numbers
    except BaseException:
        close_all(numbers)
        raise


def unpack(frame: Frame) -> tuple[memoryview, ...]:
    """Return the bulk of `frame`, short pieces and long ones in their order, and close its memory files.

    A view keeps its memory for as long as it is referred to. Raises BadMessage when a memory file is not sealed.
    """
    if not frame.body.bulk:
        return ()
    sealed = iter(frame.sealed)
    try:
        return tuple(
            memoryview(piece) if isinstance(piece, bytes) else map_sealed(next(sealed), piece)
            for piece in frame.body.bulk
        )
    finally:
        close_all(frame.sealed)


def seal(data: Piece) -> int:
    """Return a new descriptor of a memory file that holds a copy of `data` for ever."""
    if not HAS_SEALS:
        return _unlinked(data)
    number = os.memfd_create("outpost", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        _write_all(number, data)
        fcntl.fcntl(number, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(number)
        raise
    return number


def map_sealed(number: int, length: int) -> memoryview:
    """Return the `length` bytes of memory file `number`, which stays the caller's; raises BadMessage if not sealed."""
    if not HAS_SEALS:
        return memoryview(os.pread(number, length, 0))
    try:
        seals = fcntl.fcntl(number, fcntl.F_GET_SEALS)
    except OSError as error:
        raise BadMessage("bulk came in a descriptor that is no memory file") from error
    if seals & _SEALS != _SEALS:
        raise BadMessage("bulk came in a memory file that is not sealed against change")
    if os.fstat(number).st_size != length:
        raise BadMessage(f"bulk of {length} bytes was declared, its memory file has another size")
    # Linux before 6.7 refuses a shared mapping of a file sealed against writing, even one that only reads.
    return memoryview(mmap.mmap(number, length, flags=mmap.MAP_PRIVATE | mmap.MAP_POPULATE, prot=mmap.PROT_READ))


def _place(piece: Piece, numbers: list[int]) -> bytes | int:
    length = memoryview(piece).nbytes
    if length < BULK_FROM:
        return bytes(piece)
    if length > BULK_LIMIT:
        raise BadMessage(f"{length} bytes are more than {BULK_LIMIT}; send them as a file")
    numbers.append(seal(piece))
    return length


def _unlinked(data: Piece) -> int:
    number, name = tempfile.mkstemp(prefix="outpost-")
    os.unlink(name)  # noqa: PTH108 - a name that mkstemp gave
    _write_all(number, data)
    return number


def _write_all(number: int, data: Piece) -> None:
    with memoryview(data).cast("B") as rest:
        written = 0
        while written < len(rest):
            written += os.write(number, rest[written:])
