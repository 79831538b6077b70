"""What the handlers of the console share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from outpost_manager.hub import Hub
from outpost_manager.metrics import Metrics
from outpost_manager.store import FleetStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The parts behind the console.

    `token` is the hash of the API's token, None when there is none; `hosts` are names that browsers may use beyond
    loopback; `cookie` holds the port, because browsers share cookies between the ports of a host; `missing` returns
    what the manager lacks for its work, nothing when it is ready.
    """

    fleet: str
    manager: str
    version: str
    state: Path
    store: FleetStore
    hub: Hub
    metrics: Metrics
    token: bytes | None
    hosts: frozenset[str]
    cookie: str
    session_s: int
    now_ms: Callable[[], int]
    is_linked: Callable[[], bool]
    missing: Callable[[], list[str]]


CONSOLE = web.AppKey("console", Console)
