"""A small chat platform over HTTP, and the adapter for it: stands for every platform that is called to send.

People's messages wait until the bot asks for what follows a number, as with the long polls of real platforms: asking
for number n says that all below n were taken. What the bot sends is counted, so that a test can see what was shown
twice; the platform can also break off a call after having shown the message, put it off, or refuse it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web
from msgspec.structs import replace

from outpost_sdk.channel import (
    Caps,
    ChannelContext,
    ChannelHealth,
    Delivery,
    Incoming,
    Options,
    Outgoing,
    Outlet,
    SendLater,
    SendRefused,
    SendUnknown,
)
from outpost_wire.errors import OutpostError

POLL_S = 5.0


class FakePlatform:
    """The platform: an HTTP server on loopback, run for as long as it is entered."""

    def __init__(self) -> None:
        self.inbox: list[dict[str, Any]] = []
        self.taken = 0
        self.shown: list[dict[str, Any]] = []
        self.answers: list[str] = []
        self._files: dict[str, bytes] = {}
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> FakePlatform:
        application = web.Application()
        application.add_routes(
            [
                web.get("/updates", self._updates),
                web.get("/files/{id}", self._file),
                web.post("/send", self._send),
                web.post("/send_file", self._send),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def say(self, text: str, files: tuple[tuple[str, bytes], ...] = ()) -> None:
        """Have the person write a message."""
        number = len(self.inbox)
        named = []
        for index, (name, data) in enumerate(files):
            identity = f"{number}-{index}"
            self._files[identity] = data
            named.append({"id": identity, "name": name})
        self.inbox.append({"number": number, "chat": "c1", "sender": "ann", "text": text, "files": named})
        self._changed.set()

    def texts(self) -> list[str]:
        """Return what was shown to the person, in order."""
        return [message["text"] for message in self.shown if "file" not in message]

    async def _updates(self, request: web.Request) -> web.Response:
        after = int(request.query["from"])
        self.taken = max(self.taken, after)
        try:
            async with asyncio.timeout(POLL_S):
                while len(self.inbox) <= after:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        return web.json_response(self.inbox[after : after + 10])

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=self._files[request.match_info["id"]])

    async def _send(self, request: web.Request) -> web.StreamResponse:
        answer = self.answers.pop(0) if self.answers else "ok"
        if answer == "later":
            return web.json_response({"retry_after": 0.01}, status=429)
        if answer == "refused":
            return web.json_response({}, status=403)
        self.shown.append(await _said(request))
        if answer == "break":
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"id": str(len(self.shown))})


async def _said(request: web.Request) -> dict[str, Any]:
    if request.path == "/send":
        said: dict[str, Any] = await request.json()
        return said
    return {**request.query, "text": "", "data": await request.read()}


class PushChannel:
    """The adapter: long poll in, one call out."""

    caps = Caps(delivery=Delivery.BY_CALL, text_limit=4096, attachment_limit=1 << 20, buttons_limit=8)

    def __init__(self, name: str, options: Options, outlet: Outlet) -> None:
        self.id = name
        self._url = str(options["url"])
        self._outlet = outlet

    async def run(self, context: ChannelContext) -> None:
        """Bring in messages until cancelled."""
        number = 0
        async with self._outlet.open() as session:
            while True:
                try:
                    async with session.get(f"{self._url}/updates", params={"from": str(number)}) as response:
                        updates = await response.json()
                    context.tell(ChannelHealth(state="on"))
                    for update in updates:
                        await self._bring_in(session, context, update)
                        number = update["number"] + 1
                except (aiohttp.ClientError, OutpostError):
                    await asyncio.sleep(0.05)

    async def send(self, outgoing: Outgoing) -> str | None:
        """Send one text or one file."""
        said = {"chat": outgoing.chat, "id": outgoing.id, "part": str(outgoing.part)}
        try:
            async with self._outlet.open() as session:
                if outgoing.file:
                    call = session.post(
                        f"{self._url}/send_file",
                        params={**said, "file": outgoing.file.name},
                        data=outgoing.file.read(),
                    )
                else:
                    said["text"] = outgoing.text
                    buttons = [button.command for button in outgoing.buttons]
                    body = {**said, "buttons": buttons, "reply_to": outgoing.reply_to_platform_id}
                    call = session.post(f"{self._url}/send", json=body)
                async with call as response:
                    answer = await response.json()
        except aiohttp.ClientConnectorError as error:
            raise SendLater("the platform is not reached") from error
        except aiohttp.ClientError as error:
            raise SendUnknown("the call broke off") from error
        if response.status == 429:
            raise SendLater("too fast", answer["retry_after"])
        if response.status >= 400:
            raise SendRefused(f"status {response.status}")
        return str(answer["id"])

    async def _bring_in(self, session: aiohttp.ClientSession, context: ChannelContext, update: dict[str, Any]) -> None:
        incoming = Incoming(
            channel=self.id,
            platform_id=str(update["number"]),
            chat=update["chat"],
            sender=update["sender"],
            sender_name=update["sender"].title(),
            text=update["text"],
        )
        if not await context.admit(incoming):
            return
        attachments = []
        for file in update["files"]:
            async with session.get(f"{self._url}/files/{file['id']}") as response:
                attachments.append(await context.keep(file["name"], "text/plain", _pieces(response)))
        await context.accept(replace(incoming, attachments=tuple(attachments)))


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for piece in response.content.iter_chunked(65536):
        yield piece


class BrokenChannel(PushChannel):
    """An adapter with a bug."""

    def __init__(self, name: str, options: Options, outlet: Outlet) -> None:
        super().__init__(name, {"url": "", **options}, outlet)

    async def run(self, context: ChannelContext) -> None:
        """Fail at once."""
        raise ZeroDivisionError(context)
