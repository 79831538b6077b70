"""The web chat's channel: REST and WebSocket over the messages of the database.

There is no queue of its own: a reader says how far it has read and gets what comes after, so a message is shown once
however often the line breaks, and it is delivered when a reader has read beyond it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from outpost_agent.channels.web.guard import SESSION_S, Guard
from outpost_agent.channels.web.upload import read_form
from outpost_agent.channels.web.views import message_view, task_view, with_parents
from outpost_agent.content import ContentFolder
from outpost_agent.conversation import (
    NoSuchMessage,
    find_attachment,
    get_message,
    page_after,
    page_before,
    read_up_to,
)
from outpost_agent.hub import Hub, Listener
from outpost_disk import Database
from outpost_sdk.channel import Attachment, Caps, ChannelContext, Delivery, Incoming, Outgoing
from outpost_sdk.tasks import NoSuchTask, Task, TaskEngine
from outpost_wire.errors import BadInput, OutpostError
from outpost_wire.http import accepted_language
from outpost_wire.ids import TaskId

CHANNEL = "web"
CHAT = "main"
OWNER = "owner"
PAGE_LIMIT = 100
WAIT_LIMIT_S = 60.0
KEY_LIMIT = 200
HEARTBEAT_S = 25.0
BLOCK = 1 << 18
_encode = msgspec.json.Encoder().encode
log = logging.getLogger(__name__)


class NotReady(OutpostError):
    """The device is starting or stopping."""

    code = "not_ready"


class WebChat:
    """The channel `web`; `routes` go into the device's web server."""

    id = CHANNEL
    caps = Caps(delivery=Delivery.BY_SEQUENCE, attachment_limit=2**63)

    def __init__(
        self,
        *,
        database: Database,
        engine: TaskEngine,
        content: ContentFolder,
        hub: Hub,
        guard: Guard,
        progress: Callable[[str], float | None],
        about: dict[str, Any],
        clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._engine = engine
        self._content = content
        self._hub = hub
        self._guard = guard
        self._progress = progress
        self._about = about
        self._clock_ms = clock_ms
        self._context: ChannelContext | None = None
        self._sockets: set[web.WebSocketResponse] = set()

    async def run(self, context: ChannelContext) -> None:
        """Take messages in until cancelled."""
        self._context = context
        try:
            await asyncio.Event().wait()
        finally:
            self._context = None
            for socket in tuple(self._sockets):
                await socket.close(code=1001)

    async def send(self, outgoing: Outgoing) -> str | None:
        """Tell those who read the chat that there is something to read."""
        self._hub.said(CHANNEL, outgoing.chat)
        return None

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the interface."""
        return [
            web.post("/api/v1/session", self._sign_in),
            web.get("/api/v1/me", self._me),
            web.post("/api/v1/messages", self._post),
            web.get("/api/v1/messages", self._messages),
            web.get("/api/v1/tasks/{id}", self._task),
            web.post("/api/v1/tasks/{id}/cancel", self._cancel),
            web.get("/api/v1/attachments/{content}/{name}", self._attachment),
            web.get("/api/v1/ws", self._socket),
        ]

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        now = time.time()
        self._guard.check_token(request.headers.get("Authorization", ""), None, now)
        response = web.Response(status=204)
        response.set_cookie(
            self._guard.cookie, self._guard.new_session(now), max_age=SESSION_S, httponly=True, samesite="Strict"
        )
        return response

    async def _me(self, _request: web.Request) -> web.StreamResponse:
        return _json(self._about)

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
        accepted = await self._context.accept(
            Incoming(
                channel=CHANNEL,
                platform_id=key,
                chat=CHAT,
                sender=OWNER,
                text=form.text,
                attachments=form.attachments,
                language=form.language or accepted_language(request.headers.get("Accept-Language", "")),
                digest=form.digest,
            )
        )
        return _json({"message_id": accepted.message_id, "task_id": accepted.task_id}, status=202)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        limit = int(_number(request, "limit", PAGE_LIMIT, 1, PAGE_LIMIT))
        if "before" in request.query or request.query.get("after") == "-1":
            before = int(_number(request, "before", 2**53, 0, 2**53))
            older = await self._database.read(lambda connection: page_before(connection, CHANNEL, CHAT, before, limit))
            return _json([message_view(message) for message in older])
        after = int(_number(request, "after", 0, 0, 2**53))
        wait_s = _number(request, "wait", 0, 0, WAIT_LIMIT_S)
        await self._read_up_to(after)
        with self._hub.listen(CHANNEL, CHAT) as listener:
            messages = await self._after(after, limit)
            deadline = asyncio.get_running_loop().time() + wait_s
            while not messages:
                try:
                    async with asyncio.timeout_at(deadline):
                        await listener.woken.wait()
                except TimeoutError:
                    break
                listener.take()
                messages = await self._after(after, limit)
        return _json(messages)

    async def _after(self, after: int, limit: int) -> list[dict[str, Any]]:
        messages = await self._database.read(lambda connection: page_after(connection, CHANNEL, CHAT, after, limit))
        return [message_view(message) for message in messages]

    async def _read_up_to(self, seq: int) -> None:
        if seq <= 0:
            return
        now_ms = self._clock_ms()
        delivered = await self._database.write(
            lambda connection: read_up_to(connection, CHANNEL, CHAT, seq, now_ms), durable=False
        )
        if delivered:
            self._hub.delivered(CHANNEL, CHAT, delivered)

    async def _task(self, request: web.Request) -> web.StreamResponse:
        return _json(await self._tree(await self._own_task(request)))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        task = await self._own_task(request)
        await self._engine.cancel(task.id, self._clock_ms())
        return _json(await self._tree(await self._engine.get(task.id)))

    async def _own_task(self, request: web.Request) -> Task:
        task = await self._engine.get(TaskId(request.match_info["id"]))
        if (task.spec.channel, task.spec.chat) != (CHANNEL, CHAT):
            raise NoSuchTask(task.id)
        return task

    async def _tree(self, task: Task) -> dict[str, Any]:
        parents = [await self._tree(await self._engine.get(parent)) for parent in task.spec.parents]
        return with_parents(task, parents, self._progress(task.id))

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        content, name = request.match_info["content"], request.match_info["name"]
        attachment = await self._database.read(
            lambda connection: find_attachment(connection, CHANNEL, CHAT, content, name)
        )
        path = self._content.path(attachment.id) if attachment else None
        if attachment is None or path is None or not path.is_file():
            raise web.HTTPNotFound
        headers = {
            "Content-Type": attachment.type if _is_shown(attachment) else "application/octet-stream",
            "Content-Disposition": _disposition(attachment),
            "Cache-Control": "private, max-age=31536000, immutable",
        }
        if attachment.encoding == "zstd":
            if "zstd" not in request.headers.get("Accept-Encoding", ""):
                return await _plain(request, path, headers)
            headers["Content-Encoding"] = "zstd"
        return web.FileResponse(path, headers=headers)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        after = int(_number(request, "after", 0, 0, 2**53))
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=4096, compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            with self._hub.listen(CHANNEL, CHAT) as listener:
                await self._converse(socket, listener, after)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _converse(self, socket: web.WebSocketResponse, listener: Listener, after: int) -> None:
        """Hear and talk until either ends, so that a reader is never left with a line on which nothing comes."""
        both = [asyncio.create_task(self._hear(socket)), asyncio.create_task(self._talk(socket, listener, after))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            outcomes = await asyncio.gather(*both, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionError):
                    log.warning("a chat's line ended", exc_info=outcome)
            await socket.close(code=WSCloseCode.INTERNAL_ERROR)

    async def _hear(self, socket: web.WebSocketResponse) -> None:
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            try:
                said = msgspec.json.decode(frame.data, type=_Heard)
            except msgspec.DecodeError:
                await socket.close(code=1007)
                break
            if said.type == "ack":
                await self._read_up_to(said.seq)

    async def _talk(self, socket: web.WebSocketResponse, listener: Listener, after: int) -> None:
        listener.woken.set()
        while True:
            await listener.woken.wait()
            tasks, delivered = listener.take()
            while messages := await self._after(after, PAGE_LIMIT):
                for message in messages:
                    await _say(socket, {"type": "message", "message": message})
                after = messages[-1]["seq"]
            for seq in delivered:
                await _say(socket, {"type": "state", "seq": seq, "state": "delivered"})
            for task in tasks:
                await _say(socket, {"type": "task", "task": await self._with_root(task)})

    async def _with_root(self, task_id: str) -> dict[str, Any]:
        task = await self._engine.get(TaskId(task_id))
        view = task_view(task, self._progress(task_id), task.spec.language)
        message_id = task.spec.message_id
        try:
            asked = await self._database.read(lambda connection: get_message(connection, message_id or ""))
            return {**view, "root": asked.task_id}
        except NoSuchMessage:
            return {**view, "root": task_id}


class _Heard(msgspec.Struct):
    """What a reader says on the socket."""

    type: str
    seq: int = 0


async def _say(socket: web.WebSocketResponse, value: dict[str, Any]) -> None:
    await socket.send_str(_encode(value).decode())


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=_encode(value), content_type="application/json")


def _number(request: web.Request, name: str, default: float, least: float, most: float) -> float:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not value >= least:
        raise BadInput(f"{name}: expected a number from {least:g}.", f"{name}：应为不小于 {least:g} 的数字。")
    return min(value, most)


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
    import zstandard  # noqa: PLC0415 - only a reader without zstd needs it

    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as plain:
        while block := await asyncio.to_thread(plain.read, BLOCK):
            yield block
