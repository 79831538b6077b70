"""The chat of the local socket: what `outpost ask` says and hears."""

from __future__ import annotations

import asyncio

from outpost_agent.hub import Hub
from outpost_sdk.channel import Caps, ChannelContext, Delivery, Outgoing

CHANNEL = "local"


class LocalChat:
    """The channel `local`: one chat per user of this machine, read by the one who asked."""

    id = CHANNEL
    caps = Caps(delivery=Delivery.BY_SEQUENCE, attachment_limit=2**63)

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def run(self, context: ChannelContext) -> None:
        """Wait to be cancelled: messages come in through the local socket's methods."""
        del context
        await asyncio.Event().wait()

    async def send(self, outgoing: Outgoing) -> str | None:
        """Tell the one who asked that there is something to read."""
        self._hub.said(CHANNEL, outgoing.chat)
        return None
