"""Open descriptors that travel over a Unix socket (SCM_RIGHTS, unix(7)), and who must close them.

Whoever holds a number in a `Descriptors` need not think of it: what is not taken out is closed with it.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from outpost_wire.errors import BadMessage
from outpost_wire.frames import DESCRIPTORS_LIMIT

READ_SIZE = 64 * 1024

_NUMBER_SIZE = array.array("i").itemsize
_ANCILLARY_SIZE = socket.CMSG_SPACE(DESCRIPTORS_LIMIT * _NUMBER_SIZE)
# Python sets no close-on-exec flag on descriptors that arrive; without it a child started meanwhile would inherit them.
_CLOSE_ON_EXEC = int(getattr(socket, "MSG_CMSG_CLOEXEC", 0))
_TRUNCATED = int(socket.MSG_CTRUNC)  # as a plain number: the flag type of the enum costs 4 µs for each read
_MAC_LOCAL_PEERCRED = 1


class Descriptors(Sequence[int]):
    """Numbers of open descriptors, closed together; `take` hands one over to the caller."""

    __slots__ = ("_numbers", "_taken")

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = tuple(numbers)
        self._taken: set[int] = set()

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # the two signatures of Sequence add nothing here
        return self._numbers[index]

    def __len__(self) -> int:
        return len(self._numbers)

    def take(self, index: int) -> int:
        """Return descriptor `index`, which is now the caller's to close."""
        number = self._numbers[index]
        self._taken.add(number)
        return number

    def close(self) -> None:
        """Close what was not taken; may be called again."""
        if self._numbers:
            close_all(number for number in self._numbers if number not in self._taken)
            self._taken.update(self._numbers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def close_all(numbers: Iterable[int]) -> None:
    """Close each of `numbers`, all of them even when one fails."""
    for number in numbers:
        with contextlib.suppress(OSError):
            os.close(number)


def duplicates(numbers: Iterable[int]) -> list[int]:
    """Return a new descriptor for each of `numbers`; makes all or none."""
    made: list[int] = []
    try:
        for number in numbers:
            made.append(os.dup(number))  # noqa: PERF401 - what was made so far must be known when one fails
    except OSError:
        close_all(made)
        raise
    return made


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """Read once from `connection`: bytes, none at its end, and the descriptors that came along, now the caller's.

    Raises BadMessage when descriptors were lost, because more came than allowed or this process has too many open.
    """
    data, ancillary, flags, _ = connection.recvmsg(READ_SIZE, _ANCILLARY_SIZE, _CLOSE_ON_EXEC)
    if not ancillary and not flags & _TRUNCATED:
        return data, []
    numbers = list(_numbers_in(ancillary))
    if flags & _TRUNCATED:
        close_all(numbers)
        raise BadMessage("descriptors were lost on the way: too many came, or too many files are open here")
    if not _CLOSE_ON_EXEC:
        for number in numbers:
            os.set_inheritable(number, False)
    return data, numbers


def send(connection: socket.socket, data: bytes | memoryview, numbers: Sequence[int] = ()) -> int:
    """Write once to `connection` and return how many bytes went; descriptors go with the first of them."""
    if not numbers:
        return connection.send(data)
    return connection.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers))])


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process that connected (SO_PEERCRED; LOCAL_PEERCRED on macOS)."""
    if sys.platform == "darwin":
        credentials = connection.getsockopt(0, _MAC_LOCAL_PEERCRED, 8)
        _, uid = struct.unpack("=II", credentials)
    else:
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        _, uid, _ = struct.unpack("=iII", credentials)
    return int(uid)


def _numbers_in(ancillary: list[tuple[int, int, bytes]]) -> Iterator[int]:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(data[: len(data) - len(data) % _NUMBER_SIZE])
            yield from numbers
