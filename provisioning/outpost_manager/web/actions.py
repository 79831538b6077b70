"""What the console does: it asks devices for things and says how they should be set."""

from __future__ import annotations

import msgspec
from aiohttp import web

from outpost_manager.errors import DeviceUnknown, TooManyCommands
from outpost_manager.web.answers import device_id, expect_device, json_answer, number
from outpost_manager.web.console import CONSOLE
from outpost_manager.web.refusals import refuse
from outpost_wire.errors import BadMessage
from outpost_wire.messages import Results

COMMANDS_LIMIT = 200


class _Verb(msgspec.Struct, frozen=True):
    verb: str


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    results: Results | None


async def commands(request: web.Request) -> web.Response:
    """List what was asked of a device, newest first."""
    limit = number(request, "limit", 50, COMMANDS_LIMIT, refusal="bad_commands_limit")
    await expect_device(request)
    return json_answer(await request.app[CONSOLE].store.orders.commands(device_id(request), limit))


async def command(request: web.Request) -> web.Response:
    """Ask a device for something, and wait a little for what comes of it."""
    console = request.app[CONSOLE]
    body = await request.read()
    try:
        verb = msgspec.json.decode(body, type=_Verb).verb
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refuse("bad_request") from None
    await expect_device(request)
    if not console.is_linked():
        raise refuse("no_link")
    try:
        return json_answer(await console.commander.order(device_id(request), verb, fields))
    except BadMessage as error:
        raise refuse("bad_command") from error
    except DeviceUnknown as error:
        raise refuse("no_device") from error
    except TooManyCommands as error:
        raise refuse("too_many_commands") from error


async def change_settings(request: web.Request) -> web.Response:
    """Say how a device should be set; None leaves it to the device."""
    try:
        results = msgspec.json.decode(await request.read(), type=_Settings).results
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refuse("bad_settings") from None
    try:
        return json_answer(await request.app[CONSOLE].shadows.set_results(device_id(request), results))
    except DeviceUnknown as error:
        raise refuse("no_device") from error


async def people(request: web.Request) -> web.Response:
    """List who waits to be let in, and who may talk to which device."""
    return json_answer(await request.app[CONSOLE].store.people())


async def channels(request: web.Request) -> web.Response:
    """List the channels of all devices."""
    return json_answer(await request.app[CONSOLE].store.channels())
