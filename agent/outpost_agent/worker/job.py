"""The `Job` that a handler sees in a worker: its files are descriptors that came with the order."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO, cast

from outpost_agent.worker.orders import Order
from outpost_sdk.handler import Input, Language, Outcome
from outpost_wire.errors import OutpostError

PROGRESS_EVERY_S = 0.2
READ_BUFFER = 256 * 1024


class BadName(OutpostError):
    """A handler asked for a file by something that is not a plain file name."""

    code = "bad_name"


class NoSuchParent(OutpostError):
    """A handler asked for a parent that its task does not have."""

    code = "no_such_parent"


class DescriptorJob:
    """Implements `outpost_sdk.handler.Job` over the descriptors of an order, which stay the caller's.

    `tell` is called with the progress, at most five times a second.
    """

    def __init__(self, order: Order, descriptors: Sequence[int], tell: Callable[[float], None]) -> None:
        self._order = order
        self._tell = tell
        self._told_at = -math.inf
        inputs = len(order.inputs)
        self._inputs = descriptors[:inputs]
        self._folder = descriptors[inputs]
        kinds = (parent.kind for parent in order.parents)
        self._parents = dict(zip(kinds, descriptors[inputs + 1 :], strict=True))
        self._created: set[str] = set()

    @property
    def params(self) -> Mapping[str, Any]:
        """Return what the task was given."""
        return self._order.params

    @property
    def language(self) -> Language:
        """Return the language of the person who asked."""
        return self._order.language

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return the files handed in, in order."""
        return self._order.inputs

    def open_input(self, index: int) -> BinaryIO:
        """Open input `index` for reading from its start."""
        return cast(BinaryIO, io.BufferedReader(_Positioned(self._inputs[index]), READ_BUFFER))

    def open_parent(self, kind: str, name: str) -> BinaryIO:
        """Open file `name` made by the parent task of `kind`; raises NoSuchParent, BadName or OSError."""
        if kind not in self._parents:
            raise NoSuchParent(f"this task has no parent of kind {kind!r}")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(checked_name(name), flags, dir_fd=self._parents[kind]), "rb", READ_BUFFER)

    def parent_data(self, kind: str) -> Mapping[str, Any]:
        """Return the `data` of the parent task of `kind`; raises NoSuchParent."""
        for parent in self._order.parents:
            if parent.kind == kind:
                return parent.data
        raise NoSuchParent(f"this task has no parent of kind {kind!r}")

    def create(self, name: str) -> BinaryIO:
        """Create file `name`, in place of what an earlier attempt left; raises BadName or OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        number = os.open(checked_name(name), flags, 0o600, dir_fd=self._folder)
        self._created.add(name)
        return os.fdopen(number, "w+b")

    def progress(self, done: float) -> None:
        """Say how much is done, from 0 to 1."""
        now = time.monotonic()
        if now - self._told_at >= PROGRESS_EVERY_S:
            self._told_at = now
            self._tell(min(1.0, max(0.0, done)))

    def settle(self, outcome: Outcome) -> None:
        """Put everything created on the disk; raises BadName when `outcome` names a file that was not created."""
        for file in outcome.files:
            if file.name not in self._created:
                raise BadName(f"the outcome names {file.name!r}, which was not created")
        for name in self._created:
            number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
            try:
                os.fsync(number)
            finally:
                os.close(number)
        os.fsync(self._folder)


def checked_name(name: str) -> str:
    """Return `name` if it names a file in a folder and nothing else; raises BadName."""
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(os.fsencode(name)) > 255:
        raise BadName(f"{name[:64]!r} is not a plain file name")
    return name


class _Positioned(io.RawIOBase):
    """Reads a descriptor at a position of its own, so that several readers of one descriptor do not disturb each other.

    Opening the file anew through /proc would do the same, but asks for rights that a sandboxed worker may lack.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        count = os.preadv(self._number, [buffer], self._position)
        self._position += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        if start is None:
            start = os.fstat(self._number).st_size
        if start + offset < 0:
            raise ValueError("a position before the start of the file")
        self._position = start + offset
        return self._position
