"""The device's web server: the chat's routes, its page, and what operations want to know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from outpost_agent.channels.web import Guard, add_headers, guard_middleware
from outpost_wire.errors import BadSetting

PAGE = Path(str(files("outpost_agent"))) / "web" / "static"
FORM_LIMIT = 2**40
STOP_S = 3.0
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_NOT_BUILT = "The chat page is not built yet: run `make setup`, then reload. The API works without it.\n"


def make_server(
    guard: Guard,
    routes: Iterable[web.RouteDef],
    *,
    clock: Callable[[], float],
    is_ready: Callable[[], bool],
    render_metrics: Callable[[], Awaitable[bytes]],
    metrics_type: str,
) -> web.Application:
    """Return the application; `is_ready` says whether the device takes messages."""
    application = web.Application(
        middlewares=[guard_middleware(guard, clock, _needs_no_token)], client_max_size=FORM_LIMIT
    )

    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readiness(_request: web.Request) -> web.Response:
        return web.Response(text="ready\n") if is_ready() else web.Response(status=503, text="not ready\n")

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=await render_metrics(), headers={"Content-Type": metrics_type})

    application.on_response_prepare.append(add_headers)
    application.add_routes(routes)
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


def _needs_no_token(request: web.Request) -> bool:
    if request.path.startswith("/api/"):
        return request.path == "/api/v1/session"
    return request.path != "/metrics" or request.remote in _LOOPBACK


@asynccontextmanager
async def listening(application: web.Application, host: str, port: int) -> AsyncIterator[None]:
    """Serve `application` for as long as the context lasts. Raises BadSetting when the address cannot be used."""
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=STOP_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_address=True).start()
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
