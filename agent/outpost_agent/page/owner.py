"""The owner's rooms: people and who asks to be let in, every chat, the recovery file, another browser's way in."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from outpost_agent.announce import sign_in_link
from outpost_agent.channels.web.guard import Access, Route
from outpost_agent.channels.web.values import Body, answer, before_seq, page_size, read_body
from outpost_agent.channels.web.views import iso, person_view, shown
from outpost_agent.conversation import ChatSummary, chats, page_before
from outpost_agent.egress import Egress
from outpost_agent.people import People
from outpost_agent.people.core import INVITE_MS
from outpost_disk import Database
from outpost_wire.messages import Role

CHATS_LIMIT = 1000


class Approval(Body, frozen=True):
    """As what somebody is let in."""

    role: Role = "user"


class OwnerRoutes:
    """People, chats and keys. `address()` is where browsers reach the device."""

    def __init__(
        self,
        *,
        people: People,
        database: Database,
        egress: Egress,
        address: Callable[[], str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._people = people
        self._database = database
        self._egress = egress
        self._address = address
        self._clock_ms = clock_ms

    def routes(self) -> list[Route]:
        """Return the routes, all for the owner."""
        requests = "/api/v1/people/requests/{id}"
        return [
            Route("GET", "/api/v1/people", self._list, Access.OWNER),
            Route("POST", f"{requests}/approve", self._approve, Access.OWNER),
            Route("POST", f"{requests}/refuse", self._refuse, Access.OWNER),
            Route("DELETE", "/api/v1/people/{person}", self._revoke, Access.OWNER),
            Route("POST", "/api/v1/recovery", self._recovery, Access.OWNER),
            Route("POST", "/api/v1/invite", self._invite, Access.OWNER),
            Route("GET", "/api/v1/chats", self._chats, Access.OWNER),
            Route("GET", "/api/v1/chats/{channel}/{chat}/messages", self._messages, Access.OWNER),
        ]

    async def _list(self, _request: web.Request) -> web.StreamResponse:
        people = self._people
        return answer({"people": people.facts(), "requests": people.requests(), "turned_away": people.turned_away})

    async def _approve(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, Approval)
        approved = await self._people.approve(request.match_info["id"], body.role)
        return answer({"person": person_view(approved.person)})

    async def _refuse(self, request: web.Request) -> web.StreamResponse:
        await self._people.refuse(request.match_info["id"])
        return web.Response(status=204)

    async def _revoke(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        await self._people.revoke(request.match_info["person"], query.get("channel"), query.get("sender"))
        return web.Response(status=204)

    async def _recovery(self, _request: web.Request) -> web.StreamResponse:
        return answer({"recovery": await self._people.fresh_recovery()})

    async def _invite(self, _request: web.Request) -> web.StreamResponse:
        now_ms = self._clock_ms()
        code = await self._people.invite()
        return answer({"link": sign_in_link(self._address(), code), "expires": iso(now_ms + INVITE_MS)})

    async def _chats(self, _request: web.Request) -> web.StreamResponse:
        found = await self._database.read(lambda connection: chats(connection, CHATS_LIMIT))
        return answer([self._chat(chat) for chat in found])

    def _chat(self, chat: ChatSummary) -> dict[str, object]:
        known = self._people.person(chat.person) if chat.person else None
        return {
            "channel": chat.channel,
            "chat": chat.chat,
            "person": chat.person,
            "name": known.name if known else "",
            "last": iso(chat.last_ms),
            "count": chat.count,
        }

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        channel, chat = request.match_info["channel"], request.match_info["chat"]
        before, limit = before_seq(request), page_size(request)
        found = await self._database.read(lambda connection: page_before(connection, channel, chat, before, limit))
        return answer([shown(self._egress, message) for message in found])
