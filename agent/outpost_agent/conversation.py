"""The inbox and the outbox of all chats: one table, one sequence.

A message that came in is unique by (channel, platform id). One that goes out is written in the transaction of the
result it tells, and moves through the states of `outpost_agent.outbound.core`. `seq` rises over all chats of the
device and is never used again. An answer whose fate is unknown is offered again by the next answer of its chat; when
the person wants it, it goes out as a new message and the old one is `replaced`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from outpost_sdk.channel import Accepted, Attachment, Incoming, KeyReused
from outpost_sdk.handler import Language
from outpost_sdk.tasks import Effect
from outpost_wire.document import Document
from outpost_wire.errors import BadInput

CONVERSATION_SCHEMA = """
CREATE TABLE message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    chat TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    platform_id TEXT,
    sender TEXT,
    digest BLOB,
    text TEXT NOT NULL,
    document BLOB,
    attachments BLOB NOT NULL,
    reply_to TEXT,
    task_id TEXT,
    state TEXT NOT NULL,
    reason TEXT,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
);
CREATE UNIQUE INDEX message_platform ON message (channel, platform_id) WHERE direction = 'in';
CREATE INDEX message_chat ON message (channel, chat, seq);
CREATE INDEX message_open ON message (channel, state, seq) WHERE direction = 'out' AND state != 'delivered';
"""

CONVERSATION_2_SCHEMA = """
ALTER TABLE message ADD COLUMN person TEXT;
ALTER TABLE message ADD COLUMN language TEXT;
ALTER TABLE message ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN offers TEXT;
ALTER TABLE message ADD COLUMN offered_by INTEGER;
ALTER TABLE message ADD COLUMN held TEXT NOT NULL DEFAULT '';
CREATE INDEX message_to_send ON message (channel, chat, seq)
    WHERE direction = 'out' AND state IN ('prepared', 'queued');
CREATE INDEX message_unknown ON message (channel, chat, seq) WHERE direction = 'out' AND state = 'unknown';
CREATE INDEX message_held ON message (seq) WHERE held != '';
CREATE INDEX message_result ON message (seq) WHERE direction = 'out' AND task_id IS NOT NULL;
CREATE TABLE progress_shown (
    channel TEXT NOT NULL,
    chat TEXT NOT NULL,
    shown_as TEXT NOT NULL,
    PRIMARY KEY (channel, chat)
) STRICT, WITHOUT ROWID;
"""

OutState = Literal["prepared", "queued", "sending", "delivered", "unknown", "refused", "replaced"]


class NoSuchMessage(BadInput):
    """There is no message of this id that the asker may see."""

    code = "no_such_message"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it stands.

    `person` is who said it, or whom it is for. Of one that goes out, the first `part` calls were confirmed, and
    `offers` names the messages that it offers again, None while that is not decided. `held` says why no work was
    started yet for one that came in.
    """

    seq: int
    id: str
    channel: str
    chat: str
    direction: Literal["in", "out"]
    platform_id: str | None
    text: str
    document: Document | None
    attachments: tuple[Attachment, ...]
    reply_to: str | None
    task_id: str | None
    state: str
    created_ms: int
    sender: str | None = None
    person: str | None = None
    language: Language | None = None
    part: int = 0
    offers: tuple[int, ...] | None = None
    held: str = ""


class ChatSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A chat in a list: who spoke there last, how many messages it has and when the last one came."""

    channel: str
    chat: str
    person: str | None
    count: int
    last_ms: int


class Receive(Effect, frozen=True, kw_only=True):
    """A message has come in; AlreadyAccepted undoes the transaction when it had come in before.

    `held` says why no work is started for it yet, "" when it is or none is needed. `joins` is the message whose work it
    has something to say about.
    """

    message_id: str
    task_id: str | None
    incoming: Incoming
    person: str | None = None
    held: str = ""
    joins: str | None = None


class Release(Effect, frozen=True, kw_only=True):
    """Work was started for messages that had been held, or they need none."""

    message_ids: tuple[str, ...]
    task_id: str | None


class Repeat(Effect, frozen=True, kw_only=True):
    """An answer that may be missing is said again, as `say_again` does."""

    id: str
    channel: str
    chat: str
    seq: int
    person: str | None = None


class Reply(Effect, frozen=True, kw_only=True):
    """Something is said in a chat, in answer to a message of it or by itself; `person` is whom it is for."""

    id: str
    channel: str
    chat: str
    person: str | None = None
    text: str
    document: Document
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    task_id: str | None = None
    state: OutState = "queued"


class AlreadyAccepted(Exception):
    """This message came in before: carries what was answered then out of the transaction that it undoes."""

    def __init__(self, accepted: Accepted) -> None:
        super().__init__("already accepted")
        self.accepted = accepted


_encode = msgspec.json.Encoder().encode
_attachments = msgspec.json.Decoder(tuple[Attachment, ...]).decode
_document = msgspec.json.Decoder(Document).decode
_NO_ATTACHMENTS = b"[]"
COLUMNS = (
    "seq, id, channel, chat, direction, platform_id, text, document, attachments, reply_to, task_id, state, created_ms,"
    " sender, person, language, part, offers, held"
)


def receive(connection: sqlite3.Connection, effect: Receive, now_ms: int) -> None:
    """Write a message that came in. Raises AlreadyAccepted or KeyReused when its platform id is known."""
    incoming = effect.incoming
    known = find_received(connection, incoming.channel, incoming.platform_id, incoming.digest)
    if known:
        raise AlreadyAccepted(known)
    connection.execute(
        "INSERT INTO message (id, channel, chat, direction, platform_id, sender, digest, text, attachments, task_id,"
        " state, created_ms, updated_ms, person, language, held, reply_to)"
        " VALUES (?, ?, ?, 'in', ?, ?, ?, ?, ?, ?, 'received', ?, ?, ?, ?, ?, ?)",
        (
            effect.message_id,
            incoming.channel,
            incoming.chat,
            incoming.platform_id,
            incoming.sender,
            incoming.digest,
            incoming.text,
            _encode(incoming.attachments) if incoming.attachments else _NO_ATTACHMENTS,
            effect.task_id,
            now_ms,
            now_ms,
            effect.person,
            incoming.language,
            effect.held,
            effect.joins,
        ),
    )


def steering(connection: sqlite3.Connection, message_id: str) -> list[str]:
    """Return what was said since about the work that a message started, in order."""
    rows = connection.execute(
        "SELECT later.text FROM message AS first JOIN message AS later"
        " ON later.channel = first.channel AND later.chat = first.chat AND later.seq > first.seq"
        " WHERE first.id = ? AND later.direction = 'in' AND later.reply_to = first.id ORDER BY later.seq",
        (message_id,),
    )
    return [text for (text,) in rows]


def held_messages(connection: sqlite3.Connection, channel: str | None = None) -> list[Stored]:
    """Return the messages for which no work was started yet, ascending; those of one channel when given."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM message WHERE held != '' AND channel = coalesce(?, channel) ORDER BY seq",  # noqa: S608
        (channel,),
    )
    return [stored(row) for row in rows]


def release(connection: sqlite3.Connection, message_ids: Iterable[str], task_id: str | None, now_ms: int) -> None:
    """Write that held messages wait no longer, and which task is their work; others are left as they are."""
    connection.executemany(
        "UPDATE message SET held = '', task_id = ?, updated_ms = ? WHERE id = ? AND held != ''",
        [(task_id, now_ms, message_id) for message_id in message_ids],
    )


