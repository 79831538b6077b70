"""What stands before every request: security headers, the host's name, the page's origin, who is asking.

The host check stops a stranger's name from being pointed at this machine (DNS rebinding); the origin check stops a
stranger's page, including one on another port of this host, from using a browser that is signed in here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web

from outpost_disk import DatabaseFailed
from outpost_disk.settings import is_loopback
from outpost_manager.access import digest, is_same
from outpost_manager.errors import Refusal
from outpost_manager.web.console import CONSOLE
from outpost_manager.web.refusals import refuse, refuse_status
from outpost_wire.http import SECURITY_HEADERS, accepted_language

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

API = "/api/"
SIGN_IN = "/api/v1/session"
SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


@dataclass(frozen=True, slots=True)
class Access:
    """Who is asking: `key` is the hash of the cookie or the token, good until `expires_ms` (None: no end)."""

    key: bytes
    expires_ms: int | None
    by_cookie: bool


ACCESS = web.RequestKey("access", Access)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every response, whoever made it."""
    response.headers.update(SECURITY_HEADERS)
    if request.path.startswith(API):
        response.headers["Cache-Control"] = "no-store"


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what goes wrong into JSON in the caller's language; the one place where everything is caught."""
    try:
        response = await handler(request)
    except Refusal as refusal:
        response = _answer(request, refusal)
    except web.HTTPException as error:
        response = _answer(request, refuse_status(error.status)) if error.status >= 400 else error
    except DatabaseFailed:
        log.exception("database failed", extra={"path": request.path})
        response = _answer(request, refuse("no_database"))
    except Exception:
        log.exception("request failed", extra={"path": request.path})
        response = _answer(request, refuse("failed"))
    request.app[CONSOLE].metrics.requests.labels(str(response.status)).inc()
    return response


@web.middleware
async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request to a name that is not ours."""
    if not is_our_host(request.headers.get(hdrs.HOST, ""), request.app[CONSOLE].hosts):
        raise refuse("bad_host")
    return await handler(request)


@web.middleware
async def check_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests to the API from another site's page, and from nobody we know."""
    if not request.path.startswith(API):
        return await handler(request)
    if not _is_same_origin(request):
        raise refuse("bad_origin")
    if request.path == SIGN_IN and request.method == hdrs.METH_POST:
        return await handler(request)
    access = await identify(request)
    if access.by_cookie and request.method not in SAFE and hdrs.ORIGIN not in request.headers:
        raise refuse("bad_origin")
    request[ACCESS] = access
    return await handler(request)


def is_our_host(header: str, hosts: frozenset[str]) -> bool:
    """Say whether a Host header names loopback, this machine's address listened on, or a configured name."""
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    return name in hosts or is_loopback(name)


def _is_same_origin(request: web.Request) -> bool:
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and urlsplit(origin).netloc != request.headers.get(hdrs.HOST):
        return False
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")


async def identify(request: web.Request) -> Access:
    """Return who is asking, or refuse."""
    console = request.app[CONSOLE]
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() == "bearer":
        if console.token is None or not is_same(token.strip(), console.token):
            raise refuse("unauthorised")
        return Access(console.token, None, by_cookie=False)
    cookie = request.cookies.get(console.cookie)
    if not cookie:
        raise refuse("unauthorised")
    key = digest(cookie)
    expires_ms = await console.store.session_expiry(key)
    if expires_ms <= console.now_ms():
        raise refuse("unauthorised")
    return Access(key, expires_ms, by_cookie=True)


def _answer(request: web.Request, refusal: Refusal) -> web.Response:
    language = accepted_language(request.headers.get(hdrs.ACCEPT_LANGUAGE, "")) or "en"
    message = refusal.zh if language == "zh" else refusal.en
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    return web.Response(
        status=refusal.status,
        body=msgspec.json.encode({"error": {"code": refusal.name, "message": message}}),
        content_type="application/json",
        headers={**headers, "Content-Language": language, "Vary": "Accept-Language"},
    )
