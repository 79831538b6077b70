"""The way in of one channel: the router, with what is set for that channel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from outpost_agent.router.router import Router
from outpost_sdk.channel import Accepted, Attachment, ChannelHealth, Incoming


class Door:
    """The `ChannelContext` of one channel; `groups` are the group chats it may answer in."""

    def __init__(self, router: Router, groups: Sequence[str], tell: Callable[[ChannelHealth], None]) -> None:
        self._router = router
        self._groups = frozenset(groups)
        self._tell = tell

    async def admit(self, incoming: Incoming) -> bool:
        """Say whether this person may talk here; see `ChannelContext.admit`."""
        return await self._router.admit(incoming, self._groups)

    async def accept(self, incoming: Incoming) -> Accepted:
        """Commit a message and start its work; see `ChannelContext.accept`."""
        return await self._router.accept(incoming, self._groups)

    async def keep(self, name: str, type_: str, content: AsyncIterator[bytes]) -> Attachment:
        """Stream a file to the disk; see `ChannelContext.keep`."""
        return await self._router.keep(name, type_, content)

    def tell(self, health: ChannelHealth) -> None:
        """Say how the channel is; see `ChannelContext.tell`."""
        self._tell(health)