def find_received(connection: sqlite3.Connection, channel: str, platform_id: str, digest: bytes) -> Accepted | None:
    """Return what was answered to a message that came in before, or None. Raises KeyReused when it was another one."""
    row = connection.execute(
        "SELECT id, task_id, digest FROM message WHERE channel = ? AND platform_id = ? AND direction = 'in'",
        (channel, platform_id),
    ).fetchone()
    if row is None:
        return None
    if row[2] != digest:
        raise KeyReused(
            "This Idempotency-Key was used for another message: use a new key for a new message.",
            "此 Idempotency-Key 已用于另一条消息：新消息请使用新的键。",
        )
    return Accepted(row[0], row[1])


def reply(connection: sqlite3.Connection, effect: Reply, now_ms: int) -> None:
    """Write a message that is to go out."""
    connection.execute(
        "INSERT INTO message (id, channel, chat, direction, text, document, attachments, reply_to, task_id, state,"
        " created_ms, updated_ms, person) VALUES (?, ?, ?, 'out', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            effect.id,
            effect.channel,
            effect.chat,
            effect.text,
            _encode(effect.document),
            _encode(effect.attachments) if effect.attachments else _NO_ATTACHMENTS,
            effect.reply_to,
            effect.task_id,
            effect.state,
            now_ms,
            now_ms,
            effect.person,
        ),
    )


def page_after(connection: sqlite3.Connection, channel: str, chat: str, after: int, limit: int) -> list[Stored]:
    """Return up to `limit` messages of a chat with a seq above `after`, ascending."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM message WHERE channel = ? AND chat = ? AND seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
        (channel, chat, after, limit),
    )
    return [stored(row) for row in rows]


def page_before(
    connection: sqlite3.Connection, channel: str, chat: str, before: int | None, limit: int
) -> list[Stored]:
    """Return the newest `limit` messages of a chat with a seq below `before` (any when None), ascending."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM message WHERE channel = ? AND chat = ? AND seq < ? ORDER BY seq DESC LIMIT ?",  # noqa: S608
        (channel, chat, 2**62 if before is None else before, limit),
    )
    return [stored(row) for row in rows][::-1]


def get_message(connection: sqlite3.Connection, message_id: str) -> Stored:
    """Return a message, or raise NoSuchMessage."""
    row = connection.execute(f"SELECT {COLUMNS} FROM message WHERE id = ?", (message_id,)).fetchone()  # noqa: S608
    if row is None:
        raise NoSuchMessage("There is no such message.", "没有这条消息。")
    return stored(row)


def chats(connection: sqlite3.Connection, limit: int) -> list[ChatSummary]:
    """Return the chats of all channels, up to `limit`, the one that was used last first."""
    rows = connection.execute(
        "SELECT newest.channel, newest.chat, (SELECT person FROM message WHERE channel = newest.channel"
        " AND chat = newest.chat AND person IS NOT NULL ORDER BY seq DESC LIMIT 1), newest.messages, message.created_ms"
        " FROM (SELECT channel, chat, count(*) AS messages, max(seq) AS seq FROM message GROUP BY channel, chat)"
        " AS newest JOIN message ON message.seq = newest.seq ORDER BY newest.seq DESC LIMIT ?",
        (limit,),
    )
    return [
        ChatSummary(channel=channel, chat=chat, person=person, count=count, last_ms=last_ms)
        for channel, chat, person, count, last_ms in rows
    ]


def may_be_missing(connection: sqlite3.Connection, channel: str, chat: str, seq: int, person: str | None) -> bool:
    """Say whether the message at `seq` of this chat is one whose fate is unknown; for `person`, unless that is None."""
    found = connection.execute(
        "SELECT 1 FROM message WHERE seq = ? AND channel = ? AND chat = ? AND direction = 'out' AND state = 'unknown'"
        " AND (person IS NULL OR person = coalesce(?, person))",
        (seq, channel, chat, person),
    )
    return found.fetchone() is not None


