"""The gate: what anybody may ask, and the ways in.

A device without an owner belongs to the browser that gives its claim code. The owner comes back by the recovery file,
by a one-time code that another of their browsers made, or by the token where one is set. Anybody else asks to be let
in and waits: their browser keeps a secret by which it is known again once the owner has said yes. The owner sees only
its digest, which lets nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from aiohttp import web

from outpost_agent.channels.web.guard import WHO, Access, Guard, NotSignedIn, Route
from outpost_agent.channels.web.line import CHANNEL
from outpost_agent.channels.web.values import Body, answer, read_body
from outpost_agent.channels.web.views import iso, person_view
from outpost_agent.page.news import News
from outpost_agent.people import Asked, Claimed, People, Stranger
from outpost_agent.people.core import clean_name
from outpost_agent.people.errors import NoSuchRequest, TooManyTries
from outpost_agent.people.who import OWNER
from outpost_sdk.channel import NotPaired
from outpost_wire.errors import BadInput
from outpost_wire.http import Language, accepted_language

AGAIN_S = 300
_BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}


class Code(Body, frozen=True):
    """A code that somebody typed or brought by a link."""

    code: str = ""


class RecoveryFile(Body, frozen=True):
    """The text of a recovery file."""

    recovery: str


class Wish(Body, frozen=True):
    """Somebody asks to be let in, and says who they are."""

    name: str


class GateRoutes:
    """The routes that let people in and out. `about` is what `Reporter.about` gives."""

    def __init__(self, *, people: People, guard: Guard, news: News, about: dict[str, Any]) -> None:
        self._people = people
        self._guard = guard
        self._news = news
        self._about = about

    def routes(self) -> list[Route]:
        """Return the routes, open to anybody but for signing out."""
        return [
            Route("GET", "/api/v1/gate", self._gate, Access.OPEN),
            Route("POST", "/api/v1/claim", self._claim, Access.OPEN),
            Route("POST", "/api/v1/recover", self._recover, Access.OPEN),
            Route("POST", "/api/v1/session", self._sign_in, Access.OPEN),
            Route("DELETE", "/api/v1/session", self._sign_out),
            Route("POST", "/api/v1/pair", self._pair, Access.OPEN),
        ]

    async def _gate(self, request: web.Request) -> web.StreamResponse:
        who, asked, session = request.get(WHO), None, None
        if who is None and (secret := self._guard.asks(request)):
            asked = self._people.asks(CHANNEL, _sender(secret))
            session = await self._enter(request, asked)
            who = self._people.browser(session) if session else None
        response = answer(
            {
                "device": self._about["device"],
                "version": self._about["version"],
                "owned": self._people.is_owned,
                "person": person_view(who) if who else None,
                "asks": _asks_view(asked) if asked and who is None else None,
            }
        )
        if session:
            self._guard.sign_in(response, session)
        else:
            await self._guard.renew(request, response)
        return response

    async def _enter(self, request: web.Request, asked: Asked | None) -> str | None:
        """Sign a browser in whose wish was granted; return its secret, or None when there is nothing to do."""
        if asked is None or asked.state != "approved":
            return None
        try:
            session = await self._people.enter(
                asked.request.sender, name=_browser(request), language=_language(request)
            )
        except NoSuchRequest:
            return None
        self._news.people_changed()
        return session

    async def _claim(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, Code)
        claimed = await self._people.claim(
            body.code, source=request.remote or "", name=_browser(request), language=_language(request)
        )
        return self._owned(claimed)

    async def _recover(self, request: web.Request) -> web.StreamResponse:
        body = await read_body(request, RecoveryFile)
        claimed = await self._people.recover(body.recovery, name=_browser(request), language=_language(request))
        return self._owned(claimed)

    def _owned(self, claimed: Claimed) -> web.Response:
        return self._signed_in(answer({"recovery": claimed.recovery}), claimed.session)

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        name, language = _browser(request), _language(request)
        if self._guard.has_token(request):
            session = await self._people.new_browser(OWNER, name=name, language=language)
        else:
            body = await read_body(request, Code)
            if not body.code:
                self._guard.refusals.token += 1
                raise NotSignedIn
            session = await self._people.redeem(body.code, name=name, language=language)
        return self._signed_in(web.Response(status=204), session)

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        if session := self._guard.session(request):
            await self._people.sign_out(session)
        self._news.people_changed()
        response = web.Response(status=204)
        self._guard.sign_out(response)
        return response

    async def _pair(self, request: web.Request) -> web.StreamResponse:
        name = clean_name((await read_body(request, Wish)).name)
        if not name:
            raise BadInput(
                "Say who you are, so that the owner knows whom to let in.", "请填写您的称呼，以便主人知道是谁。"
            )
        secret = self._guard.asks(request)
        asked = self._people.asks(CHANNEL, _sender(secret)) if secret else None
        if asked is not None and asked.state == "refused":
            raise NotPaired("The owner of this device turned your request down.", "本设备的主人拒绝了您的请求。")
        if secret is None or asked is None or asked.state != "pending":
            secret = secrets.token_urlsafe(32)
            asked = await self._ask(_sender(secret), name, _language(request))
        response = answer({"code": asked.request.code, "expires": iso(asked.request.expires_ms)}, status=202)
        self._guard.note_asks(response, secret)
        return response

    async def _ask(self, sender: str, name: str, language: Language | None) -> Asked:
        await self._people.ask(Stranger(channel=CHANNEL, sender=sender, name=name, chat="", language=language))
        asked = self._people.asks(CHANNEL, sender)
        if asked is None:
            raise TooManyTries(
                "Too many people ask to be let in at the moment: try again in a few minutes.",
                "目前请求加入的人太多：请几分钟后再试。",
                AGAIN_S,
            )
        return asked

    def _signed_in(self, response: web.Response, session: str) -> web.Response:
        self._guard.sign_in(response, session)
        self._news.people_changed()
        return response


def _sender(secret: str) -> str:
    """Return the name under which the browser that has `secret` asks."""
    return hashlib.blake2b(secret.encode(errors="surrogateescape"), digest_size=16).hexdigest()


def _asks_view(asked: Asked) -> dict[str, str]:
    state = asked.state if asked.state != "approved" else "expired"
    return {"state": state, "code": asked.request.code, "expires": iso(asked.request.expires_ms)}


def _browser(request: web.Request) -> str:
    """Return what a browser calls itself."""
    agent = request.headers.get("User-Agent", "")
    return next((name for mark, name in _BROWSERS.items() if f"{mark}/" in agent), "")


def _language(request: web.Request) -> Language | None:
    return accepted_language(request.headers.get("Accept-Language", ""))
