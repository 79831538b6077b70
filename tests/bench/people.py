"""People who talk to a device: one in the web chat, one over Telegram."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.support.device import Device
from tests.support.fake_telegram import FakeTelegram

DEADLINE_S = 60.0


class Chat:
    """A person in the web chat, by HTTP for what is said and by WebSocket for what is heard."""

    def __init__(self, device: Device, session: aiohttp.ClientSession, stream: aiohttp.ClientWebSocketResponse) -> None:
        self._device = device
        self._session = session
        self._stream = stream
        self._waiting: dict[str, asyncio.Future[float]] = {}
        self._early: dict[str, float] = {}
        self._heard = 0

    async def listen(self) -> None:
        """Hear answers until cancelled."""
        async for frame in self._stream:
            said = frame.json()
            if said["type"] != "message" or said["message"]["direction"] != "out":
                continue
            now = time.perf_counter()
            self._heard += 1
            if self._heard % 50 == 0:
                await self._stream.send_json({"type": "ack", "seq": said["message"]["seq"]})
            waiting = self._waiting.pop(said["message"]["reply_to"], None)
            if waiting is None:
                self._early[said["message"]["reply_to"]] = now
            else:
                waiting.set_result(now)

    async def ask(self, text: str) -> float:
        """Say `text` and return the seconds until the answer was heard."""
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("text", text)
        began = time.perf_counter()
        async with self._session.post(
            f"{self._device.url}/api/v1/messages",
            data=form,
            headers={**self._device.headers, "Idempotency-Key": secrets.token_hex(8)},
        ) as response:
            answer = await response.json()
            assert response.status == 202, answer
        if answer["message_id"] in self._early:
            return self._early.pop(answer["message_id"]) - began
        heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting[answer["message_id"]] = heard
        return await asyncio.wait_for(heard, DEADLINE_S) - began


@asynccontextmanager
async def chatting(device: Device) -> AsyncIterator[Chat]:
    """Open a chat with `device`."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{device.url}/api/v1/ws?after=0", headers=device.headers, max_msg_size=0) as stream,
    ):
        chat = Chat(device, session, stream)
        listening = asyncio.create_task(chat.listen())
        try:
            yield chat
        finally:
            listening.cancel()


class Texter:
    """A person who writes to the bot. The platform's memory of what was said is emptied, so that it stays small."""

    def __init__(self, telegram: FakeTelegram) -> None:
        self._telegram = telegram
        self._heard: dict[int, float] = {}

    async def ask(self, text: str) -> float:
        """Say `text` and return the seconds until the platform had the answer."""
        began = time.perf_counter()
        (said,) = self._telegram.person_says(text)
        number: int = said["message_id"]
        await self._telegram.until(lambda: self._has_heard(number), DEADLINE_S)
        return self._heard.pop(number) - began

    def _has_heard(self, number: int) -> bool:
        now = time.perf_counter()
        for shown in self._telegram.messages.values():
            if shown.reply_to is not None:
                self._heard[shown.reply_to] = now
        self._telegram.messages.clear()
        self._telegram.calls.clear()
        return number in self._heard
