"""What the way out reads and writes of the messages: who waits, where each stands, what it offers again."""

from __future__ import annotations

import sqlite3

from outpost_agent.conversation import COLUMNS, Stored, parse_seqs, stored

OFFERED_AT_ONCE = 3

_TO_SEND = "direction = 'out' AND state IN ('prepared', 'queued')"


def chats_to_serve(connection: sqlite3.Connection, channel: str, limit: int) -> list[str]:
    """Return the chats of a channel in which something still has to go out, who waits longest first."""
    rows = connection.execute(
        f"SELECT chat FROM message WHERE channel = ? AND {_TO_SEND} GROUP BY chat ORDER BY min(seq) LIMIT ?",  # noqa: S608
        (channel, limit),
    )
    return [chat for (chat,) in rows]


def next_to_send(connection: sqlite3.Connection, channel: str, chat: str) -> Stored | None:
    """Return the oldest message that still has to go out in a chat, or None."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM message WHERE channel = ? AND chat = ? AND {_TO_SEND} ORDER BY seq LIMIT 1",  # noqa: S608
        (channel, chat),
    ).fetchone()
    return None if row is None else stored(row)


def platform_id_of(connection: sqlite3.Connection, message_id: str | None) -> str | None:
    """Return what the platform calls a message, None for none or where it has no such name."""
    row = connection.execute("SELECT platform_id FROM message WHERE id = ?", (message_id,)).fetchone()
    return None if row is None else row[0]


def interrupted(connection: sqlite3.Connection, channel: str) -> list[Stored]:
    """Return what was being sent on a channel, ascending; after a restart nobody knows whether it was shown."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM message WHERE channel = ? AND direction = 'out' AND state != 'delivered'"  # noqa: S608
        " AND state = 'sending' ORDER BY seq",
        (channel,),
    )
    return [stored(row) for row in rows]


def move(
    connection: sqlite3.Connection,
    seq: int,
    states: tuple[str, str],
    now_ms: int,
    *,
    sent_as: str | None = None,
    reason: str = "",
    part: int | None = None,
) -> bool:
    """Move a message that goes out from the first of `states` to the second; return False when it was not in the first.

    `sent_as` is the platform's id for it, `reason` says why it is in this state, `part` how many of its calls were
    confirmed by now.
    """
    before, after = states
    moved = connection.execute(
        "UPDATE message SET state = ?, updated_ms = ?, platform_id = coalesce(?, platform_id), reason = nullif(?, ''),"
        " part = coalesce(?, part) WHERE seq = ? AND direction = 'out' AND state = ?",
        (after, now_ms, sent_as, reason, part, seq, before),
    )
    return moved.rowcount == 1


def offers_of(connection: sqlite3.Connection, seq: int) -> tuple[int, ...]:
    """Return which messages of its chat the message at `seq` offers again; decided at the first time, then kept.

    It offers the oldest ones for the same person whose fate is unknown and that no answer which arrived has offered.
    """
    channel, chat, person, decided = connection.execute(
        "SELECT channel, chat, person, offers FROM message WHERE seq = ?", (seq,)
    ).fetchone()
    if decided is not None:
        return parse_seqs(decided)
    rows = connection.execute(
        "SELECT seq FROM message WHERE channel = ? AND chat = ? AND direction = 'out' AND state = 'unknown'"
        " AND offered_by IS NULL AND seq < ? AND (person IS NULL OR person = ?) ORDER BY seq LIMIT ?",
        (channel, chat, seq, person, OFFERED_AT_ONCE),
    ).fetchall()
    offers = tuple(offered for (offered,) in rows)
    connection.execute("UPDATE message SET offers = ? WHERE seq = ?", (" ".join(map(str, offers)), seq))
    return offers


def offer_arrived(connection: sqlite3.Connection, seq: int) -> None:
    """Write that the message at `seq` arrived, and with it what it offered."""
    connection.executemany(
        "UPDATE message SET offered_by = ? WHERE seq = ? AND direction = 'out' AND state = 'unknown'",
        [(seq, offered) for offered in offers_of(connection, seq)],
    )


def progress_shown(connection: sqlite3.Connection, channel: str) -> dict[str, str]:
    """Return by what a channel's messages of progress are to be changed or taken away, per chat."""
    return dict(
        connection.execute("SELECT chat, shown_as FROM progress_shown WHERE channel = ?", (channel,)).fetchall()
    )


def note_progress(connection: sqlite3.Connection, channel: str, chat: str, shown_as: str | None) -> None:
    """Write that a message of progress is shown in a chat, or none any more."""
    if shown_as is None:
        connection.execute("DELETE FROM progress_shown WHERE channel = ? AND chat = ?", (channel, chat))
    else:
        connection.execute("INSERT OR REPLACE INTO progress_shown VALUES (?, ?, ?)", (channel, chat, shown_as))
