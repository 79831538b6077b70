"""Makes a channel from its settings, and says at once whether its platform knows us."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from hashlib import blake2b
from pathlib import Path

from outpost_agent.config import ChannelConfig
from outpost_agent.outlet import ProxiedOutlet
from outpost_sdk.channel import (
    Caps,
    Channel,
    ChannelContext,
    ChannelDown,
    ChannelFactory,
    ChannelHealth,
    Checkable,
    Delivery,
    Outgoing,
    SendLater,
)
from outpost_wire.errors import BadSetting

CHECK_S = 30.0
UNMADE_S = 300.0
ADAPTERS = {"telegram": "outpost_agent.channels.telegram:make"}
"""The adapters that have a name; others are given as "module:factory"."""


def make_channel(name: str, settings: ChannelConfig, proxy: str) -> Channel:
    """Return the channel called `name`, which goes out by its own proxy or else by `proxy`; raises BadSetting."""
    module, _, factory = ADAPTERS.get(settings.adapter, settings.adapter).partition(":")
    place = f"channels.{name}"
    try:
        outlet = ProxiedOutlet("" if settings.proxy == "direct" else settings.proxy or proxy)
        make: ChannelFactory = getattr(importlib.import_module(module), factory)
        channel = make(name, dict(settings.options), outlet)
    except BadSetting as error:
        raise BadSetting(f"{place}: {error.en}", f"{place}：{error.zh}") from error
    except Exception as error:  # it may be from elsewhere, and a reload must not end the daemon
        what = f"{place}.adapter: {settings.adapter!r}"
        raise BadSetting(f"{what} cannot be used: {error}", f"{what} 无法使用：{error}") from error
    return channel


def stamp_of(settings: ChannelConfig) -> bytes:
    """Return what changes when the content of a file changes that a channel's options name, as its token; blocks."""
    stamp = blake2b(digest_size=16)
    for option, path in sorted(settings.options.items()):
        if option.endswith("_file"):
            with contextlib.suppress(OSError):
                stamp.update(blake2b(Path(str(path)).read_bytes()).digest())
    return stamp.digest()


async def checked(channel: Channel) -> str:
    """Return who we are on a channel's platform, "" where a channel cannot say; raises ChannelDown."""
    if not isinstance(channel, Checkable):
        return ""
    try:
        async with asyncio.timeout(CHECK_S):
            return await channel.check()
    except TimeoutError as error:
        raise ChannelDown(
            "The platform did not answer in time: check the network and the proxy, then try again.",
            "平台未在规定时间内应答：请检查网络和代理后重试。",
        ) from error


class Unmade:
    """Stands for a channel that cannot be made: it says why, and neither brings in nor sends anything."""

    caps = Caps(delivery=Delivery.BY_CALL)

    def __init__(self, name: str, error: BadSetting) -> None:
        self.id = name
        self._error = error

    async def run(self, context: ChannelContext) -> None:
        """Say why, and wait to be cancelled."""
        context.tell(ChannelHealth(state="broken", en=self._error.en, zh=self._error.zh))
        await asyncio.Event().wait()

    async def send(self, outgoing: Outgoing) -> str | None:
        """Let what is to be said wait for the channel to be mended."""
        del outgoing
        raise SendLater(self._error.en, UNMADE_S)

    async def check(self) -> str:
        """Say why it does not work."""
        raise ChannelDown(self._error.en, self._error.zh)
