"""Who may use the device's web server.

The host a browser names must be one of ours (else a foreign name that resolves to this machine, as in DNS rebinding,
would be let in); an Origin, when there is one on a WebSocket or an unsafe request, must be that same host; and the
API wants the token, as a bearer (RFC 6750) or as a session cookie made from it. The cookie's name holds the port,
since browsers share cookies between the ports of a host.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from outpost_wire.errors import BadInput, OutpostError
from outpost_wire.http import SECURITY_HEADERS, accepted_language

SESSION_S = 30 * 24 * 3600
log = logging.getLogger(__name__)

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NotAllowed(BadInput):
    """The request is not from somebody who may make it."""

    code = "not_allowed"


class Failed(BadInput):
    """Something went wrong on the device that nobody foresaw."""

    code = "failed"


class NotSignedIn(BadInput):
    """The request carries neither token nor session."""

    code = "not_signed_in"


@dataclass(slots=True)
class Refusals:
    """How many requests were refused, by reason."""

    token: int = 0
    origin: int = 0
    host: int = 0


class Guard:
    """Decides by a request's headers; `now` arguments are Unix seconds."""

    def __init__(self, token: str, hosts: tuple[str, ...], port: int) -> None:
        self._token = token.encode()
        names = (*_LOOPBACK, *(f"[{host}]" if ":" in host else host.lower() for host in hosts))
        self._hosts = frozenset(name for host in names for name in (host, f"{host}:{port}"))
        self.cookie = f"outpost_chat_{port}"
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
        """Raise NotAllowed when a browser says that another site's page makes the request."""
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            self.refusals.origin += 1
            raise NotAllowed("Another site's page may not use this device.", "其他网站的页面不能使用本设备。")

    def check_token(self, authorization: str, session: str | None, now: float) -> None:
        """Raise NotSignedIn unless the bearer token or the session is good."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(
            token.strip().encode(errors="surrogateescape"), self._token
        ):
            return
        if session is not None and self._is_session(session, now):
            return
        self.refusals.token += 1
        raise NotSignedIn("Sign in first: open the link that the device printed.", "请先登录：打开设备打印的链接。")

    def new_session(self, now: float) -> str:
        """Return the value of a session cookie that is good for SESSION_S."""
        until = str(int(now) + SESSION_S)
        return f"{until}.{self._seal(until)}"

    def _is_session(self, session: str, now: float) -> bool:
        until, _, seal = session.partition(".")
        return (
            until.isdigit()
            and hmac.compare_digest(seal.encode(errors="surrogateescape"), self._seal(until).encode())
            and now < int(until)
        )

    def _seal(self, until: str) -> str:
        return hmac.new(self._token, b"session " + until.encode(), hashlib.sha256).hexdigest()


_STATUS: dict[str, int] = {
    "bad_input": 400,
    "bad_request": 400,
    "not_signed_in": 401,
    "not_allowed": 403,
    "no_such_task": 404,
    "no_such_message": 404,
    "not_found": 404,
    "key_reused": 409,
    "attachment_too_large": 413,
    "database_failed": 503,
    "not_ready": 503,
    "device_full": 507,
}


def error_response(request: web.Request, error: OutpostError) -> web.Response:
    """Return `error` as `{"error": {"code", "message"}}` in the language that the browser asks for."""
    in_chinese = isinstance(error, BadInput) and accepted_language(request.headers.get("Accept-Language", "")) == "zh"
    message = error.zh if in_chinese and isinstance(error, BadInput) else str(error)
    body = msgspec.json.encode({"error": {"code": error.code, "message": message}})
    return web.Response(status=_STATUS.get(error.code, 500), body=body, content_type="application/json")


def guard_middleware(guard: Guard, clock: Callable[[], float], is_open: Callable[[web.Request], bool]) -> Middleware:
    """Return the middleware that lets `guard` decide and turns errors into responses.

    `is_open` says which requests need no token.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            guard.check_host(request.host)
            if request.method not in _SAFE or "Upgrade" in request.headers:
                guard.check_origin(request.headers.get("Origin"), request.host)
            if not is_open(request):
                guard.check_token(request.headers.get("Authorization", ""), request.cookies.get(guard.cookie), clock())
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
