"""Tables for platforms that have none: as aligned literal lines, or as a list with a label before each value."""

from __future__ import annotations

from itertools import zip_longest

from outpost_agent.rendering.characters import clean, columns, is_blank
from outpost_wire.document import (
    Align,
    Block,
    Break,
    Cell,
    CodeBlock,
    Image,
    Inline,
    Item,
    Link,
    ListBlock,
    Paragraph,
    Row,
    Table,
    Text,
    plain,
)

WIDEST = 40
"""How many columns of literal text a phone shows without wrapping."""

_BETWEEN = "  "


def as_literal(table: Table) -> CodeBlock | None:
    """Return the table as aligned lines, or None where it is too wide or holds links, which literal text cannot."""
    rows = (table.header, *table.rows)
    if any(_has_link(cell.children) for row in rows for cell in row.cells):
        return None
    texts = [[_one_line(cell) for cell in row.cells] for row in rows]
    count = max(map(len, texts))
    texts = [[*row, *[""] * (count - len(row))] for row in texts]
    widths = [max(columns(row[column]) for row in texts) for column in range(count)]
    if sum(widths) + len(_BETWEEN) * (count - 1) > WIDEST:
        return None
    unaligned: tuple[Align, ...] = ("",)
    align = table.align + unaligned * count
    header, *body = (_BETWEEN.join(map(_padded, row, widths, align)).rstrip() for row in texts)
    above = [] if is_blank(header) else [header, _BETWEEN.join("-" * width for width in widths)]
    return CodeBlock("\n".join([*above, *body]))


def as_list(table: Table) -> Block:
    """Return the table as a list of its rows, each value on a line of its own after its column's label.

    In a table of two columns without labels, the first value is the label of the second.
    """
    labels = table.header.cells
    if not table.rows:
        return Paragraph(_separated([cell.children for cell in labels], Text(", ")))
    if len(labels) == 2 and all(map(_is_empty, labels)):
        return ListBlock(tuple(Item((Paragraph(_pair(row)),)) for row in table.rows))
    return ListBlock(tuple(Item((Paragraph(_labelled(row, labels)),)) for row in table.rows))


def _pair(row: Row) -> tuple[Inline, ...]:
    return _separated([cell.children for cell in row.cells if not _is_empty(cell)], Text(": "))


def _labelled(row: Row, labels: tuple[Cell, ...]) -> tuple[Inline, ...]:
    lines: list[tuple[Inline, ...]] = []
    for label, cell in zip_longest(labels, row.cells, fillvalue=Cell(())):
        if not _is_empty(label):
            value = (Text("–"),) if _is_empty(cell) else cell.children
            lines.append((*label.children, Text(": "), *value))
        elif not _is_empty(cell):
            lines.append(cell.children)
    return _separated(lines, Break())


def _separated(pieces: list[tuple[Inline, ...]], separator: Inline) -> tuple[Inline, ...]:
    nodes: list[Inline] = []
    for piece in pieces:
        if nodes:
            nodes.append(separator)
        nodes.extend(piece)
    return tuple(nodes)


def _is_empty(cell: Cell) -> bool:
    return is_blank(plain(cell.children)) and not _has_link(cell.children)


def _has_link(nodes: tuple[Inline, ...]) -> bool:
    return any(isinstance(node, Link | Image) or _has_link(getattr(node, "children", ())) for node in nodes)


def _one_line(cell: Cell) -> str:
    return " ".join(clean(plain(cell.children)).split())


def _padded(text: str, width: int, align: Align) -> str:
    missing = width - columns(text)
    before = {"right": missing, "center": missing // 2}.get(align, 0)
    return " " * before + text + " " * (missing - before)
