"""Byte strings of 64 KiB or more as memory files (memfd_create(2)) instead of in the frame.

A long one is written once into a sealed file, which the receiver maps. The seals are what makes mapping safe: after
F_SEAL_WRITE, SHRINK, GROW and SEAL nobody, the sender included, can change or cut the bytes under the receiver, so no
check can be undone and no access can fault. One of middling length goes through a slot (see slots.py), which the
receiver copies. Anything else is refused. Where the system has no sealed memory files (macOS), an unlinked temporary
file travels instead, and the receiver copies it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from collections.abc import Sequence

import msgspec

from outpost_agent.local.descriptors import close_all
from outpost_agent.local.slots import HAS_SEALS, Piece, Slots, copy_out, is_slot
from outpost_wire.errors import BadMessage
from outpost_wire.frames import BULK_FROM, BULK_LIMIT, DESCRIPTORS_LIMIT, PIECES_LIMIT, Body, Frame, encode

if HAS_SEALS:
    _SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def compose(
    body: Body, files: Sequence[int] = (), pieces: Sequence[Piece] = (), slots: Slots | None = None
) -> tuple[bytes, list[int]]:
    """Return the frame of `body` with `pieces` as its bulk, and every descriptor that goes along.

    Takes `files` over: they are closed when this raises, which is BadMessage for what cannot be sent. Copies `pieces`,
    those of middling length into `slots` where there are some.
    """
    numbers = list(files)
    if len(pieces) > PIECES_LIMIT or len(numbers) + len(pieces) > DESCRIPTORS_LIMIT:
        close_all(numbers)
        raise BadMessage(f"{len(files)} files and {len(pieces)} pieces of bulk are too many for one frame")
    try:
        if numbers or pieces:
            bulk = tuple(_place(piece, numbers, slots) for piece in pieces)
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
            memoryview(piece) if isinstance(piece, bytes) else read_sealed(next(sealed), piece)
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


def read_sealed(number: int, length: int) -> memoryview:
    """Return the `length` bytes in memory file `number`, mapped or copied; the descriptor stays the caller's.

    Raises BadMessage when it is neither sealed against every change nor a slot.
    """
    if not HAS_SEALS:
        return memoryview(os.pread(number, length, 0))
    try:
        seals = fcntl.fcntl(number, fcntl.F_GET_SEALS)
    except OSError as error:
        raise BadMessage("bulk came in a descriptor that is no memory file") from error
    size = os.fstat(number).st_size
    if is_slot(seals, size, length):
        return memoryview(copy_out(number, length))
    if seals & _SEALS != _SEALS:
        raise BadMessage("bulk came in a memory file that is not sealed against change")
    if size != length:
        raise BadMessage(f"bulk of {length} bytes was declared, its memory file has {size}")
    # Linux before 6.7 refuses a shared mapping of a file sealed against writing, even one that only reads.
    return memoryview(mmap.mmap(number, length, flags=mmap.MAP_PRIVATE | mmap.MAP_POPULATE, prot=mmap.PROT_READ))


def _place(piece: Piece, numbers: list[int], slots: Slots | None) -> bytes | int:
    length = memoryview(piece).nbytes
    if length < BULK_FROM:
        return bytes(piece)
    if length > BULK_LIMIT:
        raise BadMessage(f"{length} bytes are more than {BULK_LIMIT}; send them as a file")
    number = slots.place(piece) if slots is not None else None
    numbers.append(seal(piece) if number is None else number)
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
