"""All routes of the device's page beside the chat, made of the parts that they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from outpost_agent.channels.web.guard import Guard, Route
from outpost_agent.egress import Egress
from outpost_agent.page.gate import GateRoutes
from outpost_agent.page.history import History
from outpost_agent.page.lines import ChannelRoutes, Channels
from outpost_agent.page.news import News
from outpost_agent.page.owner import OwnerRoutes
from outpost_agent.page.state import LinkState, StateRoutes
from outpost_agent.page.work import Work, WorkRoutes
from outpost_agent.people import People
from outpost_disk import Database
from outpost_hw.health import Health


class Page:
    """The rooms of the page. `about` is what `Reporter.about` gives; `address()` is where browsers reach the device."""

    def __init__(
        self,
        *,
        people: People,
        guard: Guard,
        news: News,
        database: Database,
        engine: Work,
        egress: Egress,
        channels: Channels,
        history: History,
        health: Callable[[], Health],
        link: Callable[[], LinkState | None],
        progress: Callable[[str], float | None],
        about: dict[str, Any],
        address: Callable[[], str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._gate = GateRoutes(people=people, guard=guard, news=news, about=about)
        self._work = WorkRoutes(database=database, engine=engine, egress=egress, progress=progress, clock_ms=clock_ms)
        self._owner = OwnerRoutes(people=people, database=database, egress=egress, address=address, clock_ms=clock_ms)
        self._channels = ChannelRoutes(channels=channels)
        self._state = StateRoutes(
            database=database,
            engine=engine,
            egress=egress,
            history=history,
            health=health,
            link=link,
            address=address,
            release=about["version"],
        )

    def routes(self) -> list[Route]:
        """Return the routes."""
        parts = (self._gate, self._work, self._owner, self._channels, self._state)
        return [route for part in parts for route in part.routes()]
