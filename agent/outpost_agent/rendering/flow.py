"""A document laid out as lines: what is a block becomes places for cuts, what is emphasis becomes marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from outpost_agent.rendering import tables
from outpost_agent.rendering.characters import clean, is_blank
from outpost_agent.rendering.dialect import Dialect
from outpost_agent.rendering.lines import Edge, Kind, Line, Mark, Marks, Run
from outpost_wire.document import (
    Block,
    Break,
    Buttons,
    CodeBlock,
    CodeSpan,
    Document,
    Emphasis,
    Heading,
    Image,
    Inline,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Rule,
    Strike,
    Strong,
    Table,
    Text,
)

_BULLETS = "•◦▪"
_INDENT = "    "
_QUOTED = "> "
_DEEPEST = 5
_RULE = "─" * 10
_TAB = 4
_HIGHEST_NUMBER = 999_999_999
_ABSOLUTE = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,2000}", re.IGNORECASE)


def lay_out(document: Document, dialect: Dialect) -> list[Line]:
    """Return the lines of `document`, under the marks that `dialect` has. Buttons are not part of them.

    Blocks may nest some 300 deep; the Markdown parser stops at 20.
    """
    flow = _Flow(dialect)
    flow.add(document.blocks, _Place())
    return flow.lines


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the tree blocks stand: what is around each of their lines, and what is between two of them."""

    hang: str = ""
    marks: Marks = ()
    edge: Edge = Edge.BLOCK
    gap: bool = True
    quotes: int = 0
    lists: int = 0


