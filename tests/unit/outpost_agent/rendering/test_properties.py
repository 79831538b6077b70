"""Whatever a document holds: every part keeps its platform's limits and mark-up, and nothing is lost."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.rendering import length, render
from outpost_agent.rendering.characters import Unit, clean, is_blank
from outpost_sdk.channel import Caps, Delivery, Format
from outpost_wire.document import CodeBlock, Document, Paragraph, Quote, Strong, Text
from tests.unit.outpost_agent.rendering.documents import CLUSTERS, DOCUMENTS, WITHOUT_TABLES, seen, shown_by
from tests.unit.outpost_agent.rendering.telegram_reader import Message, read

FORMATS = st.sampled_from(["plain", "telegram"])
UNITS = st.sampled_from(["codepoint", "utf16", "byte"])
CAPS = st.builds(
    Caps,
    delivery=st.just(Delivery.BY_CALL),
    format=FORMATS,
    text_limit=st.one_of(st.integers(8, 80), st.just(0), st.just(4096)),
    text_unit=UNITS,
    mark_limit=st.one_of(st.integers(1, 6), st.just(0), st.just(100)),
    buttons_limit=st.integers(0, 3),
    button_label=st.integers(0, 12),
    button_bytes=st.integers(0, 24),
)


def shown(text: str, format_: Format) -> Message:
    return read(text) if format_ == "telegram" else Message(text, ())


@given(DOCUMENTS, CAPS)
def test_every_part_keeps_the_limits(document: Document, caps: Caps) -> None:
    for part in render(document, caps):
        message = shown(part.text, caps.format)
        assert not is_blank(message.text)
        assert not caps.text_limit or length(message.text, caps.text_unit) <= caps.text_limit
        assert not caps.mark_limit or len(message.entities) <= caps.mark_limit
        part.text.encode()


@given(DOCUMENTS, CAPS)
def test_buttons_are_at_the_end_and_keep_the_limits(document: Document, caps: Caps) -> None:
    parts = render(document, caps)
    assert all(part.buttons == () for part in parts[:-1])
    for button in (button for part in parts for button in part.buttons):
        assert not caps.button_label or len(button.label) <= caps.button_label
        assert not caps.button_bytes or len(button.command.encode()) <= caps.button_bytes
        assert button.label
        assert button.command
    assert all(len(part.buttons) <= caps.buttons_limit for part in parts)


@given(WITHOUT_TABLES, CAPS)
def test_no_character_is_lost_and_their_order_stays(document: Document, caps: Caps) -> None:
    got = iter(seen("".join(shown(part.text, caps.format).text for part in render(document, caps))))
    assert [character for character in seen(clean(shown_by(document.blocks))) if character not in got] == []


@given(DOCUMENTS, CAPS)
def test_no_character_of_a_table_is_lost(document: Document, caps: Caps) -> None:
    got = Counter(seen("".join(shown(part.text, caps.format).text for part in render(document, caps))))
    assert Counter(seen(clean(shown_by(document.blocks)))) - got == Counter()


@given(DOCUMENTS, FORMATS)
def test_without_limits_there_is_one_part(document: Document, format_: Format) -> None:
    assert len(render(document, Caps(delivery=Delivery.BY_CALL, format=format_))) <= 1


@given(st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=60), st.integers(40, 80), UNITS)
def test_what_people_see_as_one_character_stays_whole(clusters: list[str], limit: int, unit: Unit) -> None:
    caps = Caps(delivery=Delivery.BY_CALL, format="plain", text_limit=limit, text_unit=unit)
    parts = render(Document((Paragraph((Text("".join(clusters)),)),)), caps)
    edges = {len("".join(clusters[:index])) for index in range(len(clusters) + 1)}
    cuts = [len("".join(part.text for part in parts[:index])) for index in range(len(parts) + 1)]
    assert "".join(part.text for part in parts) == "".join(clusters)
    assert set(cuts) <= edges


@pytest.mark.parametrize("unit", ["codepoint", "utf16", "byte"])
@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_row_of_the_same_is_cut_between_two_of_them(cluster: str, unit: Unit) -> None:
    caps = Caps(delivery=Delivery.BY_CALL, format="plain", text_limit=61, text_unit=unit)
    parts = render(Document((Paragraph((Text(cluster * 90),)),)), caps)
    assert len(parts) > 1
    assert {part.text.replace(cluster, "") for part in parts} == {""}


@given(st.lists(st.text(st.sampled_from("ab <&中\t"), max_size=120), min_size=1, max_size=40), st.integers(30, 200))
def test_code_is_closed_and_opened_again_with_its_language(lines: list[str], limit: int) -> None:
    source = "\n".join(["begin", *lines, "end"])
    caps = Caps(delivery=Delivery.BY_CALL, format="telegram", text_limit=limit, text_unit="utf16", mark_limit=100)
    messages = [read(part.text) for part in render(Document((CodeBlock(source, "py"),)), caps)]
    assert [message.entities for message in messages] == [(("pre", message.text, "py"),) for message in messages]
    assert "".join("".join(message.text.split()) for message in messages) == "".join(source.split())


@pytest.mark.parametrize("format_", ["plain", "telegram"])
def test_deep_nesting_is_laid_out(format_: Format) -> None:
    inline: Text | Strong = Text("deep down")
    for _ in range(5000):
        inline = Strong((inline,))
    block: Paragraph | Quote = Paragraph((inline,))
    for _ in range(100):
        block = Quote((block,))
    caps = Caps(delivery=Delivery.BY_CALL, format=format_, text_limit=40)
    assert "deep down" in "".join(shown(part.text, format_).text for part in render(Document((block,)), caps))
