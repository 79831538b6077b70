"""The interface of a handler that computes: one function, run in a worker process.

A handler gets a `Job` and returns an `Outcome`. It reaches files only through the job: its inputs are opened for it,
its outputs are created in the task's own folder. It neither knows nor needs the daemon, so the same function runs in
a worker, from the command line and in a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Protocol

import msgspec

from outpost_wire.http import Language

__all__ = ["File", "Handler", "Input", "Job", "Language", "Outcome"]


class Input(msgspec.Struct, frozen=True):
    """A file handed to a handler: what it is called and how long it is in bytes (-1 when it cannot be known)."""

    name: str
    size: int = -1


class Job(Protocol):
    """One attempt of one task, as its handler sees it."""

    @property
    def params(self) -> Mapping[str, Any]:
        """Return what the task was given (plain JSON values)."""
        ...

    @property
    def language(self) -> Language:
        """Return the language of the person who asked."""
        ...

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return the files handed in, in order."""
        ...

    def open_input(self, index: int) -> BinaryIO:
        """Open input `index` for reading from its start; every call is a new, independent file object."""
        ...

    def open_parent(self, kind: str, name: str) -> BinaryIO:
        """Open file `name` made by the parent task of `kind`."""
        ...

    def parent_data(self, kind: str) -> Mapping[str, Any]:
        """Return the `data` of the parent task of `kind`."""
        ...

    def create(self, name: str) -> BinaryIO:
        """Create file `name` (no folders) in the task's folder, to be written and read back."""
        ...

    def progress(self, done: float) -> None:
        """Say how much is done, from 0 to 1; cheap to call often."""
        ...


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that a handler made; `attach` sends it along with the answer.

    One that `learns` is kept when the whole work is done, and given to the next task whose parameters name the same
    `source`, as its last input, with the parameter `has_model`.
    One of type "application/zstd" is handed out decompressed, under its name without ".zst"; `plain_bytes` is how long
    it then is.
    """

    name: str
    type: str
    attach: bool = False
    plain_bytes: int = 0
    learns: bool = False


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a handler gives back.

    `data` goes to dependent tasks and stays small (64 KiB). `title` and `report` (Markdown) make the task a result
    that is told to the person who asked and to the manager; `files` names what was created with `Job.create`.
    """

    data: Mapping[str, Any] = {}
    title: str = ""
    report: str = ""
    files: tuple[File, ...] = ()


Handler = Callable[[Job], Outcome]
