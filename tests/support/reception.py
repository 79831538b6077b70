"""People over a database, with clocks that a test sets, and what they say and tell noted down."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from outpost_agent.conversation import CONVERSATION_2_SCHEMA, CONVERSATION_SCHEMA, Stored, page_after
from outpost_agent.people import PEOPLE_SCHEMA, Claimed, People, Stranger
from outpost_disk import Database
from outpost_sdk.handler import Language
from outpost_wire.ids import encode

SCHEMA = (CONVERSATION_SCHEMA, CONVERSATION_2_SCHEMA, PEOPLE_SCHEMA)
NOW = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEARS = 10 * 365 * DAY


@dataclass
class Reception:
    """The circumstances of `People`: `now` is the clock on the wall, `up` one that only rises."""

    database: Database
    now: int = NOW
    up: int = 1_000
    said: list[tuple[str, str]] = field(default_factory=list)
    changes: int = 0
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def open(self) -> People:
        return await People.open(
            self.database,
            new_id=lambda: encode(next(self.ids)),
            clock_ms=lambda: self.now,
            monotonic_ms=lambda: self.up,
            said=lambda channel, chat: self.said.append((channel, chat)),
            changed=self.note_change,
            device="Kitchen",
        )

    def note_change(self) -> None:
        self.changes += 1

    def passes(self, milliseconds: int) -> None:
        """Let time pass on both clocks."""
        self.now += milliseconds
        self.up += milliseconds

    async def heard(self, channel: str, chat: str) -> list[Stored]:
        """Return all that was said in a chat."""
        return await self.database.read(lambda connection: page_after(connection, channel, chat, 0, 1_000))


def stranger(
    sender: str, channel: str = "telegram", *, name: str = "Ann", language: Language | None = "en"
) -> Stranger:
    """Return somebody who writes from a private chat."""
    return Stranger(channel=channel, sender=sender, name=name, chat=f"chat {sender}", language=language)


async def let_in(people: People, sender: str, channel: str = "telegram") -> str:
    """Return the id of a user who asked and was approved."""
    code = await people.ask(stranger(sender, channel))
    assert code is not None
    return (await people.approve(code)).person.person


async def claimed(people: People) -> Claimed:
    """Claim the device with its code."""
    assert people.claim_code is not None
    return await people.claim(people.claim_code)
