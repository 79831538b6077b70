"""The inbox and the outbox of all chats: one table, one sequence.

A message that came in is unique by (channel, platform id). One that goes out is written in the transaction of the
result it tells, and moves through the states of `outpost_agent.outbound.core`. `seq` rises over all chats of the
device and is never used again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from outpost_sdk.channel import Accepted, Attachment, Incoming, KeyReused
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

OutState = Literal["prepared", "queued", "sending", "delivered", "unknown", "refused"]


class NoSuchMessage(BadInput):
    """There is no message of this id that the asker may see."""

    code = "no_such_message"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it stands."""

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


class Receive(Effect, frozen=True, kw_only=True):
    """A message has come in; AlreadyAccepted undoes the transaction when it had come in before."""

    message_id: str
    task_id: str | None
    incoming: Incoming


class Reply(Effect, frozen=True, kw_only=True):
    """Something is said in a chat, in answer to a message of it or by itself."""

    id: str
    channel: str
    chat: str
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
_COLUMNS = (
    "seq, id, channel, chat, direction, platform_id, text, document, attachments, reply_to, task_id, state, created_ms"
)


def receive(connection: sqlite3.Connection, effect: Receive, now_ms: int) -> None:
    """Write a message that came in. Raises AlreadyAccepted or KeyReused when its platform id is known."""
    incoming = effect.incoming
    known = find_received(connection, incoming.channel, incoming.platform_id, incoming.digest)
    if known:
        raise AlreadyAccepted(known)
    connection.execute(
        "INSERT INTO message (id, channel, chat, direction, platform_id, sender, digest, text, attachments, task_id,"
        " state, created_ms, updated_ms) VALUES (?, ?, ?, 'in', ?, ?, ?, ?, ?, ?, 'received', ?, ?)",
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
        ),
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
        " created_ms, updated_ms) VALUES (?, ?, ?, 'out', ?, ?, ?, ?, ?, ?, ?, ?)",
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
        ),
    )


def page_after(connection: sqlite3.Connection, channel: str, chat: str, after: int, limit: int) -> list[Stored]:
    """Return up to `limit` messages of a chat with a seq above `after`, ascending."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM message WHERE channel = ? AND chat = ? AND seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
        (channel, chat, after, limit),
    )
    return [_stored(row) for row in rows]


def page_before(
    connection: sqlite3.Connection, channel: str, chat: str, before: int | None, limit: int
) -> list[Stored]:
    """Return the newest `limit` messages of a chat with a seq below `before` (any when None), ascending."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM message WHERE channel = ? AND chat = ? AND seq < ? ORDER BY seq DESC LIMIT ?",  # noqa: S608
        (channel, chat, 2**62 if before is None else before, limit),
    )
    return [_stored(row) for row in rows][::-1]


def get_message(connection: sqlite3.Connection, message_id: str) -> Stored:
    """Return a message, or raise NoSuchMessage."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM message WHERE id = ?", (message_id,)).fetchone()  # noqa: S608
    if row is None:
        raise NoSuchMessage("There is no such message.", "没有这条消息。")
    return _stored(row)


def open_messages(connection: sqlite3.Connection, channel: str, limit: int) -> list[Stored]:
    """Return the oldest messages that still have to go out on a channel, ascending."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM message WHERE channel = ? AND direction = 'out'"  # noqa: S608
        " AND state != 'delivered' AND state IN ('prepared', 'queued') ORDER BY seq LIMIT ?",
        (channel, limit),
    )
    return [_stored(row) for row in rows]


def interrupted(connection: sqlite3.Connection, channel: str) -> list[Stored]:
    """Return what was being sent on a channel, ascending; after a restart nobody knows whether it was shown."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM message WHERE channel = ? AND direction = 'out' AND state != 'delivered'"  # noqa: S608
        " AND state = 'sending' ORDER BY seq",
        (channel,),
    )
    return [_stored(row) for row in rows]


def move(
    connection: sqlite3.Connection,
    seq: int,
    states: tuple[str, str],
    now_ms: int,
    *,
    sent_as: str | None = None,
    reason: str = "",
) -> bool:
    """Move a message that goes out from the first of `states` to the second; return False when it was not in the first.

    `sent_as` is the platform's id for it, `reason` says why it is in this state.
    """
    before, after = states
    moved = connection.execute(
        "UPDATE message SET state = ?, updated_ms = ?, platform_id = coalesce(?, platform_id), reason = nullif(?, '')"
        " WHERE seq = ? AND direction = 'out' AND state = ?",
        (after, now_ms, sent_as, reason, seq, before),
    )
    return moved.rowcount == 1


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


def find_attachment(
    connection: sqlite3.Connection, channel: str, chat: str, content: str, name: str
) -> Attachment | None:
    """Return the attachment of a chat with this content and name, or None."""
    rows = connection.execute(
        "SELECT attachments FROM message WHERE channel = ? AND chat = ? AND attachments != ? AND instr(attachments, ?)",
        (channel, chat, _NO_ATTACHMENTS, content.encode()),
    )
    found = (item for (raw,) in rows for item in _attachments(raw) if (item.id, item.name) == (content, name))
    return next(found, None)


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many messages are in each state on their way out, `unknown` and `refused` ones among them."""
    rows = connection.execute(
        "SELECT state, count(*) FROM message WHERE direction = 'out' AND state != 'delivered' GROUP BY state"
    )
    return dict(rows.fetchall())


def _stored(row: tuple[Any, ...]) -> Stored:
    seq, id_, channel, chat, direction, platform_id, text, document, attachments, reply_to, task_id, state, created = (
        row
    )
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
    )
