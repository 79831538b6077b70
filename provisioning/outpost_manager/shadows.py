"""The desired shadows: kept here, published retained, and published again whenever the broker may have lost them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from outpost_disk import DatabaseFailed
from outpost_link import Outgoing
from outpost_link.errors import LinkFailed
from outpost_manager.orders import Orders
from outpost_manager.rows import Settings
from outpost_wire.ids import DeviceId, FleetId
from outpost_wire.messages import Results, encode
from outpost_wire.topics import Leaf, topic

log = logging.getLogger(__name__)

AT_ONCE = 256
RETRY_S = 1.0


class Shadows:
    """Publishes what the operator wants of devices.

    `publish` hands a message to the broker and raises LinkFailed; `now_ms` is Unix time, `new_id` gives ULIDs.
    """

    def __init__(
        self,
        fleet: FleetId,
        orders: Orders,
        publish: Callable[[Outgoing], Awaitable[None]],
        *,
        now_ms: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._fleet = fleet
        self._orders = orders
        self._publish = publish
        self._now_ms = now_ms
        self._new_id = new_id
        self._is_due = asyncio.Event()
        self._turn = asyncio.Lock()
        """One at a time, so that no older version is retained over a later one."""

    async def set_results(self, device: DeviceId, results: Results | None) -> Settings:
        """Keep what is wanted and publish it, now or at the next connection. Raises DeviceUnknown."""
        async with self._turn:
            desired = await self._orders.set_results(device, results, self._new_id(), self._now_ms())
            try:
                await self._publish(self._shadow(device, encode(desired)))
            except LinkFailed as error:
                log.info("desired shadow waits for the broker", extra={"device": device, "reason": str(error)})
        return await self._orders.settings(device)

    def connected(self) -> None:
        """There is a new connection to a broker, which may have lost what it kept."""
        self._is_due.set()

    async def run(self) -> None:
        """Publish all desired shadows after each new connection, until cancelled."""
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            try:
                await self._publish_all()
            except LinkFailed as error:
                log.info("desired shadows wait for the broker", extra={"reason": str(error)})
            except DatabaseFailed as error:
                log.warning("desired shadows not read", extra={"reason": str(error)})
                await asyncio.sleep(RETRY_S)
                self._is_due.set()

    async def _publish_all(self) -> None:
        after: DeviceId | None = None
        while True:
            async with self._turn:
                some = await self._orders.desired(after, AT_ONCE)
                await asyncio.gather(*(self._publish(self._shadow(device, body)) for device, body in some))
            if len(some) < AT_ONCE:
                return
            after = some[-1][0]

    def _shadow(self, device: DeviceId, body: bytes) -> Outgoing:
        return Outgoing(
            topic=topic(self._fleet, device, Leaf.SHADOW_DESIRED),
            payload=body,
            retain=True,
            content_type="application/json",
        )
