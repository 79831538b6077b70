"""A document laid out as lines, before it is cut into parts and before any platform's mark-up.

A line is a row of runs; a run is text under the same marks, outermost first. What encloses whole lines, a quote or a
block of code, stands in the line's own marks, so that line breaks between two lines of one block lie inside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, IntEnum, auto

import msgspec


class Kind(Enum):
    """What a mark says about the text under it."""

    STRONG = auto()
    EMPHASIS = auto()
    STRIKE = auto()
    CODE = auto()
    LINK = auto()
    LITERAL = auto()
    QUOTE = auto()


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A mark; `value` is the address of a link or the language of literal lines.

    `block` tells the marks of neighbouring blocks apart, which would otherwise be taken for one.
    """

    kind: Kind
    value: str = ""
    block: int = 0


Marks = tuple[Mark, ...]


class Run(msgspec.Struct, frozen=True, gc=False):
    """Text under the same marks; one line of it."""

    text: str
    marks: Marks = ()


class Edge(IntEnum):
    """How good a place is for a part to end, from bad to good."""

    WORD = auto()
    LINE = auto()
    ITEM = auto()
    BLOCK = auto()


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line. `edge` is how good a place for a cut is before it; `gap` asks for an empty line there.

    `lead` (a bullet, an indentation) stands before the runs, `hang` before what is left of the line after a cut. The
    marks of the runs come inside `marks`.
    """

    runs: tuple[Run, ...]
    lead: str = ""
    hang: str = ""
    marks: Marks = ()
    edge: Edge = Edge.LINE
    gap: bool = False


def shared(one: Marks, other: Marks) -> int:
    """Return how many marks, from the outermost, both have."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def joined(lines: Sequence[Line]) -> Iterator[Run]:
    """Give what `lines` hold as one row of runs, with the line breaks between them as text."""
    before: Line | None = None
    for line in lines:
        if before is not None:
            yield Run("\n\n" if line.gap else "\n", line.marks[: shared(before.marks, line.marks)])
        yield from _seen((Run(line.lead),), line.marks)
        yield from _seen(line.runs, line.marks)
        before = line


def _seen(runs: Iterable[Run], marks: Marks) -> Iterator[Run]:
    return (Run(run.text, marks + run.marks) for run in runs if run.text)
