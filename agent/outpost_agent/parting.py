"""What becomes of the work of people whom the device no longer knows: it ends, and its answers stay here."""

from __future__ import annotations

import sqlite3

from outpost_agent.people import OWNER, People
from outpost_agent.people.rows import LOCAL, WEB
from outpost_agent.tasks.chains import OPEN
from outpost_disk import Database
from outpost_sdk.tasks import TaskEngine

WORK_LIMIT = 100_000

OWNER_SCHEMA = """
UPDATE task SET principal = 'owner' WHERE principal = 'web:owner' OR principal LIKE 'local:%';
UPDATE message SET person = 'owner' WHERE person IS NULL AND channel IN ('web', 'local');
"""
"""What was asked and answered before the device knew people was its owner's."""

_GOING_OUT = "direction = 'out' AND state != 'delivered' AND state IN ('prepared', 'queued', 'sending')"


async def part_with_strangers(database: Database, engine: TaskEngine, people: People, now_ms: int) -> int:
    """Cancel the work of people who may not talk here any more and hold back what waits for them; return how many.

    To be called after every change of the people, and at the start; it finds by itself what there is to do.
    """
    ended = 0
    for task in await engine.list(states=OPEN, limit=WORK_LIMIT):
        if not may_hear(people, task.spec.principal, task.spec.channel):
            ended += len(await engine.cancel(task.id, now_ms))

    def hold_back(connection: sqlite3.Connection) -> int:
        strangers = [place for place in _waiting(connection) if not may_hear(people, *place)]
        return sum(_hold_back(connection, person, channel, now_ms) for person, channel in strangers)

    return ended + await database.write(hold_back)


def _waiting(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return each person with a channel on which something waits: for them, or of theirs for its work to be started."""
    outgoing = connection.execute(f"SELECT DISTINCT person, channel FROM message WHERE {_GOING_OUT}")  # noqa: S608
    held = connection.execute("SELECT DISTINCT person, channel FROM message WHERE held != ''")
    return {(person, channel) for person, channel in [*outgoing, *held] if person is not None}


def _hold_back(connection: sqlite3.Connection, person: str, channel: str, now_ms: int) -> int:
    """Let nothing more go out to a person, the rest of what is being sent neither, and start no work of theirs."""
    held_back = connection.execute(
        "UPDATE message SET state = 'refused', reason = 'this person may not talk here any more', updated_ms = ?"  # noqa: S608
        f" WHERE {_GOING_OUT} AND person = ? AND channel = ?",
        (now_ms, person, channel),
    )
    forgotten = connection.execute(
        "UPDATE message SET held = '', updated_ms = ? WHERE held != '' AND person = ? AND channel = ?",
        (now_ms, person, channel),
    )
    return held_back.rowcount + forgotten.rowcount


def may_hear(people: People, person: str, channel: str | None) -> bool:
    """Say whether a person is known on a channel.

    The own channels knew nobody but the owner once, by names that the specs of tasks from then still have.
    """
    if person.startswith(("web:", "local:")):
        person = OWNER
    if people.person(person) is None:
        return False
    return channel in (None, WEB, LOCAL) or any(home.channel == channel for home in people.homes(person))
