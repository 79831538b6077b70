"""Removes what nothing names any more: folders of ended work, old tasks, files that no message names."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from outpost_agent.content import ContentFolder
from outpost_agent.conversation import named_content
from outpost_agent.runner import Runner
from outpost_agent.tasks import SqliteEngine
from outpost_disk import Database
from outpost_wire.errors import OutpostError

log = logging.getLogger(__name__)

EVERY_S = 900.0
UNCLAIMED_S = 3600.0
TASKS_KEPT = 10_000
DAY_MS = 24 * 3600 * 1000


async def keep_house(
    database: Database,
    engine: SqliteEngine,
    content: ContentFolder,
    runner: Runner,
    *,
    keep_days: int,
    clock_ms: Callable[[], int],
) -> None:
    """Clean up now and every EVERY_S until cancelled; what fails is logged and tried again at the next round."""
    while True:
        try:
            await runner.sweep()
            await engine.prune(clock_ms() - keep_days * DAY_MS, TASKS_KEPT)
            before_s = time.time() - UNCLAIMED_S
            named = await database.read(named_content)
            await asyncio.to_thread(content.sweep, named, before_s)
        except (OutpostError, OSError) as error:
            log.warning("housekeeping put off", extra={"reason": str(error)})
        await asyncio.sleep(EVERY_S)
