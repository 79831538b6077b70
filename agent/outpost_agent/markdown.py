"""Markdown (CommonMark with tables and strikethrough) to the document tree.

HTML in the source stays text. A link or a picture with an address that is not http, https, mailto or a path on the
same host becomes its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from outpost_wire.document import (
    Align,
    Block,
    Break,
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
    Row,
    Rule,
    Strike,
    Strong,
    Table,
    Text,
)

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

SOURCE_LIMIT = 512 * 1024
_SAFE_ADDRESS = re.compile(r"(?:https?://|mailto:|/(?!/))[^\s\x00-\x1f]*", re.IGNORECASE)
_ALIGN: dict[str, Align] = {"text-align:left": "left", "text-align:right": "right", "text-align:center": "center"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#&])")
_LINE_START = re.compile(r"^(\s*\d*)([-+=.)])", re.MULTILINE)


def parse_markdown(source: str) -> Document:
    """Return the document that `source` describes; what is beyond SOURCE_LIMIT characters is left out."""
    from markdown_it.tree import SyntaxTreeNode  # noqa: PLC0415 - costs 3 MB, paid when the first text needs it

    root = SyntaxTreeNode(_parser().parse(source[:SOURCE_LIMIT]))
    return Document(_blocks(root.children))


def is_safe_address(address: str) -> bool:
    """Say whether `address` may stand in a link or a picture."""
    return _SAFE_ADDRESS.fullmatch(address) is not None


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
    parser.disable(["html_block", "html_inline"])
    return parser


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> tuple[Block, ...]:
    return tuple(block for node in nodes for block in _block(node))


def _block(node: SyntaxTreeNode) -> tuple[Block, ...]:
    match node.type:
        case "paragraph":
            return (Paragraph(_inlines(node.children)),)
        case "heading":
            return (Heading(int(node.tag[1]), _inlines(node.children)),)
        case "bullet_list" | "ordered_list":
            items = tuple(Item(_blocks(item.children)) for item in node.children)
            ordered = node.type == "ordered_list"
            return (ListBlock(items, ordered=ordered, start=int(node.attrs.get("start", 1)) if ordered else 1),)
        case "fence" | "code_block":
            return (CodeBlock(node.content.removesuffix("\n"), language=(node.info.split() or [""])[0]),)
        case "blockquote":
            return (Quote(_blocks(node.children)),)
        case "table":
            return (_table(node),)
        case "hr":
            return (Rule(),)
        case _:
            return (Paragraph((Text(node.content),)),) if node.content else _blocks(node.children)


def _table(node: SyntaxTreeNode) -> Table:
    rows = [row for part in node.children for row in part.children]
    align = tuple(_ALIGN.get(str(cell.attrs.get("style", "")), "") for cell in rows[0].children)
    header, *body = (Row(tuple(Cell(_inlines(cell.children)) for cell in row.children)) for row in rows)
    return Table(header, tuple(body), align)


def _inlines(nodes: Sequence[SyntaxTreeNode]) -> tuple[Inline, ...]:
    joined: list[Inline] = []
    for inline in (inline for node in nodes for inline in _inline(node)):
        last = joined[-1] if joined else None
        if isinstance(inline, Text) and isinstance(last, Text):
            joined[-1] = Text(last.text + inline.text)
        else:
            joined.append(inline)
    return tuple(joined)


def _inline(node: SyntaxTreeNode) -> tuple[Inline, ...]:
    match node.type:
        case "text":
            return (Text(node.content),) if node.content else ()
        case "code_inline":
            return (CodeSpan(node.content),)
        case "softbreak":
            return (Text("\n"),)
        case "hardbreak":
            return (Break(),)
        case "strong":
            return (Strong(_inlines(node.children)),)
        case "em":
            return (Emphasis(_inlines(node.children)),)
        case "s":
            return (Strike(_inlines(node.children)),)
        case "link":
            href = str(node.attrs.get("href", ""))
            inner = _inlines(node.children)
            return (Link(href, inner),) if is_safe_address(href) else inner
        case "image":
            source, alt = str(node.attrs.get("src", "")), node.content
            return (Image(source, alt),) if is_safe_address(source) else (Text(alt),)
        case _:
            return _inlines(node.children) if node.children else (Text(node.content),)


def escape(text: str) -> str:
    """Return `text` so that Markdown reads it as the same characters."""
    return _LINE_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", text))
