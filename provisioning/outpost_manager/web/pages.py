"""The console's pages, health and metrics: what needs no session."""

from __future__ import annotations

from pathlib import Path

import msgspec
from aiohttp import web

from outpost_disk.settings import is_loopback
from outpost_manager.metrics import CONTENT_TYPE
from outpost_manager.web.console import CONSOLE
from outpost_manager.web.guard import identify
from outpost_manager.web.refusals import refuse

STATIC = Path(__file__).parent / "static"
NAME = "[A-Za-z0-9_-][A-Za-z0-9._-]*"
NOT_BUILT = (
    "The console's pages are not built yet: run `make setup` in Outpost's folder.\n"
    "控制台页面尚未构建：请在 Outpost 目录下运行 `make setup`。\n"
)


def is_built(static: Path = STATIC) -> bool:
    """Say whether the web build is there."""
    return (static / "index.html").is_file()


def page_routes(static: Path = STATIC) -> list[web.RouteDef]:
    """Return the routes of the pages that lie in `static`; their names are checked by the routes' patterns."""

    async def index(_request: web.Request) -> web.StreamResponse:
        if not is_built(static):
            return web.Response(status=503, text=NOT_BUILT)
        return _file(static / "index.html", "no-cache")

    async def asset(request: web.Request) -> web.StreamResponse:
        return _file(static / "assets" / request.match_info["name"], "public, max-age=31536000, immutable")

    async def other(request: web.Request) -> web.StreamResponse:
        return _file(static / request.match_info["name"], "no-cache")

    return [
        web.get("/", index),
        web.get(f"/assets/{{name:{NAME}}}", asset),
        web.get(f"/{{name:{NAME}}}", other),
    ]


async def healthz(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """Say whether the manager can do its work, and what is missing."""
    missing = request.app[CONSOLE].missing()
    return web.Response(
        status=503 if missing else 200,
        body=msgspec.json.encode({"ready": not missing, "missing": missing}),
        content_type="application/json",
    )


async def metrics(request: web.Request) -> web.Response:
    """Tell Prometheus, on this machine or with the API's token."""
    console = request.app[CONSOLE]
    if not is_loopback(request.remote or ""):
        await identify(request)
    counts = await console.store.counts(console.now_ms())
    console.metrics.devices.labels("online").set(counts.online)
    console.metrics.devices.labels("offline").set(counts.offline)
    console.metrics.sessions.set(counts.sessions)
    console.metrics.listeners.set(len(console.hub))
    console.metrics.dropped.set(console.hub.dropped)
    console.metrics.link.set(console.is_linked())
    return web.Response(body=console.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _file(path: Path, cache: str) -> web.StreamResponse:
    if not path.is_file():
        raise refuse("not_found")
    return web.FileResponse(path, headers={"Cache-Control": cache})
