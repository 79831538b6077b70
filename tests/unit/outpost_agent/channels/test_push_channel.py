"""The fake platform's adapter passes the suite, so the platform is one that real adapters could meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from outpost_agent.outlet import ProxiedOutlet
from outpost_sdk.channel import Outgoing
from outpost_sdk.suites.channel import CalledChannelSuite, RecordingContext
from tests.support.fake_platform import FakePlatform, PushChannel


class PushRig:
    """The fake platform and its adapter."""

    def __init__(self, platform: FakePlatform) -> None:
        self.platform = platform
        self.channel = PushChannel("push", {"url": platform.url}, ProxiedOutlet())
        self.context = RecordingContext()
        self._seq = 0

    async def person_says(self, text: str, files: tuple[tuple[str, bytes], ...] = ()) -> None:
        self.platform.say(text, files)

    async def acknowledged(self) -> int:
        return self.platform.taken

    async def device_says(self, text: str) -> None:
        self._seq += 1
        await self.channel.send(Outgoing(seq=self._seq, id=f"m{self._seq}", chat="c1", text=text))

    async def shown(self) -> list[str]:
        return self.platform.texts()


@pytest.fixture
async def rig() -> AsyncIterator[PushRig]:
    async with FakePlatform() as platform:
        rig = PushRig(platform)
        running = asyncio.create_task(rig.channel.run(rig.context))
        yield rig
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


class TestPushChannel(CalledChannelSuite):
    """The suite over the fake platform."""
