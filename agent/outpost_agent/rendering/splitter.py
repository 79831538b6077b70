"""Shares lines out over parts that each keep a platform's limits.

A part takes what fits. It ends at the best edge that leaves it at least a quarter of that: between blocks rather than
items, items rather than lines, lines rather than words. Only where there is no edge at all is a word cut, and then
between what people see as characters. Marks that are open at a cut are closed there and opened again in the next part,
because each part is written by itself. White space at a cut is lost, nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from outpost_agent.rendering.characters import Unit, character_edge, fitting, is_blank, length, word_edge
from outpost_agent.rendering.lines import Edge, Line, Marks, Run, shared

SMALLEST = 8
"""The least text limit that can be kept: half of it holds any character in any unit."""

_NO_LIMIT = 1 << 62
_LEAST_SHARE = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one part may hold: units of text and marks; 0 is no limit."""

    text: int = 0
    unit: Unit = "codepoint"
    marks: int = 0

    def __post_init__(self) -> None:
        if 0 < self.text < SMALLEST:
            raise ValueError(f"a text limit is 0 or at least {SMALLEST}")


@dataclass(frozen=True, slots=True)
class _Begin:
    """How much of a line fits: its first `text`, which takes `size` units and opens `marks` marks.

    Where that is not the whole line, `text` has one more character, which does not fit.
    """

    text: str
    size: int
    marks: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place where a part may end: before line `line` of it, or inside that line before character `at`.

    `size` is what the part then holds.
    """

    edge: Edge
    size: int
    line: int
    at: int = 0


def split(lines: Iterable[Line], limits: Limits) -> Iterator[tuple[Line, ...]]:
    """Give the parts of `lines`; none of them is without anything to see."""
    waiting = deque(_bounded(line, limits) for line in lines)
    while waiting:
        part = _trimmed(_take(waiting, limits))
        if part:
            yield part


def _take(waiting: deque[Line], limits: Limits) -> list[Line]:
    """Take the lines of one part off `waiting`."""
    most = limits.text or _NO_LIMIT
    most_marks = limits.marks or _NO_LIMIT
    taken: list[Line] = []
    cuts: list[_Cut] = []
    opened: Marks = ()
    size = marks = 0
    while waiting:
        line = waiting[0]
        if not taken and _is_blank(line):
            waiting.popleft()
            continue
        before = ((2 if line.gap else 1) if taken else 0) + length(line.lead, limits.unit)
        new_marks = len(line.marks) - shared(opened, line.marks)
        begin = _begin(line, most - size - before, most_marks - marks - new_marks, limits.unit)
        if taken:
            cuts.append(_Cut(line.edge, size, len(taken)))
        if not begin.is_whole:
            return _ended(taken, _best_cut(cuts, begin, size + before, limits.unit), waiting)
        taken.append(waiting.popleft())
        opened = line.marks
        size += before + begin.size
        marks += new_marks + begin.marks
    return taken


def _begin(line: Line, room: int, mark_room: int, unit: Unit) -> _Begin:
    """Return how much of `line` fits into `room` units and `mark_room` marks."""
    texts: list[str] = []
    opened: Marks = ()
    size = marks = 0
    is_started = room >= 0 and mark_room >= 0
    for run in line.runs:
        new_marks = len(run.marks) - shared(opened, run.marks)
        has_mark_room = is_started and marks + new_marks <= mark_room
        count = fitting(run.text, room - size, unit) if has_mark_room else 0
        if count < len(run.text):
            texts.append(run.text[: count + 1])
            return _Begin("".join(texts), size + length(run.text[:count], unit), marks + new_marks, is_whole=False)
        texts.append(run.text)
        opened = run.marks
        size += length(run.text, unit)
        marks += new_marks
    return _Begin("".join(texts), size, marks, is_whole=is_started)


def _best_cut(cuts: Sequence[_Cut], begin: _Begin, before: int, unit: Unit) -> _Cut:
    """Return the best place to end a part that is full.

    `cuts` are those before its second and later lines, the last of which does not fit; `begin` is how much of that
    would, after `before` units.
    """
    fits = len(begin.text) - 1
    full = before + begin.size if fits > 0 else cuts[-1].size
    word = word_edge(begin.text, fits)
    edges = [*cuts]
    if word:
        edges.append(_Cut(Edge.WORD, full - length(begin.text[word:fits], unit), len(cuts), word))
    good = [cut for cut in edges if cut.size * _LEAST_SHARE >= full]
    if good:
        return max(good, key=lambda cut: (cut.edge, cut.size))
    if edges:
        return edges[-1]
    return _Cut(Edge.WORD, full, 0, character_edge(begin.text, fits))


def _ended(taken: Sequence[Line], cut: _Cut, waiting: deque[Line]) -> list[Line]:
    """Return the part of `taken` that ends at `cut`; what comes after goes back to `waiting`."""
    waiting.extendleft(reversed(taken[cut.line :]))
    part = [*taken[: cut.line]]
    if cut.at:
        first, rest = _parted(waiting.popleft(), cut.at)
        part.append(first)
        waiting.appendleft(rest)
    return part


def _parted(line: Line, at: int) -> tuple[Line, Line]:
    """Return `line` up to character `at` and what is left of it, without the spaces in between."""
    index = 0
    while at >= len(line.runs[index].text):
        at -= len(line.runs[index].text)
        index += 1
    run = line.runs[index]
    first = (*line.runs[:index], Run(run.text[:at], run.marks))
    rest = (Run(run.text[at:], run.marks), *line.runs[index + 1 :])
    return replace(line, runs=first), replace(line, runs=_without_first_spaces(rest), lead=line.hang)


def _trimmed(part: Sequence[Line]) -> tuple[Line, ...]:
    """Return `part` without what nobody sees at its beginning and its end."""
    seen = [index for index, line in enumerate(part) if not _is_blank(line)]
    if not seen:
        return ()
    *lines, last = part[seen[0] : seen[-1] + 1]
    return (*lines, replace(last, runs=_without_last_spaces(last.runs)))


def _without_first_spaces(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    for index, run in enumerate(runs):
        text = run.text.lstrip(" ")
        if text:
            return (Run(text, run.marks), *runs[index + 1 :])
    return ()


def _without_last_spaces(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    for index in range(len(runs) - 1, -1, -1):
        text = runs[index].text.rstrip(" ")
        if text:
            return (*runs[:index], Run(text, runs[index].marks))
    return ()


def _is_blank(line: Line) -> bool:
    return is_blank(line.lead) and all(is_blank(run.text) for run in line.runs)


def _bounded(line: Line, limits: Limits) -> Line:
    """Return `line` without what leaves no room in a part for a single character of it."""
    longest = max(length(line.lead, limits.unit), length(line.hang, limits.unit))
    if limits.text and longest > limits.text // 2:
        line = replace(line, lead="", hang="")
    deepest = len(line.marks) + max((len(run.marks) for run in line.runs), default=0)
    if limits.marks and deepest > limits.marks:
        marks = line.marks[: limits.marks]
        room = limits.marks - len(marks)
        line = replace(line, marks=marks, runs=tuple(Run(run.text, run.marks[:room]) for run in line.runs))
    return line
