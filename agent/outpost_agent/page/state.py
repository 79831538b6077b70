"""How the device is, for its owner: health and the last hour's curve, what waits, what has left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypedDict

from aiohttp import web

from outpost_agent.channels.web.guard import Access, Route
from outpost_agent.channels.web.values import answer
from outpost_agent.conversation import counts
from outpost_agent.egress import Egress
from outpost_agent.page.history import History
from outpost_disk import Database
from outpost_hw.health import Health
from outpost_sdk.tasks import TaskEngine


class LinkState(TypedDict):
    """Whether the manager's broker is reached, and how many events wait for it."""

    connected: bool
    outbox: int


class StateRoutes:
    """One route that says it all. `link()` is None for a device without a manager."""

    def __init__(
        self,
        *,
        database: Database,
        engine: TaskEngine,
        egress: Egress,
        history: History,
        health: Callable[[], Health],
        link: Callable[[], LinkState | None],
        address: Callable[[], str],
        release: str,
    ) -> None:
        self._database = database
        self._engine = engine
        self._egress = egress
        self._history = history
        self._health = health
        self._link = link
        self._address = address
        self._release = release
        self._started = time.monotonic()

    def routes(self) -> list[Route]:
        """Return the route, for the owner."""
        return [Route("GET", "/api/v1/health", self._state, Access.OWNER)]

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        health = self._health()
        return answer(
            {
                "health": {
                    "cpu": health.cpu,
                    "memory": health.memory,
                    "disk": health.disk,
                    "load": health.load,
                    "temperature": health.temperature,
                    "rss": health.rss,
                },
                "samples": self._history.samples(),
                "uptime_s": round(time.monotonic() - self._started, 1),
                "release": self._release,
                "tasks": dict(await self._engine.counts()),
                "undelivered": await self._database.read(counts),
                "link": self._link(),
                "egress": [
                    {"destination": destination, "kind": kind, "count": left.count, "bytes": left.bytes}
                    for destination, kind, left in self._egress.totals()
                ],
                "address": self._address(),
            }
        )
