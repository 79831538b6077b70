"""A browser's open line to its chat: what is said, delivered and worked on, and when to look again.

The line ends when its person is let in no more, be it revoked or signed out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from outpost_agent.channels.web.guard import WHO, Guard, NotSignedIn
from outpost_agent.channels.web.values import PAGE_LIMIT
from outpost_agent.channels.web.views import shown, task_view
from outpost_agent.conversation import NoSuchMessage, Stored, get_message, page_after, read_up_to
from outpost_agent.egress import Egress
from outpost_agent.hub import Hub, Listener
from outpost_agent.page.news import Heard, News, Topic
from outpost_agent.page.queries import chat_of
from outpost_disk import Database
from outpost_sdk.tasks import NoSuchTask, TaskEngine
from outpost_wire.ids import TaskId

CHANNEL = "web"
HEARTBEAT_S = 25.0
FRAME_LIMIT = 4096
_encode = msgspec.json.Encoder().encode
log = logging.getLogger(__name__)


class Reading:
    """How a chat of the web is read: what follows a seq, and what is delivered by having been read."""

    def __init__(self, *, database: Database, hub: Hub, egress: Egress, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._hub = hub
        self._egress = egress
        self._clock_ms = clock_ms

    async def after(self, chat: str, seq: int, limit: int) -> list[Stored]:
        """Return up to `limit` messages of a chat that follow `seq`."""
        return await self._database.read(lambda connection: page_after(connection, CHANNEL, chat, seq, limit))

    async def read_up_to(self, chat: str, seq: int) -> None:
        """Note that a chat was read up to `seq`."""
        if seq <= 0:
            return
        now_ms = self._clock_ms()
        delivered = await self._database.write(
            lambda connection: read_up_to(connection, CHANNEL, chat, seq, now_ms), durable=False
        )
        if delivered:
            self._hub.delivered(CHANNEL, chat, delivered)

    def leave(self, message: Stored) -> msgspec.Raw:
        """Return a message as it may leave for a browser."""
        return shown(self._egress, message)

    async def root(self, message_id: str | None, task_id: str) -> str | None:
        """Return the last task of the chain that a message started; `task_id` itself when there is no such message."""
        try:
            asked = await self._database.read(lambda connection: get_message(connection, message_id or ""))
        except NoSuchMessage:
            return task_id
        return asked.task_id


class _Heard(msgspec.Struct):
    """What a reader says on the socket."""

    type: str
    seq: int = 0


class Line:
    """One WebSocket."""

    def __init__(
        self,
        request: web.Request,
        *,
        reading: Reading,
        engine: TaskEngine,
        hub: Hub,
        guard: Guard,
        news: News,
        progress: Callable[[str], float | None],
    ) -> None:
        self.socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=FRAME_LIMIT, compress=False)
        self._request = request
        self._who = request[WHO]
        self._chat = chat_of(self._who)
        self._reading = reading
        self._engine = engine
        self._hub = hub
        self._guard = guard
        self._news = news
        self._progress = progress

    @property
    def person(self) -> str:
        """Return the id of whose line it is."""
        return self._who.person

    async def run(self, after: int) -> None:
        """Hear and talk until either ends, so that a reader is never left with a line on which nothing comes."""
        await self.socket.prepare(self._request)
        with self._hub.listen(CHANNEL, self._chat) as listener, self._news.listen(listener.woken) as heard:
            both = [asyncio.create_task(self._hear()), asyncio.create_task(self._talk(listener, heard, after))]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in both:
                    task.cancel()
                outcomes = await asyncio.gather(*both, return_exceptions=True)
                await self.socket.close(code=_code(outcomes))

    async def _hear(self) -> None:
        async for frame in self.socket:
            if frame.type is not WSMsgType.TEXT:
                break
            try:
                said = msgspec.json.decode(frame.data, type=_Heard)
            except msgspec.DecodeError:
                await self.socket.close(code=WSCloseCode.INVALID_TEXT)
                break
            if said.type == "ack":
                await self._reading.read_up_to(self._chat, said.seq)

    async def _talk(self, listener: Listener, heard: Heard, after: int) -> None:
        self._guard.check_still(self._request)
        listener.woken.set()
        while True:
            await listener.woken.wait()
            tasks, delivered = listener.take()
            await self._tell_news(heard.take())
            while messages := await self._reading.after(self._chat, after, PAGE_LIMIT):
                for message in messages:
                    await self._say({"type": "message", "message": self._reading.leave(message)})
                after = messages[-1].seq
            for seq in delivered:
                await self._say({"type": "state", "seq": seq, "state": "delivered"})
            for task in tasks:
                await self._tell_task(TaskId(task))

    async def _tell_news(self, topics: Iterable[Topic]) -> None:
        for topic in topics:
            self._guard.check_still(self._request)
            if self._who.is_owner:
                await self._say({"type": topic})

    async def _tell_task(self, task_id: TaskId) -> None:
        try:
            task = await self._engine.get(task_id)
        except NoSuchTask:
            return
        view = task_view(task, self._progress(task_id), task.spec.language)
        root = await self._reading.root(task.spec.message_id, task_id)
        await self._say({"type": "task", "task": {**view, "root": root}})

    async def _say(self, value: dict[str, Any]) -> None:
        await self.socket.send_str(_encode(value).decode())


def _code(outcomes: Iterable[object]) -> int:
    """Return the code that closes the line, given how hearing and talking ended; says in the log what broke it."""
    code = WSCloseCode.INTERNAL_ERROR
    for outcome in outcomes:
        if isinstance(outcome, NotSignedIn):
            code = WSCloseCode.POLICY_VIOLATION
        elif isinstance(outcome, Exception) and not isinstance(outcome, ConnectionError):
            log.warning("a chat's line ended", exc_info=outcome)
    return code
