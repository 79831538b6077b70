"""Lets people in at the database DATABASE, as NAME 0, NAME 1 and so on, and prints each when they are in."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from pathlib import Path

from outpost_agent.people import People
from outpost_disk import open_database
from outpost_wire.ids import Ulids
from tests.support.reception import HOUR, SCHEMA, stranger


async def let_in(path: Path, name: str) -> None:
    now = [time.time_ns() // 1_000_000]
    async with open_database(path, SCHEMA) as database:
        people = await People.open(
            database,
            new_id=Ulids(lambda: now[0], os.urandom),
            clock_ms=lambda: now[0],
            monotonic_ms=lambda: now[0],
            said=lambda *_: None,
            changed=lambda: None,
        )
        for number in itertools.count():
            sender = f"{name} {number}"
            code = await people.ask(stranger(sender))
            assert code is not None
            await people.approve(code)
            print(sender, flush=True)
            now[0] += HOUR


if __name__ == "__main__":
    asyncio.run(let_in(Path(sys.argv[1]), sys.argv[2]))
