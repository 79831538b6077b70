"""What the API's handlers read from a request and answer with."""

from __future__ import annotations

import msgspec
from aiohttp import web

from outpost_manager.web.console import CONSOLE
from outpost_manager.web.refusals import refuse
from outpost_wire.ids import DeviceId


async def expect_device(request: web.Request) -> None:
    """Refuse a request for a device that there is not."""
    if not await request.app[CONSOLE].store.knows(device_id(request)):
        raise refuse("no_device")


def device_id(request: web.Request) -> DeviceId:
    """Return the device in the request's path."""
    return DeviceId(request.match_info["device"])


def number(request: web.Request, name: str, default: int, limit: int, *, refusal: str | None = None) -> int:
    """Return a whole number of the query, 1 to `limit`, or refuse as `refusal`, bad_NAME by default."""
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= limit):
        raise refuse(refusal or f"bad_{name}")
    return int(text)


def json_answer(value: object) -> web.Response:
    """Return `value` as JSON."""
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
