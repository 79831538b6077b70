"""What becomes of the work of people whom the device no longer knows: it ends, and its answers stay here."""

from __future__ import annotations

import sqlite3

from outpost_agent.people import People
from outpost_agent.tasks.chains import OPEN
from outpost_disk import Database
from outpost_sdk.tasks import TaskEngine

WORK_LIMIT = 100_000


async def part_with_strangers(database: Database, engine: TaskEngine, people: People, now_ms: int) -> int:
    """Cancel the work of people who may not talk here any more and hold back what waits for them; return how many.

    To be called after every change of the people, and at the start; it finds by itself what there is to do.
    """
    ended = 0
    for task in await engine.list(states=OPEN, limit=WORK_LIMIT):
        if not may_hear(people, task.spec.principal, task.spec.channel):
            ended += len(await engine.cancel(task.id, now_ms))

    def hold_back(connection: sqlite3.Connection) -> int:
        rows = connection.execute(
            "SELECT DISTINCT person, channel FROM message"
            " WHERE direction = 'out' AND state IN ('prepared', 'queued') AND person IS NOT NULL"
        ).fetchall()
        held = 0
        for person, channel in rows:
            if not may_hear(people, person, channel):
                held += connection.execute(
                    "UPDATE message SET state = 'refused', reason = 'this person may not talk here any more',"
                    " updated_ms = ? WHERE direction = 'out' AND state IN ('prepared', 'queued') AND person = ?"
                    " AND channel = ?",
                    (now_ms, person, channel),
                ).rowcount
        return held

    return ended + await database.write(hold_back)


def may_hear(people: People, person: str, channel: str | None) -> bool:
    """Say whether a person is known on a channel."""
    if people.person(person) is None:
        return False
    return channel in (None, "web", "local") or any(home.channel == channel for home in people.homes(person))
