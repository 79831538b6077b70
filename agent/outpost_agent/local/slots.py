"""Memory files that a connection uses again and again, for byte strings of middling length.

A fresh sealed file costs its pages anew each time: 1 ms of CPU for 1 MiB there and mapped, against 0.2 ms for writing
into pages that exist and copying out of them. A slot's size is sealed, its content is not, so a receiver must never map
one: it copies what it was sent, and what the sender writes later is no concern of its. The first byte of a slot says
whether the receiver has copied; it sets it, so that no message back is needed. A receiver that never does costs the
sender its slots and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys

SLOT_LIMIT = 2 * 1024 * 1024
SLOTS = 2

Piece = bytes | bytearray | memoryview

_HEADER = 4096
_SIZE = _HEADER + SLOT_LIMIT
_COPIED, _IN_USE = b"\1", b"\0"
HAS_SEALS = sys.platform == "linux"
if HAS_SEALS:
    _SEALED_SIZE = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Slots:
    """The slots of one connection's sending side."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._is_closed = not HAS_SEALS

    def place(self, data: Piece) -> int | None:
        """Return a new descriptor of a slot that holds `data`, or None when there is none for it.

        That is so when `data` is too long, every slot is in use, or this is closed.
        """
        if self._is_closed or memoryview(data).nbytes > SLOT_LIMIT:
            return None
        number = self._free()
        if number is None:
            return None
        os.pwrite(number, _IN_USE, 0)
        os.pwrite(number, data, _HEADER)
        return os.dup(number)

    def close(self) -> None:
        """Give the memory back; nothing can be placed any more."""
        self._is_closed = True
        for number in self._numbers:
            os.close(number)
        self._numbers.clear()

    def _free(self) -> int | None:
        for number in self._numbers:
            if os.pread(number, 1, 0) == _COPIED:
                return number
        if len(self._numbers) == SLOTS:
            return None
        number = os.memfd_create("outpost-slot", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._numbers.append(number)
        os.ftruncate(number, _SIZE)
        fcntl.fcntl(number, fcntl.F_ADD_SEALS, _SEALED_SIZE)
        return number


def is_slot(seals: int, size: int, length: int) -> bool:
    """Say whether a memory file with these seals and this size is a slot that may hold `length` bytes."""
    return seals == _SEALED_SIZE and size == _SIZE and length <= SLOT_LIMIT


def copy_out(number: int, length: int) -> bytes:
    """Return a copy of the `length` bytes in slot `number`, and let the sender have it back."""
    data = os.pread(number, length, _HEADER)
    with contextlib.suppress(OSError):  # a sender that gave no right to write does not want it back
        os.pwrite(number, _COPIED, 0)
    return data
