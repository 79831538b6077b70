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


def tls_context(certificate: str, key: str) -> ssl.SSLContext | None:
    """Return what serves TLS with these two PEM files; None without them.

    Raises BadSetting that names the one at fault. A key that wants a password is refused: nobody is there to type it.
    """
    if not certificate:
        return None
    for name, path in (("certificate", certificate), ("key", key)):
        _check_readable(f"web.{name}", Path(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _WantsPassword as error:
        raise BadSetting(
            f"web.key: {key} wants a password: store it without one, readable by the device only",
            f"web.key：{key} 需要密码：请改用不带密码的文件，并只允许设备读取",
        ) from error
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadSetting(
                f"web.key: {key} does not belong to the certificate in {certificate}",
                f"web.key：{key} 与证书 {certificate} 不匹配",
            ) from error
        raise BadSetting(
            f"web.certificate: {certificate} and {key} are not a certificate and its key in PEM",
            f"web.certificate：{certificate} 和 {key} 不是 PEM 格式的证书及其私钥",
        ) from error
    return context


class _WantsPassword(Exception):
    """The key is sealed with a password."""


def _no_password() -> str:
    raise _WantsPassword


def _check_readable(setting: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadSetting(
            f"{setting}: {path} cannot be read: {reason}", f"{setting}：无法读取 {path}：{reason}"
        ) from error


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
