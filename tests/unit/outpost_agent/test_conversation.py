"""The message table: what is held, whom answers are for, which chats there are, and that an old table is taken over."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from outpost_agent.conversation import (
    CONVERSATION_2_SCHEMA,
    CONVERSATION_SCHEMA,
    ChatSummary,
    Receive,
    Reply,
    chats,
    counts,
    doubtful,
    get_message,
    held_messages,
    last_heard,
    page_before,
    receive,
    release,
    reply,
)
from outpost_agent.outbound.rows import chats_to_serve, next_to_send
from outpost_disk.database import migrate
from outpost_sdk.channel import Attachment, Incoming
from outpost_wire.document import Document

FILE = Attachment(id="0" * 32, name="a.log", type="text/plain", size=1)


@pytest.fixture
def connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, (CONVERSATION_SCHEMA, CONVERSATION_2_SCHEMA))
    return connection


def hear(connection: sqlite3.Connection, name: str, **more: Any) -> None:
    facts = {"channel": "web", "chat": "main", "sender": "s", "text": name, **more.pop("incoming", {})}
    effect = Receive(message_id=name, task_id=None, incoming=Incoming(platform_id=name, **facts), **more)
    receive(connection, effect, more.pop("now_ms", 5))


def say(connection: sqlite3.Connection, name: str, **facts: Any) -> None:
    given = {"channel": "web", "chat": "main", "text": name, "document": Document(), **facts}
    reply(connection, Reply(id=name, **given), 5)


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


def test_a_table_of_the_release_before_keeps_its_messages(connection: sqlite3.Connection) -> None:
    old = sqlite3.connect(":memory:", isolation_level=None)
    migrate(old, (CONVERSATION_SCHEMA,))
    old.execute(
        "INSERT INTO message (id, channel, chat, direction, text, attachments, state, created_ms, updated_ms)"
        " VALUES ('m', 'web', 'main', 'out', 'old', '[]', 'queued', 1, 1)"
    )
    migrate(old, (CONVERSATION_SCHEMA, CONVERSATION_2_SCHEMA))
    message = get_message(old, "m")
    assert (message.person, message.part, message.offers, message.held) == (None, 0, None, "")
    assert next_to_send(old, "web", "main") == message


def test_a_message_keeps_who_said_it_in_which_language(connection: sqlite3.Connection) -> None:
    hear(connection, "m", person="p1", incoming={"sender": "77", "language": "zh", "attachments": (FILE,)})
    message = get_message(connection, "m")
    assert (message.person, message.sender, message.language, message.attachments) == ("p1", "77", "zh", (FILE,))


def test_held_messages_are_those_for_which_no_work_was_started(connection: sqlite3.Connection) -> None:
    hear(connection, "a", held="busy")
    hear(connection, "b")
    hear(connection, "c", held="album:1", incoming={"channel": "phone"})
    assert ids(held_messages(connection)) == ["a", "c"]
    assert ids(held_messages(connection, "phone")) == ["c"]
    assert held_messages(connection)[1].held == "album:1"


def test_a_released_message_knows_its_work_and_is_held_no_longer(connection: sqlite3.Connection) -> None:
    for name in "abc":
        hear(connection, name, held="busy")
    release(connection, ("a", "b", "absent"), "t1", 9)
    release(connection, ("a",), "t2", 10)
    assert ids(held_messages(connection)) == ["c"]
    assert [get_message(connection, name).task_id for name in "abc"] == ["t1", "t1", None]


def test_chats_are_listed_with_who_spoke_there_the_last_used_first(connection: sqlite3.Connection) -> None:
    hear(connection, "a", person="p1", incoming={"chat": "p1"})
    hear(connection, "b", person="owner", incoming={"channel": "phone", "chat": "9"})
    say(connection, "c", channel="phone", chat="9")
    say(connection, "d", channel="phone", chat="stranger")
    assert chats(connection, 2) == [
        ChatSummary(channel="phone", chat="stranger", person=None, count=1, last_ms=5),
        ChatSummary(channel="phone", chat="9", person="owner", count=2, last_ms=5),
    ]
    assert len(chats(connection, 10)) == 3


def test_what_was_replaced_is_not_counted_as_under_way(connection: sqlite3.Connection) -> None:
    for number, state in enumerate(("unknown", "replaced", "delivered", "queued", "sending")):
        say(connection, f"m{number}", state=state)
    assert counts(connection) == {"unknown": 1, "queued": 1, "sending": 1}
    assert doubtful(connection) == 2


def test_the_last_word_of_a_chat_is_what_came_in(connection: sqlite3.Connection) -> None:
    hear(connection, "a")
    say(connection, "b")
    assert last_heard(connection, "web", "main") == get_message(connection, "a").seq
    assert last_heard(connection, "web", "other") == 0
    assert ids(page_before(connection, "web", "main", None, 10)) == ["a", "b"]


def test_chats_are_served_by_who_waits_longest(connection: sqlite3.Connection) -> None:
    say(connection, "a", channel="phone", chat="late", state="delivered")
    say(connection, "b", channel="phone", chat="first")
    say(connection, "c", channel="phone", chat="late")
    say(connection, "d", channel="phone", chat="first")
    assert chats_to_serve(connection, "phone", 10) == ["first", "late"]
    assert chats_to_serve(connection, "phone", 1) == ["first"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT chat FROM message WHERE channel = 'x' AND direction = 'out' AND state IN ('prepared', 'queued')"
        " GROUP BY chat",
        "SELECT seq FROM message WHERE channel = 'x' AND chat = 'y' AND direction = 'out' AND state = 'unknown'",
        "SELECT seq FROM message WHERE held != '' ORDER BY seq",
        "SELECT seq FROM message WHERE direction = 'out' AND task_id IS NOT NULL AND seq < 9 ORDER BY seq DESC",
    ],
)
def test_what_is_asked_often_is_answered_by_an_index(connection: sqlite3.Connection, query: str) -> None:
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "USING" in plan
    assert "INDEX message_" in plan
