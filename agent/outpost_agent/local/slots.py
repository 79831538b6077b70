"""Memory files that a connection uses again and again, for byte strings of middling length.

A fresh sealed file costs its pages anew each time: 1 ms of CPU for 1 MiB there and mapped, against 0.13 ms for writing
into pages that exist and copying out of them. The sender keeps them mapped: a quarter of the time of pwrite(2).
A slot's size is sealed, its content is not, so a receiver must never map one: it copies what it was sent, and what the
sender writes later is no concern of its. The first byte of a slot says whether the receiver has copied; it sets it, so
that no message back is needed. A receiver that never does costs the sender its slots and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import sys

SLOT_LIMIT = 2 * 1024 * 1024
SLOTS = 2

Piece = bytes | bytearray | memoryview

_HEADER = 4096
_SIZE = _HEADER + SLOT_LIMIT
_COPIED, _IN_USE = 1, 0
HAS_SEALS = sys.platform == "linux"
if HAS_SEALS:
    _SEALED_SIZE = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Slots:
    """The slots of one connection's sending side."""

    def __init__(self) -> None:
        self._slots: list[_Slot] = []
        self._is_closed = not HAS_SEALS

    def place(self, data: Piece) -> int | None:
        """Return a new descriptor of a slot that holds `data`, or None when there is none for it.

        That is so when `data` is too long, every slot is in use, or this is closed.
        """
        length = memoryview(data).nbytes
        if self._is_closed or length > SLOT_LIMIT:
            return None
        slot = self._free()
        if slot is None:
            return None
        slot.memory[0] = _IN_USE
        slot.memory[_HEADER : _HEADER + length] = data
        return os.dup(slot.number)

    def close(self) -> None:
        """Give the memory back; nothing can be placed any more."""
        self._is_closed = True
        for slot in self._slots:
            slot.close()
        self._slots.clear()

    def _free(self) -> _Slot | None:
        for slot in self._slots:
            if slot.memory[0] == _COPIED:
                return slot
        if len(self._slots) == SLOTS:
            return None
        slot = _Slot()
        self._slots.append(slot)
        return slot


class _Slot:
    """One memory file and its mapping."""

    def __init__(self) -> None:
        self.number = os.memfd_create("outpost-slot", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.number, _SIZE)
            fcntl.fcntl(self.number, fcntl.F_ADD_SEALS, _SEALED_SIZE)
            self.memory = mmap.mmap(self.number, _SIZE)
        except BaseException:
            os.close(self.number)
            raise

    def close(self) -> None:
        self.memory.close()
        os.close(self.number)


def is_slot(seals: int, size: int, length: int) -> bool:
    """Say whether a memory file with these seals and this size is a slot that may hold `length` bytes."""
    return seals == _SEALED_SIZE and size == _SIZE and length <= SLOT_LIMIT


def copy_out(number: int, length: int) -> bytes:
    """Return a copy of the `length` bytes in slot `number`, and let the sender have it back."""
    data = os.pread(number, length, _HEADER)
    with contextlib.suppress(OSError):  # a sender that gave no right to write does not want it back
        os.pwrite(number, bytes((_COPIED,)), 0)
    return data
