"""What the page asks the messages, and the only place with SQL in it.

Who may see what is one rule. A message is a person's when it stands in their own web chat, when it is noted as theirs,
or when it answers one of theirs; so in a group each sees their own. The owner sees all.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import msgspec

from outpost_agent.conversation import Stored, get_message
from outpost_agent.people.who import Who, page_chat
from outpost_sdk.channel import Attachment

PAGE_SCHEMA = """
CREATE INDEX message_files ON message (seq) WHERE attachments != x'5b5d';
"""
"""An index of the messages with files; x'5b5d' is "[]", none."""

_OWN = """
(? IS NULL OR (m.channel = 'web' AND m.chat = ?)
 OR coalesce(m.person, (SELECT asked.person FROM message AS asked WHERE asked.id = m.reply_to)) = ?)
"""
_MADE = f"""
SELECT m.id, coalesce(m.person, (SELECT asked.person FROM message AS asked WHERE asked.id = m.reply_to))
FROM message AS m LEFT JOIN task ON task.id = m.task_id
WHERE m.direction = 'out' AND m.task_id IS NOT NULL AND m.seq < ?
    AND coalesce(task.state = 'done', m.attachments != x'5b5d') AND {_OWN}
ORDER BY m.seq DESC LIMIT ?
"""  # noqa: S608 - put together from constants
_FILES = f"""
SELECT m.attachments, m.chat FROM message AS m
WHERE m.attachments != x'5b5d' AND instr(m.attachments, ?) AND {_OWN}
ORDER BY m.seq DESC
"""  # noqa: S608

_attachments = msgspec.json.Decoder(tuple[Attachment, ...]).decode


def chat_of(who: Who) -> str:
    """Return the person's own chat on the channel `web`."""
    return page_chat(who.person)


class Scope(NamedTuple):
    """Whose messages are asked for: those of one person with their web chat, or everybody's when both are None."""

    chat: str | None = None
    person: str | None = None


def scope_of(who: Who, *, is_all: bool) -> Scope:
    """Return the person's own scope, or everybody's when `is_all`."""
    return Scope() if is_all else Scope(chat_of(who), who.person)


class Made(NamedTuple):
    """An answer that a task made, and whose it is."""

    message: Stored
    person: str | None


def made(connection: sqlite3.Connection, scope: Scope, before: int, limit: int) -> list[Made]:
    """Return the newest answers with a seq below `before` that tasks made, newest first.

    What a failed task said is no result. Of tasks that are forgotten, the answers with files are.
    """
    rows = connection.execute(_MADE, (before, scope.chat, scope.chat, scope.person, limit)).fetchall()
    return [Made(get_message(connection, id_), person) for id_, person in rows]


class Found(NamedTuple):
    """An attachment and the chat that it stands in."""

    attachment: Attachment
    chat: str


def find_file(connection: sqlite3.Connection, scope: Scope, content: str, name: str) -> Found | None:
    """Return the attachment with this content and name that is in `scope`, or None."""
    rows = connection.execute(_FILES, (content.encode(), scope.chat, scope.chat, scope.person))
    found = (
        Found(item, chat) for raw, chat in rows for item in _attachments(raw) if (item.id, item.name) == (content, name)
    )
    return next(found, None)