class _Flow:
    """Lays out blocks one after the other.

    `_lead` is a bullet that waits for the first line of its item; `_due` is what comes before the next line: the
    first wish since the last line counts, which is that of the outermost block.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.lines: list[Line] = []
        self._dialect = dialect
        self._lead: str | None = None
        self._due: tuple[Edge, bool] | None = None
        self._blocks = 0

    def add(self, blocks: Iterable[Block], place: _Place) -> None:
        is_below_heading = False
        for block in blocks:
            self._space(*((Edge.LINE, False) if is_below_heading else (place.edge, place.gap)))
            self._add_one(block, place)
            is_below_heading = isinstance(block, Heading)

    def _add_one(self, block: Block, place: _Place) -> None:
        match block:
            case Paragraph(children):
                self._text(children, place)
            case Heading(children=children):
                self._text(children, place, Mark(Kind.STRONG))
            case ListBlock():
                self._list(block, place)
            case CodeBlock(text, language):
                self._literal(text, language, place)
            case Quote(children):
                self._quote(children, place)
            case Table():
                self._table(block, place)
            case Rule():
                self._emit((Run(_RULE),), place)
            case Buttons():
                pass

    def _text(self, nodes: tuple[Inline, ...], place: _Place, mark: Mark | None = None) -> None:
        marks = self._under((), mark) if mark else ()
        lines: list[list[Run]] = [[]]
        for run in self._runs(nodes, marks):
            if run is None:
                lines.append([])
            else:
                lines[-1].append(run)
        if any(not is_blank(run.text) for line in lines for run in line):
            for line in lines:
                self._emit(tuple(line), place)

    def _list(self, block: ListBlock, place: _Place) -> None:
        self._end_lead(place)
        indent = _INDENT if place.lists < _DEEPEST else ""
        edge = min(place.edge, Edge.ITEM if place.lists == 0 else Edge.LINE)
        inside = replace(place, hang=place.hang + indent, edge=Edge.LINE, gap=False, lists=place.lists + 1)
        number = block.start
        for item in block.items:
            self._space(edge, gap=False)
            self._lead = place.hang + (_numbered(number) if block.ordered else _bullet(place.lists))
            self.add(item.children, inside)
            self._end_lead(inside)
            number += 1

    def _literal(self, text: str, language: str, place: _Place) -> None:
        shown = clean(text).expandtabs(_TAB).strip("\n")
        if is_blank(shown):
            return
        self._end_lead(place)
        if Kind.LITERAL in self._dialect.kinds:
            place = replace(place, hang="", marks=(*place.marks, self._block(Kind.LITERAL, language)))
        for line in shown.split("\n"):
            self._emit((Run(line),), place)

    def _quote(self, blocks: tuple[Block, ...], place: _Place) -> None:
        self._end_lead(place)
        is_marked = Kind.QUOTE in self._dialect.kinds and place.quotes == 0
        prefix = _QUOTED if not is_marked and place.quotes < _DEEPEST else ""
        self.add(
            blocks,
            replace(
                place,
                hang="" if is_marked else place.hang + prefix,
                marks=(*place.marks, self._block(Kind.QUOTE)) if is_marked else place.marks,
                edge=min(place.edge, Edge.ITEM),
                quotes=place.quotes + 1,
            ),
        )

    def _table(self, table: Table, place: _Place) -> None:
        literal = tables.as_literal(table) if Kind.LITERAL in self._dialect.kinds else None
        self._add_one(literal or tables.as_list(table), place)

    def _space(self, edge: Edge, gap: bool) -> None:
        if self._due is None:
            self._due = (edge, gap)

    def _end_lead(self, place: _Place) -> None:
        """Give a bullet whose item does not begin with text a line of its own."""
        if self._lead is not None:
            self._lead = self._lead.rstrip()
            self._emit((), place)

    def _emit(self, runs: tuple[Run, ...], place: _Place) -> None:
        edge, gap = self._due or (Edge.LINE, False)
        lead = place.hang if self._lead is None else self._lead
        seen = tuple(run for run in runs if run.text)
        self.lines.append(Line(seen, lead=lead, hang=place.hang, marks=place.marks, edge=edge, gap=gap))
        self._due = self._lead = None

    def _block(self, kind: Kind, value: str = "") -> Mark:
        self._blocks += 1
        return Mark(kind, value, self._blocks)

    def _runs(self, nodes: tuple[Inline, ...], marks: Marks) -> Iterator[Run | None]:
        """Give the runs of `nodes`, and None for each line break.

        Keeps a stack of its own, so that no depth of nesting is too deep.
        """
        inside = [(iter(nodes), marks)]
        while inside:
            siblings, marks = inside[-1]
            match next(siblings, None):
                case None:
                    inside.pop()
                case Text(text):
                    yield Run(_in_line(text), marks)
                case CodeSpan(text):
                    yield Run(_in_line(text), self._under(marks, Mark(Kind.CODE)))
                case Break():
                    yield None
                case Image(src, alt):
                    shown = Text(_shown_address(src) if is_blank(alt) else alt)
                    inside.append(self._link(src, (shown,), marks))
                case Link(href, children):
                    inside.append(self._link(href, children, marks))
                case Strong(children):
                    inside.append((iter(children), self._under(marks, Mark(Kind.STRONG))))
                case Emphasis(children):
                    inside.append((iter(children), self._under(marks, Mark(Kind.EMPHASIS))))
                case Strike(children):
                    inside.append((iter(children), self._under(marks, Mark(Kind.STRIKE))))

    def _link(self, href: str, children: tuple[Inline, ...], marks: Marks) -> tuple[Iterator[Inline], Marks]:
        """Return what is said of a link: its text under a mark or, in characters, its text and its address."""
        address = _shown_address(href)
        if address and href.lower().startswith(self._dialect.schemes):
            return iter(children), self._under(marks, Mark(Kind.LINK, href))
        if address and children != (Text(address),):
            return iter((*children, Text(f" ({address})"))), marks
        return iter(children), marks

    def _under(self, marks: Marks, mark: Mark) -> Marks:
        return self._dialect.under(marks, mark) if mark.kind in self._dialect.kinds else marks


def _in_line(text: str) -> str:
    return clean(text).replace("\n", " ")


def _shown_address(href: str) -> str:
    """Return an absolute address as people write it; "" for a path on the device, which leads nowhere from outside."""
    return href.removeprefix("mailto:") if _ABSOLUTE.fullmatch(href) else ""


def _numbered(number: int) -> str:
    return f"{min(max(number, 0), _HIGHEST_NUMBER)}. "


def _bullet(depth: int) -> str:
    return f"{_BULLETS[min(depth, len(_BULLETS) - 1)]} "
