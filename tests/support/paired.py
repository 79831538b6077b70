"""Somebody whom a device knows before it starts."""

from __future__ import annotations

import os
import time
from pathlib import Path

from outpost_agent.app import SCHEMA
from outpost_agent.people import People, Stranger
from outpost_disk import open_database
from outpost_wire.ids import Ulids
from outpost_wire.messages import Role


async def pair(
    state: Path, channel: str, sender: str, chat: str, *, role: Role = "user", name: str | None = None
) -> None:
    """Let `sender` in on `channel`, as if that had been long ago, at the device whose state is kept in `state`."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    new_id = Ulids(_now_ms, os.urandom)
    async with open_database(state / "device.sqlite", SCHEMA) as database:
        people = await People.open(
            database, new_id=new_id, clock_ms=_now_ms, said=lambda *_: None, changed=lambda: None
        )
        code = await people.ask(Stranger(channel=channel, sender=sender, name=name or sender, chat=chat, language="en"))
        await people.approve(code or "", role)
        await database.write(lambda connection: connection.execute("UPDATE message SET state = 'delivered'"))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
