"""An MQTT session that lasts: it connects, subscribes, greets, and does all of it again whenever the connection ends.

Messages that arrive wait in one queue for one handler. A broker may send only `receive_maximum` messages that were not
acknowledged (MQTT 5, section 4.9), but mosquitto 2.0 sends more after it was killed and restarted, and QoS 0 knows no
such limit: when that many wait, the socket is not read until one was handled. A handler that holds up a full queue for
longer than the keepalive loses the connection, and what it did not acknowledge comes again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Self

from outpost_link.connection import Connection, Login
from outpost_link.core import Backoff
from outpost_link.errors import LinkDown, LinkFailed
from outpost_link.packet import Outgoing, Qos, Received

log = logging.getLogger(__name__)

NEVER_CONNECTED = "the link has not been connected yet"


async def _nothing() -> None:
    """Do nothing at a change of connection."""


class MqttSession:
    """A connection to the broker, for as long as `opened` lasts.

    `handle` gets each message, one at a time, and acknowledges it (`Received.ack`) once its effect is kept; an error
    that it raises ends the session with that error. `greet` runs on every new connection, after the subscriptions:
    birth and retained topics belong there, since a broker may have lost them. `part` runs when a connection has ended.
    `make_will` is asked before each connection. `chance()` gives a number from 0 to 1 for the waits between attempts.
    """

    def __init__(
        self,
        login: Login,
        handle: Callable[[Received], Awaitable[None]],
        *,
        greet: Callable[[], Awaitable[None]] = _nothing,
        part: Callable[[], Awaitable[None]] = _nothing,
        make_will: Callable[[], Outgoing] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._login = login
        self._handle = handle
        self._greet = greet
        self._part = part
        self._make_will = make_will
        self._backoff = Backoff(chance)
        self._filters: dict[str, Qos] = {}
        self._inbox: asyncio.Queue[Received] = asyncio.Queue()
        self._connection: Connection | None = None
        self._down = NEVER_CONNECTED

    @property
    def is_connected(self) -> bool:
        """Say whether the broker has accepted this client and the connection stands."""
        return self._connection is not None

    @property
    def down_because(self) -> str | None:
        """Return why there is no connection, in one sentence, or None when there is one."""
        return None if self.is_connected else self._down

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Self]:
        """Stay connected for as long as the context lasts; leaving it says goodbye to the broker.

        Does not wait for the first connection. An error of `handle`, `greet` or `part` cancels the body and comes out
        in an ExceptionGroup.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._stay_connected()), group.create_task(self._hand_over())]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()

    def send(self, message: Outgoing) -> asyncio.Future[None]:
        """Take `message` after all that was taken before; the future is done when the broker has acknowledged it.

        The future raises LinkDown, LinkFull or PublishRefused. Nothing is kept for a later connection.
        """
        if self._connection is None:
            nowhere: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            nowhere.set_exception(LinkDown(self._down))
            return nowhere
        return self._connection.send(message)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        qos: Qos = 1,
        retain: bool = False,
        *,
        content_type: str = "",
        expiry_s: int | None = None,
        response_topic: str = "",
        correlation: bytes = b"",
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Publish and return once the broker has acknowledged it (QoS 0: once it is written); raises as `send`."""
        message = Outgoing(
            topic=topic,
            payload=payload,
            qos=qos,
            retain=retain,
            content_type=content_type,
            expiry_s=expiry_s,
            response_topic=response_topic,
            correlation=correlation,
            properties=properties or {},
        )
        await self.send(message)

    async def subscribe(self, topic_filter: str, qos: Qos = 1) -> None:
        """Subscribe now, if there is a connection, and again on every new one.

        Raises SubscriptionRefused. On a later connection a refusal ends the connection, and is logged and tried again.
        """
        self._filters[topic_filter] = qos
        if self._connection is not None:
            await self._connection.subscribe([(topic_filter, qos)])

    async def _stay_connected(self) -> None:
        clock = asyncio.get_running_loop().time
        backoff = self._backoff
        while True:
            began = clock()
            was_connected, reason = await self._connect_once()
            backoff = backoff.after(clock() - began if was_connected else 0.0)
            wait_s = backoff.wait_s
            level = logging.WARNING if was_connected or str(reason) != self._down else logging.DEBUG
            fields = {"client": self._login.client_id, "reason": str(reason), "retry_s": round(wait_s, 3)}
            log.log(level, "link down", extra=fields)
            self._down = str(reason)
            await asyncio.sleep(wait_s)

    async def _connect_once(self) -> tuple[bool, LinkFailed]:
        """Live through one connection; return whether there was one, and why it ended or never was."""
        will = self._make_will() if self._make_will else None
        connection = Connection(self._login, will, self._inbox.put_nowait, self._has_room)
        try:
            await connection.open()
        except LinkFailed as error:
            return False, error
        try:
            self._connection = connection
            connection.adjust_reading()
            log.info("link up", extra={"broker": self._login.broker, "client": self._login.client_id})
            if self._filters:
                await connection.subscribe(list(self._filters.items()))
            await self._greet()
            return True, await connection.ended()
        except LinkFailed as error:
            return True, error
        finally:
            self._down = "the link is being closed"
            self._connection = None
            self._discard_inbox()
            await connection.close()
            await self._part()

    async def _hand_over(self) -> None:
        while True:
            message = await self._inbox.get()
            if self._connection is not None:
                self._connection.adjust_reading()
            await self._handle(message)

    def _has_room(self) -> bool:
        return self._inbox.qsize() < self._login.receive_maximum

    def _discard_inbox(self) -> None:
        """Forget what was not handled: it can no longer be acknowledged, and the broker sends it again."""
        while not self._inbox.empty():
            self._inbox.get_nowait()
