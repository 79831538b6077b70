"""The console's API: who is there, what they do and what came out of it."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from outpost_manager.access import digest, new_secret, redeem_code
from outpost_manager.web.answers import device_id, expect_device, json_answer, number
from outpost_manager.web.console import CONSOLE
from outpost_manager.web.guard import ACCESS
from outpost_manager.web.refusals import refuse

HOUR_MS = 3_600_000
HOURS_LIMIT = 168
ROWS_LIMIT = 1000


class SignIn(msgspec.Struct, frozen=True):
    """The body of a sign-in."""

    code: str


async def sign_in(request: web.Request) -> web.Response:
    """Exchange a one-time code for a session."""
    console = request.app[CONSOLE]
    try:
        code = msgspec.json.decode(await request.read(), type=SignIn).code
    except msgspec.DecodeError:
        raise refuse("bad_request") from None
    if not await asyncio.to_thread(redeem_code, console.state, code):
        raise refuse("bad_code")
    secret = new_secret()
    now_ms = console.now_ms()
    await console.store.sign_in(digest(secret), now_ms, now_ms + console.session_s * 1000)
    response = web.Response(status=204)
    response.set_cookie(
        console.cookie,
        secret,
        max_age=console.session_s,
        path="/",
        httponly=True,
        secure=console.is_secure,
        samesite="Strict",
    )
    return response


async def sign_out(request: web.Request) -> web.Response:
    """End the session and its live streams; a bearer token has none and stays good."""
    console, access = request.app[CONSOLE], request[ACCESS]
    if access.by_cookie:
        await console.store.sign_out(access.key)
        console.hub.end(access.key)
    response = web.Response(status=204)
    response.del_cookie(console.cookie, path="/", httponly=True, secure=console.is_secure, samesite="Strict")
    return response


async def me(request: web.Request) -> web.Response:
    """Tell which manager this is."""
    console = request.app[CONSOLE]
    manager = {"id": console.manager, "link": "up" if console.is_linked() else "down"}
    return json_answer({"fleet": console.fleet, "version": console.version, "manager": manager})


async def devices(request: web.Request) -> web.Response:
    """List the devices."""
    console = request.app[CONSOLE]
    return json_answer(await console.store.devices(console.now_ms()))


async def device(request: web.Request) -> web.Response:
    """Show one device."""
    console = request.app[CONSOLE]
    found = await console.store.device(device_id(request), console.now_ms())
    if found is None:
        raise refuse("no_device")
    return json_answer(found)


async def telemetry(request: web.Request) -> web.Response:
    """Show a device's health over the last hours."""
    console = request.app[CONSOLE]
    hours = number(request, "hours", 24, HOURS_LIMIT)
    now_ms = console.now_ms()
    await expect_device(request)
    return json_answer(await console.store.telemetry(device_id(request), now_ms - hours * HOUR_MS, now_ms))


async def tasks(request: web.Request) -> web.Response:
    """List a device's tasks, newest first; `before` is the id of the last one of the page before."""
    limit = number(request, "limit", 100, ROWS_LIMIT)
    await expect_device(request)
    return json_answer(await request.app[CONSOLE].store.tasks(device_id(request), limit, request.query.get("before")))


async def task(request: web.Request) -> web.Response:
    """Show one task with its chain and what came out of it."""
    await expect_device(request)
    found = await request.app[CONSOLE].store.task(device_id(request), request.match_info["task"])
    if found is None:
        raise refuse("no_task")
    return json_answer(found)


async def results(request: web.Request) -> web.Response:
    """List a device's results, newest first; `before` is the id of the last one of the page before."""
    limit = number(request, "limit", 100, ROWS_LIMIT)
    await expect_device(request)
    return json_answer(await request.app[CONSOLE].store.results(device_id(request), limit, request.query.get("before")))


async def result(request: web.Request) -> web.Response:
    """Show one result with its report and plots."""
    found = await request.app[CONSOLE].store.result(request.match_info["result"])
    if found is None:
        raise refuse("no_result")
    return json_answer(found)
