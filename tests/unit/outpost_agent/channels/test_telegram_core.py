"""The rules of the Telegram adapter, and that what we draw is what Telegram takes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.channels.telegram import core
from outpost_agent.channels.telegram.answers import BrokeOff, NotReached, Refused, read_answer
from outpost_agent.channels.telegram.health import health_after
from outpost_agent.channels.telegram.updates import Entity, User, parse_updates
from outpost_agent.rendering import render
from outpost_sdk.channel import Caps, Delivery
from outpost_wire.document import Button, Document
from outpost_wire.errors import BadMessage
from tests.support.telegram_html import MARKS_LIMIT, parse, utf16
from tests.unit.outpost_agent.rendering.documents import DOCUMENTS

ME = User(id=7, username="outpost_test_bot")
WORDS = st.text(st.characters(exclude_categories=["Cs"]))
TELEGRAM = Caps(
    delivery=Delivery.BY_CALL,
    format="telegram",
    text_limit=4096,
    text_unit="utf16",
    mark_limit=100,
    buttons_limit=24,
    button_label=64,
    button_bytes=64,
)


@given(WORDS, WORDS, WORDS)
def test_an_entity_covers_what_it_covers_in_utf16(before: str, covered: str, after: str) -> None:
    assert core.utf16_slice(before + covered + after, utf16(before), utf16(covered)) == covered


@given(WORDS, st.integers(0, 50), st.integers(0, 50))
def test_an_entity_beyond_the_text_does_no_harm(text: str, offset: int, length: int) -> None:
    entities = (Entity(type="mention", offset=offset, length=length),)
    core._without_address(text, entities, ME)


@given(WORDS)
def test_a_mention_at_the_start_is_taken_away_and_no_more(rest: str) -> None:
    mention = f"@{ME.username}"
    entities = (Entity(type="mention", offset=0, length=len(mention)),)
    assert core._without_address(f"{mention} {rest}", entities, ME) == rest.lstrip(" \t\r\n,:，：、")


@given(DOCUMENTS)
def test_telegram_takes_what_we_draw(document: Document) -> None:
    for part in render(document, TELEGRAM):
        text, marks = parse(part.text)
        assert text.strip()
        assert utf16(text) <= 4096
        assert len(marks) <= MARKS_LIMIT
        assert core.without_marks(part.text) == text


@given(st.lists(st.text(min_size=1, max_size=64), max_size=24))
def test_the_keyboard_has_each_button_once_and_in_order(labels: list[str]) -> None:
    rows = core.keyboard(Button(label, label) for label in labels)["inline_keyboard"]
    assert [button["text"] for row in rows for button in row] == labels
    assert all(rows)


@given(st.one_of(st.integers(), st.none(), st.text(), st.dictionaries(st.text(), st.integers())))
def test_an_update_that_cannot_be_read_is_passed_over_and_not_the_one_behind_it(message: object) -> None:
    broken = {"update_id": 1, "message": {"message_id": message, "chat": message}}
    good = {"update_id": 2, "message": {"message_id": 5, "chat": {"id": 1, "type": "private"}, "text": "hello"}}
    first, second = parse_updates(json.dumps([broken, good]).encode())
    assert (first.update_id, first.message) == (1, None)
    assert second.message is not None
    assert second.message.text == "hello"


@given(st.binary())
def test_bytes_that_are_no_updates_are_refused(raw: bytes) -> None:
    try:
        updates = parse_updates(raw)
    except BadMessage:
        return
    assert updates == ()


@given(st.integers(100, 599), st.binary())
def test_no_answer_at_all_is_told_apart_from_a_no(status: int, body: bytes) -> None:
    with pytest.raises(Refused if status == 413 else NotReached if 400 <= status < 500 else BrokeOff) as caught:
        read_answer(status, body)
    health = health_after(caught.value, "")
    assert health.en.endswith(".")
    assert health.zh.endswith("。")


@pytest.mark.parametrize(
    ("path", "served"),
    [
        ("documents/file_1.txt", "documents/file_1.txt"),
        ("/var/lib/telegram-bot-api/7:AB/documents/file_1.txt", "documents/file_1.txt"),
        ("file:///var/lib/telegram-bot-api/7:AB/photos/file_2.jpg", "photos/file_2.jpg"),
        ("/srv/7~AB/voice/file_3.ogg", "voice/file_3.ogg"),
        ("/somewhere/else.txt", "somewhere/else.txt"),
    ],
)
def test_finds_where_a_file_is_served(path: str, served: str) -> None:
    assert core.served_path(path, "7:AB") == served


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("a b.log", "a b.log"),
        ("../../etc/passwd", "passwd"),
        ("C:\\logs\\a.log", "a.log"),
        ("报告\u202e.md", "报告.md"),
        ("..", ""),
        ("x" * 300 + ".log", "x" * 196 + ".log"),
    ],
)
def test_a_file_name_is_a_name(name: str, clean: str) -> None:
    assert core.clean_name(name) == clean


@pytest.mark.parametrize(
    ("platform", "number"),
    [("5:12", 12), ("-1001:3", None), ("cb:12", None), (None, None), ("5:", None), ("5:x", None)],
)
def test_reads_back_only_its_own_ids(platform: str | None, number: int | None) -> None:
    assert core.message_id(platform, "5") == number
