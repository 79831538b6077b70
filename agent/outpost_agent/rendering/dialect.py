"""What a platform's mark-up can say, and the writing of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from outpost_agent.rendering.lines import Kind, Mark, Marks, Run, shared


class Dialect(Protocol):
    """One platform's mark-up.

    What a dialect has no mark for is said in characters instead: a quote by `> `, a link by its address after it, a
    table by `label: value`.
    """

    @property
    def kinds(self) -> frozenset[Kind]:
        """Return the kinds of marks there are."""
        ...

    @property
    def schemes(self) -> tuple[str, ...]:
        """Return what the address of a link may begin with."""
        ...

    def under(self, marks: Marks, mark: Mark) -> Marks:
        """Return the marks of text that is under `marks` and under `mark`, which is one of `kinds`, as well.

        Where the platform does not let them stand together, one gives way.
        """
        ...

    def text(self, text: str) -> str:
        """Return `text` so that the platform shows the same characters."""
        ...

    def opening(self, mark: Mark) -> str:
        """Return what begins `mark`."""
        ...

    def closing(self, mark: Mark) -> str:
        """Return what ends `mark`."""
        ...


def write(runs: Iterable[Run], dialect: Dialect) -> str:
    """Return `runs` in the mark-up of `dialect`; every mark that is opened is closed, innermost first."""
    written: list[str] = []
    opened: Marks = ()
    for run in runs:
        kept = shared(opened, run.marks)
        written += [dialect.closing(mark) for mark in reversed(opened[kept:])]
        written += [dialect.opening(mark) for mark in run.marks[kept:]]
        written.append(dialect.text(run.text))
        opened = run.marks
    written += [dialect.closing(mark) for mark in reversed(opened)]
    return "".join(written)
