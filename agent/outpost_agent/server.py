"""The device's web server: the chat's and the page's routes, the page itself, and what operations want to know."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from outpost_agent.channels.web import Access, Guard, Route, add_headers, guard_middleware
from outpost_wire.errors import BadSetting

PAGE = Path(str(files("outpost_agent"))) / "web" / "static"
FORM_LIMIT = 2**40
STOP_S = 3.0
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_NOT_BUILT = "The chat page is not built yet: run `make setup`, then reload. The API works without it.\n"


def make_server(
    guard: Guard,
    routes: Sequence[Route],
    *,
    is_ready: Callable[[], bool],
    render_metrics: Callable[[], Awaitable[bytes]],
    metrics_type: str,
) -> web.Application:
    """Return the application; `is_ready` says whether the device takes messages.

    What is below /api/ and in none of `routes` is for nobody but people whom the device knows: to others it does not
    even say that it is not there.
    """
    table = {route.handler: route.access for route in routes}

    def access_of(request: web.Request) -> Access:
        declared = table.get(request.match_info.handler)
        if declared is not None:
            return declared
        if request.path.startswith("/api/"):
            return Access.PERSON
        return Access.OWNER if request.path == "/metrics" and request.remote not in _LOOPBACK else Access.OPEN

    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readiness(_request: web.Request) -> web.Response:
        return web.Response(text="ready\n") if is_ready() else web.Response(status=503, text="not ready\n")

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=await render_metrics(), headers={"Content-Type": metrics_type})

    application = web.Application(middlewares=[guard_middleware(guard, access_of)], client_max_size=FORM_LIMIT)
    application.on_response_prepare.append(add_headers)
    application.add_routes([_definition(route) for route in routes])
    application.add_routes(
        [
            web.get("/healthz", health),
            web.get("/readyz", readiness),
            web.get("/metrics", metrics),
            web.get("/", _index),
            web.get("/{name:favicon\\.ico|icon\\.svg|favicon\\.svg|manifest\\.webmanifest}", _file),
            web.get("/assets/{name}", _asset),
        ]
    )
    return application


def _definition(route: Route) -> web.RouteDef:
    if route.method == "GET":
        return web.get(route.path, route.handler)
    return web.route(route.method, route.path, route.handler)


@asynccontextmanager
async def listening(
    application: web.Application, host: str, port: int, ssl_context: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve `application` for as long as the context lasts, over TLS with `ssl_context`.

    Raises BadSetting when the address cannot be used.
    """
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=STOP_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_address=True, ssl_context=ssl_context).start()
    except OSError as error:
        await runner.cleanup()
        reason = error.strerror or type(error).__name__
        raise BadSetting(
            f"web.listen: {host}:{port} cannot be used: {reason}; choose another port",
            f"web.listen：{host}:{port} 无法使用：{reason}；请更换端口",
        ) from error
    try:
        yield
    finally:
        await runner.cleanup()


async def _index(_request: web.Request) -> web.StreamResponse:
    page = PAGE / "index.html"
    if not page.is_file():
        return web.Response(status=503, text=_NOT_BUILT)
    return web.FileResponse(page, headers={"Cache-Control": "no-cache"})


async def _file(request: web.Request) -> web.StreamResponse:
    return _static(PAGE / request.match_info["name"], "no-cache")


async def _asset(request: web.Request) -> web.StreamResponse:
    return _static(PAGE / "assets" / request.match_info["name"], "public, max-age=31536000, immutable")


def _static(path: Path, cache: str) -> web.StreamResponse:
    if path.name.startswith(".") or not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Cache-Control": cache})
