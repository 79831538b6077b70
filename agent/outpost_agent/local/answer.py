"""What a call gives back: a value, and with it files and bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from outpost_agent.local.bulk import unpack
from outpost_agent.local.descriptors import Descriptors, close_all
from outpost_agent.local.slots import Piece
from outpost_wire.errors import BadMessage
from outpost_wire.frames import Frame


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method returns when a value alone is not enough.

    `files` are descriptors that the server sends and closes; `bulk` are byte strings of any length.
    """

    value: Any = None
    files: Sequence[int] = ()
    bulk: Sequence[Piece] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets: used in a `with`, after which the files that were not taken are closed."""

    value: Any
    files: Descriptors = field(default_factory=Descriptors)
    bulk: tuple[memoryview, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.files.close()


def answer_of(frame: Frame) -> Answer:
    """Return the answer in a frame with a result; raises BadMessage, having closed what came along."""
    if not frame.body.descriptors and not frame.body.bulk:
        return Answer(frame.body.result)
    try:
        return Answer(frame.body.result, Descriptors(frame.files), unpack(frame))
    except BadMessage:
        close_all(frame.files)
        raise
