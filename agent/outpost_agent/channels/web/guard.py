"""Who may use the device's web server.

The host a browser names must be one of ours (else a foreign name that resolves to this machine, as in DNS rebinding,
would be let in); an Origin, when there is one on a WebSocket or an unsafe request, must be that same host; and the
API wants a person: the owner's bearer token (RFC 6750) where one is set, or the session of a browser that somebody
signed in. Every route says whom it is for; one that says nothing is for the people whom the device knows. Cookies
hold the port in their names, since browsers share cookies between the ports of a host; over TLS they are bound to the
very host instead (`__Host-`, RFC 6265bis).
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from outpost_agent.people import People
from outpost_agent.people.errors import TooManyTries
from outpost_agent.people.who import Who
from outpost_wire.errors import BadInput, OutpostError
from outpost_wire.http import SECURITY_HEADERS, accepted_language

SESSION_S = 30 * 24 * 3600
ASKS_S = 24 * 3600
log = logging.getLogger(__name__)

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
WHO: web.RequestKey[Who] = web.RequestKey("who", Who)
"""The person who makes a request; absent where nobody is signed in, which only open routes see."""


class Access(Enum):
    """Whom a route is for."""

    OPEN = "anybody"
    PERSON = "people whom the device knows"
    OWNER = "the owner"


class Route(NamedTuple):
    """One route of the server; its handler is that of no other route."""

    method: str
    path: str
    handler: Handler
    access: Access = Access.PERSON


class NotAllowed(BadInput):
    """The request is not from somebody who may make it."""

    code = "not_allowed"


class Failed(BadInput):
    """Something went wrong on the device that nobody foresaw."""

    code = "failed"


class NotSignedIn(BadInput):
    """The request is from nobody whom the device knows."""

    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__(
            "Sign in first: claim the device, or open a link that its owner made.",
            "请先登录：认领本设备，或打开主人生成的链接。",
        )

    def __reduce__(self) -> tuple[type[NotSignedIn], tuple[()]]:  # type: ignore[override]
        return type(self), ()


class OwnerOnly(BadInput):
    """Only the owner may do this."""

    code = "owner_only"

    def __init__(self) -> None:
        super().__init__("Only the owner of this device may do that.", "只有本设备的主人可以这样做。")

    def __reduce__(self) -> tuple[type[OwnerOnly], tuple[()]]:  # type: ignore[override]
        return type(self), ()


@dataclass(slots=True)
class Refusals:
    """How many requests were refused, by reason."""

    token: int = 0
    origin: int = 0
    host: int = 0
    owner: int = 0


class Guard:
    """Decides by a request's headers, and keeps the cookies of the browsers that it lets in.

    `token` lets a program in as the owner; None where there is none.
    """

    def __init__(self, people: People, token: str | None, hosts: tuple[str, ...], port: int, *, is_tls: bool) -> None:
        self._people = people
        self._token = token.encode() if token else None
        self._is_tls = is_tls
        names = (*_LOOPBACK, *(f"[{host}]" if ":" in host else host.lower() for host in hosts))
        self._hosts = frozenset(name for host in names for name in (host, f"{host}:{port}"))
        self.cookie = "__Host-outpost_chat" if is_tls else f"outpost_chat_{port}"
        self.asks_cookie = "__Host-outpost_asks" if is_tls else f"outpost_asks_{port}"
        self.refusals = Refusals()

    def check_host(self, host: str) -> None:
        """Raise NotAllowed when `host` is not a name of this server."""
        if host.lower() not in self._hosts:
            self.refusals.host += 1
            raise NotAllowed(
                "This device is not reached under that name: use its address, or add the name to web.hosts.",
                "不能用这个名称访问本设备：请使用它的地址，或把该名称加入 web.hosts。",
            )

    def check_origin(self, origin: str | None, host: str) -> None:
        """Raise NotAllowed when a browser says that another site's page makes the request.

        Without TLS of our own, a proxy may have put some before us, so both schemes are ours.
        """
        schemes = ("https",) if self._is_tls else ("http", "https")
        if origin is not None and origin.lower() not in [f"{scheme}://{host.lower()}" for scheme in schemes]:
            self.refusals.origin += 1
            raise NotAllowed("Another site's page may not use this device.", "其他网站的页面不能使用本设备。")

    def who(self, request: web.Request) -> Who | None:
        """Return who makes a request, as of now: a session may have ended since the request began."""
        if self.has_token(request):
            return self._people.owner
        secret = self.session(request)
        return self._people.browser(secret) if secret else None

    def check_still(self, request: web.Request) -> None:
        """Raise NotSignedIn when who made the request is not let in any more."""
        before, now = request.get(WHO), self.who(request)
        if now is None or before is None or (now.person, now.role) != (before.person, before.role):
            raise NotSignedIn

    def has_token(self, request: web.Request) -> bool:
        """Say whether the request carries the owner's token."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token.strip().encode(errors="surrogateescape")
        return self._token is not None and scheme.lower() == "bearer" and hmac.compare_digest(given, self._token)

    def let_in(self, request: web.Request, access: Access) -> None:
        """Put who makes the request into it; raises NotSignedIn or OwnerOnly when `access` is for somebody else."""
        who = self.who(request)
        if who is not None:
            request[WHO] = who
        if access is Access.OPEN:
            return
        if who is None:
            self.refusals.token += 1
            raise NotSignedIn
        if access is Access.OWNER and not who.is_owner:
            self.refusals.owner += 1
            raise OwnerOnly

    def session(self, request: web.Request) -> str | None:
        """Return the secret of the browser's session, good or not."""
        return request.cookies.get(self.cookie)

    def sign_in(self, response: web.StreamResponse, secret: str) -> None:
        """Give the browser the session `secret`; what it asked for is settled by that."""
        self._set(response, self.cookie, secret, SESSION_S)
        self._drop(response, self.asks_cookie)

    async def renew(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let the days of a browser in use begin again, and those of its cookie."""
        secret = self.session(request)
        if secret and request.get(WHO) and await self._people.renew(secret):
            self._set(response, self.cookie, secret, SESSION_S)

    def sign_out(self, response: web.StreamResponse) -> None:
        """Take the session from the browser."""
        self._drop(response, self.cookie)

    def asks(self, request: web.Request) -> str | None:
        """Return the secret by which a browser that asked to be let in is known again."""
        return request.cookies.get(self.asks_cookie)

    def note_asks(self, response: web.StreamResponse, secret: str) -> None:
        """Give a browser that asks to be let in the `secret` by which it is known again."""
        self._set(response, self.asks_cookie, secret, ASKS_S)

    def _set(self, response: web.StreamResponse, name: str, value: str, age_s: int) -> None:
        response.set_cookie(
            name, value, max_age=age_s, path="/", httponly=True, samesite="Strict", secure=self._is_tls or None
        )

    def _drop(self, response: web.StreamResponse, name: str) -> None:
        response.del_cookie(name, path="/", httponly=True, samesite="Strict", secure=self._is_tls or None)


_STATUS: dict[str, int] = {
    "bad_input": 400,
    "bad_request": 400,
    "bad_setting": 400,
    "not_signed_in": 401,
    "claim_refused": 403,
    "invite_refused": 403,
    "not_allowed": 403,
    "not_paired": 403,
    "owner_only": 403,
    "recovery_refused": 403,
    "no_such_channel": 404,
    "no_such_message": 404,
    "no_such_person": 404,
    "no_such_request": 404,
    "no_such_task": 404,
    "not_found": 404,
    "already_claimed": 409,
    "channel_fixed": 409,
    "key_reused": 409,
    "not_claimed": 409,
    "owner_stays": 409,
    "task_refused": 409,
    "too_many_people": 409,
    "attachment_too_large": 413,
    "too_many_lines": 429,
    "too_many_tries": 429,
    "channel_down": 502,
    "database_failed": 503,
    "not_ready": 503,
    "device_full": 507,
}


def error_response(request: web.Request, error: OutpostError) -> web.Response:
    """Return `error` as `{"error": {"code", "message"}}` in the language that the browser asks for."""
    in_chinese = isinstance(error, BadInput) and accepted_language(request.headers.get("Accept-Language", "")) == "zh"
    message = error.zh if in_chinese and isinstance(error, BadInput) else str(error)
    body = msgspec.json.encode({"error": {"code": error.code, "message": message}})
    response = web.Response(status=_STATUS.get(error.code, 500), body=body, content_type="application/json")
    if isinstance(error, TooManyTries):
        response.headers["Retry-After"] = str(error.after_s)
    return response


def guard_middleware(guard: Guard, access_of: Callable[[web.Request], Access]) -> Middleware:
    """Return the middleware that lets `guard` decide and turns errors into responses.

    `access_of` says whom a request's route is for.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            guard.check_host(request.host)
            if request.method not in _SAFE or "Upgrade" in request.headers:
                guard.check_origin(request.headers.get("Origin"), request.host)
            guard.let_in(request, access_of(request))
            response = await handler(request)
        except OutpostError as error:
            response = error_response(request, error)
        except web.HTTPException as error:
            response = _plain_error(request, error)
        except ConnectionError:
            raise
        except Exception:
            log.exception("request failed", extra={"path": request.path[:100]})
            response = error_response(request, Failed("The device could not do that.", "设备未能完成该请求。"))
        return response

    return middleware


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on a response that is about to begin; for `on_response_prepare`."""
    response.headers.update(SECURITY_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def _plain_error(request: web.Request, error: web.HTTPException) -> web.Response:
    class Plain(OutpostError):
        code = "not_found" if error.status == 404 else "bad_request"

    response = error_response(request, Plain(f"{request.method} {request.path[:100]}: {error.reason}"))
    response.set_status(error.status)
    return response
