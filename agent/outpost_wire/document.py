"""The neutral document tree: what is said in a chat, before any platform's mark-up.

A document is a tuple of blocks; blocks hold inlines. The tree is written as JSON with a `t` field per node and is
drawn by a renderer per platform; nothing in it is mark-up, so a renderer never has to trust a string.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Node(msgspec.Struct, frozen=True, tag_field="t", omit_defaults=True):
    """A node of the tree; `t` tells which."""


class Text(Node, frozen=True, tag="text"):
    """Characters as they are."""

    text: str


class Strong(Node, frozen=True, tag="strong"):
    """Strong emphasis."""

    children: tuple[Inline, ...]


class Emphasis(Node, frozen=True, tag="em"):
    """Emphasis."""

    children: tuple[Inline, ...]


class Strike(Node, frozen=True, tag="strike"):
    """Struck out."""

    children: tuple[Inline, ...]


class CodeSpan(Node, frozen=True, tag="code"):
    """Literal text within a line."""

    text: str


class Link(Node, frozen=True, tag="link"):
    """A link; `href` is http, https, mailto or a path on the same host."""

    href: str
    children: tuple[Inline, ...]


class Image(Node, frozen=True, tag="image"):
    """A picture; `src` is http, https or a path on the same host."""

    src: str
    alt: str = ""


class Break(Node, frozen=True, tag="br"):
    """A line break inside a paragraph."""


Inline = Text | Strong | Emphasis | Strike | CodeSpan | Link | Image | Break


class Paragraph(Node, frozen=True, tag="p"):
    """A paragraph."""

    children: tuple[Inline, ...]


class Heading(Node, frozen=True, tag="h"):
    """A heading of level 1 to 6."""

    level: int
    children: tuple[Inline, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.level <= 6:
            raise ValueError("heading level is 1 to 6")


class Item(Node, frozen=True, tag="li"):
    """One item of a list."""

    children: tuple[Block, ...]


class ListBlock(Node, frozen=True, tag="list"):
    """A list; numbered from `start` when `ordered`."""

    items: tuple[Item, ...]
    ordered: bool = False
    start: int = 1


class CodeBlock(Node, frozen=True, tag="pre"):
    """Literal lines; `language` names their language when known."""

    text: str
    language: str = ""


class Quote(Node, frozen=True, tag="quote"):
    """What somebody else said."""

    children: tuple[Block, ...]


Align = Literal["left", "right", "center", ""]


class Cell(Node, frozen=True, tag="td"):
    """One cell of a table."""

    children: tuple[Inline, ...]


class Row(Node, frozen=True, tag="tr"):
    """One row of a table."""

    cells: tuple[Cell, ...]


class Table(Node, frozen=True, tag="table"):
    """A table: `align` has one entry per column and every row has as many cells."""

    header: Row
    rows: tuple[Row, ...]
    align: tuple[Align, ...] = ()


class Rule(Node, frozen=True, tag="hr"):
    """A line between two parts."""


class Button(Node, frozen=True, tag="button"):
    """A choice offered; pressing it sends `command` as a message."""

    label: str
    command: str


class Buttons(Node, frozen=True, tag="buttons"):
    """A row of choices."""

    buttons: tuple[Button, ...]


Block = Paragraph | Heading | ListBlock | CodeBlock | Quote | Table | Rule | Buttons


class Document(msgspec.Struct, frozen=True):
    """What is said: a sequence of blocks."""

    blocks: tuple[Block, ...] = ()


def plain(nodes: tuple[Inline, ...]) -> str:
    """Return the characters of `nodes` without any emphasis; a picture gives its alternative text."""
    parts = []
    for node in nodes:
        match node:
            case Text(text) | CodeSpan(text):
                parts.append(text)
            case Image(alt=alt):
                parts.append(alt)
            case Break():
                parts.append("\n")
            case _:
                parts.append(plain(node.children))
    return "".join(parts)
