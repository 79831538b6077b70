"""The inverse of the Markdown parser, by which its tests know what it should read."""

from __future__ import annotations

import re

from outpost_agent.markdown import escape
from outpost_wire.document import (
    Block,
    Break,
    Button,
    Buttons,
    Cell,
    CodeBlock,
    CodeSpan,
    Document,
    Emphasis,
    Heading,
    Image,
    Inline,
    Item,
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


def to_markdown(document: Document) -> str:
    """Return Markdown that `parse_markdown` reads as `document`; buttons become their commands."""
    return "\n\n".join(_write_block(block) for block in document.blocks)


def _write_block(block: Block) -> str:
    match block:
        case Paragraph(children):
            return _write_line(children)
        case Heading(level, children):
            return f"{'#' * level} {_write_line(children)}"
        case ListBlock(items, ordered, start):
            return "\n".join(
                _indent(f"{start + index}. " if ordered else "- ", item) for index, item in enumerate(items)
            )
        case CodeBlock(text, language):
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text) or [""]))
            return f"{fence}{language}\n{text}\n{fence}"
        case Quote(children):
            inner = "\n\n".join(_write_block(child) for child in children)
            return "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))
        case Table():
            return _write_table(block)
        case Rule():
            return "---"
        case Buttons(buttons):
            return " · ".join(_write_button(button) for button in buttons)


def _indent(marker: str, item: Item) -> str:
    inner = "\n\n".join(_write_block(child) for child in item.children)
    return marker + inner.replace("\n", "\n" + " " * len(marker))


def _write_button(button: Button) -> str:
    return _code(button.command)


def _write_table(table: Table) -> str:
    rules = {"left": ":--", "right": "--:", "center": ":-:", "": "---"}
    align = table.align or ("",) * len(table.header.cells)
    lines = [table.header, *table.rows]
    written = [" | ".join(_write_cell(cell) for cell in row.cells) for row in lines]
    written.insert(1, " | ".join(rules[column] for column in align))
    return "\n".join(f"| {line} |" for line in written)


def _write_cell(cell: Cell) -> str:
    parts = (
        _code(node.text.replace("|", r"\|")) if isinstance(node, CodeSpan) else _write_inline(node)
        for node in cell.children
    )
    return "".join(parts).replace("\\\n", " ").replace("\n", " ")


def _write_line(nodes: tuple[Inline, ...]) -> str:
    return "".join(_write_inline(node) for node in nodes)


def _write_inline(node: Inline) -> str:
    match node:
        case Text(text):
            return escape(text)
        case CodeSpan(text):
            return _code(text)
        case Strong(children):
            return f"**{_write_line(children)}**"
        case Emphasis(children):
            return f"*{_write_line(children)}*"
        case Strike(children):
            return f"~~{_write_line(children)}~~"
        case Link(href, children):
            return f"[{_write_line(children)}](<{href.replace('>', '%3E')}>)"
        case Image(source, alt):
            return f"![{escape(alt)}](<{source.replace('>', '%3E')}>)"
        case Break():
            return "\\\n"


def _code(text: str) -> str:
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{padding}{text}{padding}{fence}"
