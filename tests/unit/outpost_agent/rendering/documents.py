"""Documents as strangers may make them, for property tests."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from outpost_agent.rendering.characters import is_blank
from outpost_wire.document import (
    Align,
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
    Row,
    Rule,
    Strike,
    Strong,
    Table,
    Text,
    plain,
)

CLUSTERS = (
    "a",
    "e\u0301",
    "z\u0351\u036b\u0343",
    "中",
    "𠮷",
    "한",
    "\u1112\u1161\u11ab",
    "नि",
    "☃\ufe0f",
    "1\ufe0f\u20e3",
    "👍🏽",
    "🇨🇳",
    "🇩🇪",
    "👩\u200d👩\u200d👧\u200d👦",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
)
"""What people see as one character each."""

_PIECES = st.one_of(
    st.sampled_from(CLUSTERS),
    st.sampled_from(["<b>", "</pre>", "&", "&amp;", '"', "'", "`", "> ", "•", "\u200b", "\u202e", "\x00", "\n", "  "]),
    st.sampled_from(
        ["word ", "Wort ", "，中文。", "（", "https://example.org/a?b=c&d ", "x" * 50, "é" * 30, "😀" * 20]
    ),
    st.characters(),
)
TEXTS = st.lists(_PIECES, max_size=12).map("".join)
_HREFS = st.sampled_from(
    ["https://example.org/?a=1&b=\"<'", "http://x", "mailto:a@b.c", "/path", "javascript:alert(1)", "https://a b", ""]
)
_LEAVES: st.SearchStrategy[Inline] = st.one_of(
    TEXTS.map(Text), TEXTS.map(CodeSpan), st.builds(Image, _HREFS, TEXTS), st.just(Break())
)


def _around(inner: st.SearchStrategy[Inline]) -> st.SearchStrategy[Inline]:
    children = st.lists(inner, max_size=4).map(tuple)
    return st.one_of(
        children.map(Strong), children.map(Emphasis), children.map(Strike), st.builds(Link, _HREFS, children)
    )


INLINES = st.recursive(_LEAVES, _around, max_leaves=8)
_ROWS = st.lists(INLINES, max_size=3).map(tuple)
_CODE = st.lists(st.one_of(TEXTS, st.just(""), st.just("\tx = 1")), max_size=8).map("\n".join)
_BUTTONS = st.lists(st.builds(Button, TEXTS, TEXTS), max_size=3).map(tuple)
_ALIGNS: st.SearchStrategy[Align] = st.sampled_from(["", "left", "right", "center"])


@st.composite
def _tables(draw: st.DrawFn) -> Table:
    count = draw(st.integers(0, 4))
    rows = st.lists(_ROWS.map(Cell), min_size=count, max_size=count).map(lambda cells: Row(tuple(cells)))
    return Table(draw(rows), tuple(draw(st.lists(rows, max_size=3))), tuple(draw(st.lists(_ALIGNS, max_size=4))))


ORDERED_LEAVES: st.SearchStrategy[Block] = st.one_of(
    _ROWS.map(Paragraph),
    st.builds(Heading, st.integers(1, 6), _ROWS),
    st.builds(CodeBlock, _CODE, st.sampled_from(["", "py", "c++", 'x"><b>'])),
    st.just(Rule()),
)


def _blocks(leaves: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    def around(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
        children = st.lists(inner, max_size=3).map(tuple)
        items = st.lists(children.map(Item), max_size=4).map(tuple)
        return st.one_of(
            children.map(Quote),
            st.builds(ListBlock, items, st.booleans(), st.integers(-5, 10**12)),
            children.map(Quote),
        )

    return st.recursive(leaves, around, max_leaves=8)


def _documents(leaves: st.SearchStrategy[Block]) -> st.SearchStrategy[Document]:
    return st.lists(_blocks(leaves), max_size=6).map(lambda blocks: Document(tuple(blocks)))


WITHOUT_TABLES = _documents(ORDERED_LEAVES)
_SHORT = st.sampled_from(["a", "bc", "中文", "😀", "one two"]).map(lambda text: (Text(text),))
_SMALL: st.SearchStrategy[Block] = st.one_of(
    _SHORT.map(Paragraph),
    _SHORT.map(lambda nodes: Paragraph((Strong(nodes), *nodes, Emphasis((Strong(nodes), *nodes))))),
    _SHORT.map(lambda nodes: Heading(1, nodes)),
    st.sampled_from([CodeBlock("x"), CodeBlock("x\ny", "py")]),
    _SHORT.map(lambda nodes: Quote((Paragraph(nodes), CodeBlock("q")))),
    _SHORT.map(lambda nodes: ListBlock((Item((Paragraph(nodes),)), Item((Quote((Paragraph(nodes),)),))))),
)
MANY_SMALL = st.lists(_SMALL, min_size=4, max_size=20).map(lambda blocks: Document(tuple(blocks)))
DOCUMENTS = st.one_of(_documents(st.one_of(ORDERED_LEAVES, _tables(), _BUTTONS.map(Buttons))), MANY_SMALL)


def seen(text: str) -> list[str]:
    """Return the characters of `text` that can be seen by themselves."""
    return [character for character in text if not is_blank(character) and not "\ud800" <= character <= "\udfff"]


def shown_by(blocks: Iterable[Block | Item | Row | Cell]) -> str:
    """Return the characters that a person must get to see of `blocks`, in their order."""
    shown = ""
    for block in blocks:
        match block:
            case Paragraph(children) | Heading(children=children) | Cell(children):
                shown += plain(children)
            case Quote(blocks_) | Item(blocks_):
                shown += shown_by(blocks_)
            case ListBlock(items):
                shown += shown_by(items)
            case CodeBlock(text):
                shown += text
            case Table(header, rows):
                shown += shown_by((header, *rows))
            case Row(cells):
                shown += shown_by(cells)
            case _:
                pass
    return shown
