"""The Telegram adapter joined to the fake server, as tests need it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from outpost_agent.channels.telegram import TelegramChannel
from outpost_agent.channels.telegram.api import BotApi
from outpost_agent.channels.telegram.channel import Pace
from outpost_agent.outlet import ProxiedOutlet
from outpost_sdk.channel import Outgoing, OutgoingFile
from outpost_sdk.suites.channel import RecordingContext
from tests.support.fake_telegram import ANN, FakeTelegram

QUICK = Pace(first_s=0.01, cap_s=0.05, patience_s=0.05, margin_s=0.5)
CHAT = str(ANN.id)


def adapter(
    telegram: FakeTelegram, *, proxy: str = "", token: str = "", call_s: float = 10.0, **settings: Any
) -> TelegramChannel:
    """Return the adapter, in a hurry, for the bot of `telegram`."""
    api = BotApi(ProxiedOutlet(proxy), telegram.url, token or telegram.token, call_s=call_s)
    chosen = {"poll_s": 5, "download_limit": 20 << 20, "upload_limit": 50 << 20, "pace": QUICK, **settings}
    return TelegramChannel("telegram", api, **chosen)


class TelegramRig:
    """The fake server, the adapter and a person."""

    def __init__(self, telegram: FakeTelegram, channel: TelegramChannel) -> None:
        self.telegram = telegram
        self.channel = channel
        self.context = RecordingContext()
        self._seq = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[TelegramRig]:
        """Run the channel for as long as entered."""
        running = asyncio.create_task(self.channel.run(self.context))
        try:
            yield self
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def person_says(self, text: str, files: tuple[tuple[str, bytes], ...] = ()) -> None:
        self.telegram.person_says(text, files)

    async def acknowledged(self) -> int:
        return self.telegram.acknowledged()

    async def device_says(self, text: str) -> None:
        await self.channel.send(self.outgoing(text))

    async def shown(self) -> list[str]:
        return self.telegram.texts()

    def outgoing(self, text: str = "", chat: str = CHAT, **fields: Any) -> Outgoing:
        """Return something to say."""
        self._seq += 1
        return Outgoing(seq=self._seq, id=f"m{self._seq}", chat=chat, text=text, **fields)


def file_of(name: str, type_: str, data: bytes, *, size: int | None = None) -> OutgoingFile:
    """Return a file to be sent, given in small pieces."""

    async def read() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    return OutgoingFile(name=name, type=type_, size=len(data) if size is None else size, read=read)
