"""What the handlers of the console share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from outpost_manager.commander import Commander
from outpost_manager.hub import Hub
from outpost_manager.metrics import Metrics
from outpost_manager.shadows import Shadows
from outpost_manager.store import FleetStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The parts behind the console.

    `token` is the hash of the API's token, None when there is none; `hosts` are names that browsers may use beyond
    loopback; `is_secure` says that the console speaks TLS; `missing` returns what the manager lacks for its work,
    nothing when it is ready.
    """

    fleet: str
    manager: str
    version: str
    state: Path
    store: FleetStore
    hub: Hub
    commander: Commander
    shadows: Shadows
    metrics: Metrics
    token: bytes | None
    hosts: frozenset[str]
    cookie: str
    is_secure: bool
    session_s: int
    now_ms: Callable[[], int]
    is_linked: Callable[[], bool]
    missing: Callable[[], list[str]]


CONSOLE = web.AppKey("console", Console)


def cookie_name(port: int, *, is_secure: bool) -> str:
    """Return the name of the session's cookie.

    Browsers share cookies between the ports of a host, so it holds the port. Over TLS it begins with `__Host-`, which
    a browser takes from this very host only, for all of its paths and never in the clear (RFC 6265bis, 4.1.3.2).
    """
    return f"{'__Host-' if is_secure else ''}outpost_console_{port}"
