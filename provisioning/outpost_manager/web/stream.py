"""The live stream: server-sent events for as long as the session and the browser last."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import ClientConnectionResetError, web

from outpost_manager.hub import Listener
from outpost_manager.web.console import CONSOLE, Console
from outpost_manager.web.guard import ACCESS, Access
from outpost_manager.web.refusals import refuse

HEARTBEAT_S = 15.0
STREAMS_LIMIT = 256
HEARTBEAT = b": still here\n\n"


async def stream(request: web.Request) -> web.StreamResponse:
    """Send events until the browser goes, the session ends or the browser cannot keep up."""
    console = request.app[CONSOLE]
    if len(console.hub) >= STREAMS_LIMIT:
        raise refuse("too_many_streams")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})

    def cut() -> None:
        # A browser that does not read would keep a polite goodbye waiting for ever.
        if request.transport is not None:
            request.transport.abort()

    with console.hub.listen(request[ACCESS].key, cut) as listener, contextlib.suppress(ClientConnectionResetError):
        await response.prepare(request)
        await response.write(b"retry: 2000\n: hello\n\n")
        await _feed(response, listener, console, request[ACCESS])
    return response


async def _feed(response: web.StreamResponse, listener: Listener, console: Console, access: Access) -> None:
    while not listener.has_ended:
        try:
            async with asyncio.timeout(_patience_s(console, access)):
                piece = await listener.next()
        except TimeoutError:
            if access.expires_ms is not None and access.expires_ms <= console.now_ms():
                return
            piece = HEARTBEAT
        await response.write(piece)


def _patience_s(console: Console, access: Access) -> float:
    if access.expires_ms is None:
        return HEARTBEAT_S
    return min(HEARTBEAT_S, max(0.0, (access.expires_ms - console.now_ms()) / 1000))
