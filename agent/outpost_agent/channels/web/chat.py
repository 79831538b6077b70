"""The web chat's channel: REST and WebSocket over the messages of the database.

Each person has one chat here: the owner's is `main`, a user's has the name of their person. There is no queue of its
own: a reader says how far it has read and gets what comes after, so a message is shown once however often the line
breaks, and it is delivered when a reader has read beyond it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import WSCloseCode, web

from outpost_agent.channels.web.guard import WHO, Guard, Route
from outpost_agent.channels.web.line import CHANNEL, Line, Reading
from outpost_agent.channels.web.upload import read_form
from outpost_agent.channels.web.values import SEQ_LIMIT, answer, before_seq, number, page_size
from outpost_agent.channels.web.views import person_view, shown
from outpost_agent.content import ContentFolder, unpacked
from outpost_agent.conversation import page_before
from outpost_agent.egress import Egress
from outpost_agent.hub import Hub
from outpost_agent.page.news import News
from outpost_agent.page.queries import chat_of, find_file, scope_of
from outpost_agent.people.who import Who
from outpost_disk import Database
from outpost_sdk.channel import Attachment, Caps, ChannelContext, ChannelHealth, Delivery, Incoming, Outgoing
from outpost_sdk.tasks import TaskEngine
from outpost_wire.egress import Departure
from outpost_wire.errors import BadInput, OutpostError
from outpost_wire.http import accepted_language

WAIT_LIMIT_S = 60.0
KEY_LIMIT = 200
LINES_LIMIT = 32
BLOCK = 1 << 18


class NotReady(OutpostError):
    """The device is starting or stopping."""

    code = "not_ready"


class TooManyLines(BadInput):
    """One person has LINES_LIMIT open lines already."""

    code = "too_many_lines"


class WebChat:
    """The channel `web`; `routes` go into the device's web server.

    `address()` is where browsers reach the device, `progress` how far a running task is.
    """

    id = CHANNEL
    caps = Caps(delivery=Delivery.BY_SEQUENCE, format="tree", attachment_limit=2**63)

    def __init__(
        self,
        *,
        database: Database,
        engine: TaskEngine,
        content: ContentFolder,
        hub: Hub,
        guard: Guard,
        news: News,
        egress: Egress,
        progress: Callable[[str], float | None],
        about: dict[str, Any],
        address: Callable[[], str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._engine = engine
        self._content = content
        self._hub = hub
        self._guard = guard
        self._news = news
        self._egress = egress
        self._progress = progress
        self._about = about
        self._address = address
        self._reading = Reading(database=database, hub=hub, egress=egress, clock_ms=clock_ms)
        self._context: ChannelContext | None = None
        self._lines: set[Line] = set()

    async def run(self, context: ChannelContext) -> None:
        """Take messages in until cancelled."""
        self._context = context
        context.tell(ChannelHealth(state="on"))
        try:
            await asyncio.Event().wait()
        finally:
            self._context = None
            for line in tuple(self._lines):
                await line.socket.close(code=WSCloseCode.GOING_AWAY)

    async def send(self, outgoing: Outgoing) -> str | None:
        """Tell those who read the chat that there is something to read."""
        self._hub.said(CHANNEL, outgoing.chat)
        return None

    def routes(self) -> list[Route]:
        """Return the routes of the interface, all for people whom the device knows."""
        return [
            Route("GET", "/api/v1/me", self._me),
            Route("POST", "/api/v1/messages", self._post),
            Route("GET", "/api/v1/messages", self._messages),
            Route("GET", "/api/v1/attachments/{content}/{name}", self._attachment),
            Route("GET", "/api/v1/ws", self._socket),
        ]

    async def _me(self, request: web.Request) -> web.StreamResponse:
        response = answer({**self._about, "person": person_view(request[WHO]), "address": self._address()})
        await self._guard.renew(request, response)
        return response

    async def _post(self, request: web.Request) -> web.StreamResponse:
        if self._context is None:
            raise NotReady("the device is starting or stopping; try again in a moment")
        key = request.headers.get("Idempotency-Key", "")
        if not key or len(key) > KEY_LIMIT:
            raise BadInput(
                f"The header Idempotency-Key is required, 1 to {KEY_LIMIT} characters, new for each new message.",
                f"必须提供 Idempotency-Key 请求头，1 到 {KEY_LIMIT} 个字符，每条新消息使用新的键。",
            )
        form = await read_form(request, self._context, self._about["limits"]["files"])
        if not form.text.strip() and not form.attachments:
            raise BadInput(
                "The message is empty: write something or attach a file.", "消息是空的：请输入文字或附上文件。"
            )
        self._guard.check_still(request)
        who = request[WHO]
        accepted = await self._context.accept(
            Incoming(
                channel=CHANNEL,
                platform_id=_platform_id(who, key),
                chat=chat_of(who),
                sender=who.person,
                sender_name=who.name,
                text=form.text,
                attachments=form.attachments,
                language=form.language or accepted_language(request.headers.get("Accept-Language", "")),
                digest=form.digest,
            )
        )
        return answer({"message_id": accepted.message_id, "task_id": accepted.task_id}, status=202)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        chat = chat_of(request[WHO])
        limit = page_size(request)
        if "before" in request.query or request.query.get("after") == "-1":
            before = before_seq(request)
            older = await self._database.read(lambda connection: page_before(connection, CHANNEL, chat, before, limit))
            return answer([shown(self._egress, message) for message in older])
        after = int(number(request, "after", 0, 0, SEQ_LIMIT))
        wait_s = number(request, "wait", 0, 0, WAIT_LIMIT_S)
        await self._reading.read_up_to(chat, after)
        with self._hub.listen(CHANNEL, chat) as listener, self._news.listen(listener.woken) as heard:
            self._guard.check_still(request)
            messages = await self._reading.after(chat, after, limit)
            deadline = asyncio.get_running_loop().time() + wait_s
            while not messages:
                try:
                    async with asyncio.timeout_at(deadline):
                        await listener.woken.wait()
                except TimeoutError:
                    break
                listener.take()
                if heard.take():
                    self._guard.check_still(request)
                messages = await self._reading.after(chat, after, limit)
        return answer([shown(self._egress, message) for message in messages])

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        who, content, name = request[WHO], request.match_info["content"], request.match_info["name"]
        scope = scope_of(who, is_all=who.is_owner)
        found = await self._database.read(lambda connection: find_file(connection, scope, content, name))
        path = self._content.path(found.attachment.id) if found else None
        if found is None or path is None or not path.is_file():
            raise web.HTTPNotFound
        attachment = found.attachment
        departure = Departure(destination=CHANNEL, kind="file", bytes=attachment.size, chat=found.chat)
        path = self._egress.leave(departure, path)
        headers = {
            "Content-Type": attachment.type if _is_shown(attachment) else "application/octet-stream",
            "Content-Disposition": _disposition(attachment),
            "Cache-Control": "private, max-age=31536000, immutable",
            "Vary": "Cookie, Authorization, Accept-Encoding",
        }
        if attachment.encoding == "zstd":
            if "zstd" not in request.headers.get("Accept-Encoding", ""):
                return await _plain(request, path, headers)
            headers["Content-Encoding"] = "zstd"
        return web.FileResponse(path, headers=headers)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        after = int(number(request, "after", 0, 0, SEQ_LIMIT))
        person = request[WHO].person
        if sum(line.person == person for line in self._lines) >= LINES_LIMIT:
            raise TooManyLines(
                f"You have {LINES_LIMIT} pages of this device open: close some of them.",
                f"您已打开 {LINES_LIMIT} 个本设备的页面：请关闭其中一些。",
            )
        line = Line(
            request,
            reading=self._reading,
            engine=self._engine,
            hub=self._hub,
            guard=self._guard,
            news=self._news,
            progress=self._progress,
        )
        self._lines.add(line)
        try:
            await line.run(after)
        finally:
            self._lines.discard(line)
        return line.socket


def _platform_id(who: Who, key: str) -> str:
    """Return the message's name on this channel: two people may choose the same key.

    No header holds a line break, so no key of the owner's is another person's.
    """
    return key if who.is_owner else f"{who.person}\n{key}"


def _is_shown(attachment: Attachment) -> bool:
    return attachment.type in ("image/png", "image/jpeg", "image/webp", "image/gif")


def _disposition(attachment: Attachment) -> str:
    kind = "inline" if _is_shown(attachment) else "attachment"
    return f"{kind}; filename*=UTF-8''{quote(attachment.name, safe='')}"


async def _plain(request: web.Request, path: Path, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    async for block in _decompressed(path):
        await response.write(block)
    await response.write_eof()
    return response


async def _decompressed(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        plain = unpacked(file, "zstd")
        while block := await asyncio.to_thread(plain.read, BLOCK):
            yield block