def say_again(  # noqa: PLR0917
    connection: sqlite3.Connection,
    channel: str,
    chat: str,
    seq: int,
    new_id: Callable[[], str],
    now_ms: int,
    *,
    person: str | None = None,
) -> bool:
    """Let the message at `seq` of this chat go out as a new one, from the call whose fate is unknown.

    Returns False, and changes nothing, unless it `may_be_missing`.
    """
    if not may_be_missing(connection, channel, chat, seq, person):
        return False
    connection.execute("UPDATE message SET state = 'replaced', updated_ms = ? WHERE seq = ?", (now_ms, seq))
    connection.execute(
        "INSERT INTO message (id, channel, chat, direction, text, document, attachments, reply_to, state, created_ms,"
        " updated_ms, person, part, offers) SELECT ?, channel, chat, 'out', text, document, attachments, reply_to,"
        " 'queued', ?, ?, person, part, coalesce(offers, '') FROM message WHERE seq = ?",
        (new_id(), now_ms, now_ms, seq),
    )
    return True


def doubtful(connection: sqlite3.Connection) -> int:
    """Return how many answers may not have arrived and were not offered again yet.

    Before the channels start, these are also the ones in whose midst a previous life ended.
    """
    (count,) = connection.execute(
        "SELECT count(*) FROM message WHERE direction = 'out' AND state != 'delivered'"
        " AND (state = 'sending' OR (state = 'unknown' AND offered_by IS NULL))"
    ).fetchone()
    return int(count)


def last_heard(connection: sqlite3.Connection, channel: str, chat: str) -> int:
    """Return the seq of the last message that came in in a chat, 0 when none has."""
    row = connection.execute(
        "SELECT seq FROM message WHERE channel = ? AND chat = ? AND direction = 'in' ORDER BY seq DESC LIMIT 1",
        (channel, chat),
    ).fetchone()
    return int(row[0]) if row else 0


def read_up_to(connection: sqlite3.Connection, channel: str, chat: str, seq: int, now_ms: int) -> list[int]:
    """Mark what a reader of a chat has read, up to `seq`; return the seqs that are delivered by that."""
    rows = connection.execute(
        "UPDATE message SET state = 'delivered', updated_ms = ? WHERE direction = 'out' AND channel = ? AND chat = ?"
        " AND seq <= ? AND state != 'delivered' AND state = 'queued' RETURNING seq",
        (now_ms, channel, chat, seq),
    )
    return sorted(seq for (seq,) in rows)


def named_content(connection: sqlite3.Connection) -> Iterable[str]:
    """Return the content that messages name."""
    rows = connection.execute("SELECT attachments FROM message WHERE attachments != ?", (_NO_ATTACHMENTS,))
    return [attachment.id for (raw,) in rows for attachment in _attachments(raw)]


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many messages are in each state on their way out, `unknown` and `refused` ones among them."""
    rows = connection.execute(
        "SELECT state, count(*) FROM message WHERE direction = 'out' AND state != 'delivered'"
        " AND state != 'replaced' GROUP BY state"
    )
    return dict(rows.fetchall())


def parse_seqs(offers: str) -> tuple[int, ...]:
    """Return the numbers in the column `offers`."""
    return tuple(int(seq) for seq in offers.split())


def stored(row: tuple[Any, ...]) -> Stored:
    """Return the message in a row of COLUMNS."""
    (
        seq,
        id_,
        channel,
        chat,
        direction,
        platform_id,
        text,
        document,
        attachments,
        reply_to,
        task_id,
        state,
        created,
        sender,
        person,
        language,
        part,
        offers,
        held,
    ) = row
    return Stored(
        seq=seq,
        id=id_,
        channel=channel,
        chat=chat,
        direction=direction,
        platform_id=platform_id,
        text=text,
        document=_document(document) if document else None,
        attachments=_attachments(attachments) if attachments != _NO_ATTACHMENTS else (),
        reply_to=reply_to,
        task_id=task_id,
        state=state,
        created_ms=created,
        sender=sender,
        person=person,
        language=language,
        part=part,
        offers=None if offers is None else parse_seqs(offers),
        held=held,
    )
