"""Channels, as the owner adds, tries and removes them on the page."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from aiohttp import web
from msgspec import field

from outpost_agent.channels.web.guard import Access, Route
from outpost_agent.channels.web.values import Body, answer, read_body
from outpost_wire.messages import ChannelFacts


class Channels(Protocol):
    """What the page needs of the device's channels; `channels.switchboard` is the one there is."""

    def facts(self) -> tuple[ChannelFacts, ...]:
        """Return the channels."""
        ...

    def is_kept(self, name: str) -> bool:
        """Say whether a channel was added here, and so can be removed here."""
        ...

    async def add(self, name: str, kind: str, options: dict[str, str], *, proxy: str = "") -> ChannelFacts:
        """Check, keep and start a channel; raises BadSetting or ChannelDown."""
        ...

    async def remove(self, name: str) -> None:
        """End and forget a channel; raises NoSuchChannel or ChannelFixed."""
        ...

    async def test(self, name: str) -> str:
        """Return who we are on its platform; raises NoSuchChannel or ChannelDown."""
        ...


class NewChannel(Body, frozen=True):
    """A channel to be added."""

    name: str
    kind: str = "telegram"
    options: dict[str, str] = field(default_factory=dict)
    proxy: str = ""


class ChannelRoutes:
    """The channels' rooms."""

    def __init__(self, *, channels: Channels) -> None:
        self._channels = channels

    def routes(self) -> list[Route]:
        """Return the routes, all for the owner."""
        return [
            Route("GET", "/api/v1/channels", self._list, Access.OWNER),
            Route("POST", "/api/v1/channels", self._add, Access.OWNER),
            Route("DELETE", "/api/v1/channels/{name}", self._remove, Access.OWNER),
            Route("POST", "/api/v1/channels/{name}/test", self._test, Access.OWNER),
        ]

    async def _list(self, _request: web.Request) -> web.StreamResponse:
        return answer([self._view(facts) for facts in self._channels.facts()])

    async def _add(self, request: web.Request) -> web.StreamResponse:
        new = await read_body(request, NewChannel)
        facts = await self._channels.add(new.name, new.kind, new.options, proxy=new.proxy)
        return answer(self._view(facts), status=201)

    async def _remove(self, request: web.Request) -> web.StreamResponse:
        await self._channels.remove(request.match_info["name"])
        return web.Response(status=204)

    async def _test(self, request: web.Request) -> web.StreamResponse:
        return answer({"account": await self._channels.test(request.match_info["name"])})

    def _view(self, facts: ChannelFacts) -> dict[str, Any]:
        return {**msgspec.structs.asdict(facts), "removable": self._channels.is_kept(facts.name)}
