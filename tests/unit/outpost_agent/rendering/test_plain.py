"""Documents as text without mark-up: what other platforms say by marks is said in characters."""

from __future__ import annotations

import pytest

from outpost_agent.markdown import parse_markdown
from outpost_agent.rendering import NoRenderer, render
from outpost_sdk.channel import Caps, Delivery
from outpost_wire.document import Document


def plain(markdown: str) -> str:
    (part,) = render(parse_markdown(markdown), Caps(delivery=Delivery.BY_CALL, format="plain"))
    return part.text


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# Head\n\na **b** *c* `d` < &", "Head\na b c d < &"),
        ("[text](https://x.y)", "text (https://x.y)"),
        ("<https://x.y>", "https://x.y"),
        ("[a@b.c](mailto:a@b.c) [write](mailto:a@b.c)", "a@b.c write (a@b.c)"),
        ("![a plot](https://x.y/z.png)", "a plot (https://x.y/z.png)"),
        ("![](https://x.y/z.png)", "https://x.y/z.png"),
        ("> a\n>\n> > b", "> a\n\n> > b"),
        ("- a\n\n  > b", "• a\n    > b"),
        ("```py\nx = 1\n```", "x = 1"),
        ("| a | b |\n|--|--|\n| c | d |", "• a: c\n    b: d"),
        ("| a | b |\n|--|--|", "a, b"),
    ],
)
def test_writes(markdown: str, expected: str) -> None:
    assert plain(markdown) == expected


def test_a_cut_quote_has_its_sign_on_both_sides() -> None:
    caps = Caps(delivery=Delivery.BY_CALL, format="plain", text_limit=12)
    assert [part.text for part in render(parse_markdown("> one two three"), caps)] == ["> one two", "> three"]


def test_an_empty_document_needs_no_message() -> None:
    assert render(Document(()), Caps(delivery=Delivery.BY_CALL)) == ()


def test_a_tree_needs_no_renderer() -> None:
    with pytest.raises(NoRenderer):
        render(Document(()), Caps(delivery=Delivery.BY_SEQUENCE, format="tree"))


def test_a_limit_that_no_splitting_keeps_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        render(Document(()), Caps(delivery=Delivery.BY_CALL, text_limit=7))
