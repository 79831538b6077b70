"""Markdown to the tree and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.markdown import is_safe_address, parse_markdown
from outpost_wire.document import (
    Align,
    Cell,
    CodeBlock,
    CodeSpan,
    Document,
    Emphasis,
    Heading,
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
from tests.support.markdown_writer import to_markdown

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1).map(
    lambda text: f"a{text}b"
)
INLINES = st.recursive(
    st.one_of(st.builds(Text, WORDS), st.builds(CodeSpan, WORDS)),
    lambda children: st.builds(lambda child: Strong((child,)), children),
    max_leaves=3,
)
_NO_ALIGN: tuple[Align, ...] = ("", "", "", "")
CELLS = st.builds(lambda text: Cell((Text(text),)), WORDS)


def blocks() -> st.SearchStrategy[object]:
    paragraphs = st.builds(lambda inline: Paragraph((inline,)), INLINES)
    tables = st.integers(1, 4).flatmap(
        lambda columns: st.builds(
            lambda header, rows: Table(Row(tuple(header)), tuple(Row(tuple(row)) for row in rows), _NO_ALIGN[:columns]),
            st.lists(CELLS, min_size=columns, max_size=columns),
            st.lists(st.lists(CELLS, min_size=columns, max_size=columns), max_size=4),
        )
    )
    return st.one_of(
        paragraphs,
        st.builds(lambda level, text: Heading(level, (Text(text),)), st.integers(1, 6), WORDS),
        st.builds(CodeBlock, WORDS),
        st.builds(lambda inner: Quote((inner,)), paragraphs),
        st.builds(
            lambda items, ordered: ListBlock(tuple(Item((item,)) for item in items), ordered=ordered),
            st.lists(paragraphs, min_size=1, max_size=3),
            st.booleans(),
        ),
        tables,
        st.just(Rule()),
    )


@given(blocks())
def test_what_is_written_as_markdown_is_read_as_the_same_tree(block: object) -> None:
    document = Document((block,))  # type: ignore[arg-type]
    assert parse_markdown(to_markdown(document)) == document


@given(st.text(max_size=400))
def test_any_text_is_read(source: str) -> None:
    assert isinstance(parse_markdown(source), Document)


def test_html_stays_text() -> None:
    document = parse_markdown("<script>alert(1)</script> and <b>this</b>")
    assert document == Document((Paragraph((Text("<script>alert(1)</script> and <b>this</b>"),)),))


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "//evil.example/x",
        "vbscript:x",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_could_do_harm_is_not_a_link(address: str) -> None:
    assert not is_safe_address(address)
    document = parse_markdown(f"[text](<{address}>) ![alt](<{address}>)")
    assert "href" not in repr(document)
    assert "src" not in repr(document)


@pytest.mark.parametrize("address", ["https://example.org/a?b=c", "http://x", "mailto:a@b.c", "/api/v1/x.png"])
def test_an_address_of_the_usual_kinds_is_a_link(address: str) -> None:
    assert parse_markdown(f"[text](<{address}>)") == Document((Paragraph((Link(address, (Text("text"),)),)),))


def test_reads_what_people_write() -> None:
    source = "# Title\n\nSome *soft* and **loud** ~~old~~ `code`.\n\n| a | b |\n|:--|--:|\n| 1 | `x\\|y` |\n"
    assert parse_markdown(source) == Document(
        (
            Heading(1, (Text("Title"),)),
            Paragraph(
                (
                    Text("Some "),
                    Emphasis((Text("soft"),)),
                    Text(" and "),
                    Strong((Text("loud"),)),
                    Text(" "),
                    Strike((Text("old"),)),
                    Text(" "),
                    CodeSpan("code"),
                    Text("."),
                )
            ),
            Table(
                Row((Cell((Text("a"),)), Cell((Text("b"),)))),
                (Row((Cell((Text("1"),)), Cell((CodeSpan("x|y"),)))),),
                ("left", "right"),
            ),
        )
    )


def test_plain_leaves_the_characters() -> None:
    (paragraph,) = parse_markdown("a **b *c*** `d` [e](https://f)").blocks
    assert isinstance(paragraph, Paragraph)
    assert plain(paragraph.children) == "a b c d e"
