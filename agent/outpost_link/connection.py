"""One connection to an MQTT 5 broker, from CONNECT to its end.

paho-mqtt does the protocol; the asyncio loop tells it when its socket can be read or written. Every connection has its
own paho client, thrown away with it: nothing is sent again behind anybody's back, and whoever published learns that the
connection ended and decides. At most `window` messages (fewer when the broker says so) are with paho at a time, the
rest waits here in order, up to WAITING_LIMIT.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from outpost_link.errors import LinkDown, LinkFull, LoginRefused, PublishRefused, SubscriptionRefused
from outpost_link.packet import Outgoing, Qos, Received, properties_of, read_message
from outpost_wire.messages import MESSAGE_LIMIT

WAITING_LIMIT = 1_000
PACKET_OVERHEAD = 8 * 1024
PACKET_LIMIT = MESSAGE_LIMIT + PACKET_OVERHEAD
GOODBYE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where the broker is and how this client presents itself.

    `session_expiry_s` is how long the broker keeps subscriptions and unacknowledged messages after a connection ends;
    with `clean_start` every connection begins without them. `receive_maximum` is how many messages the broker may have
    sent that are not acknowledged; `window` is how many of ours may wait for the broker's acknowledgement.
    """

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    keepalive_s: int = 30
    session_expiry_s: int = 0
    clean_start: bool = True
    receive_maximum: int = 64
    window: int = 64
    timeout_s: float = 10.0

    @property
    def broker(self) -> str:
        """Return the broker's address as people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _Waiting(NamedTuple):
    message: Outgoing
    receipt: asyncio.Future[None]


class Connection:
    """One life of a connection.

    `receive` is called with each message, from the loop, and must not block. While `has_room()` is false the socket is
    not read, unless somebody waits for the broker's answer, which may stand behind more messages.
    """

    def __init__(
        self,
        login: Login,
        will: Outgoing | None,
        receive: Callable[[Received], None],
        has_room: Callable[[], bool],
    ) -> None:
        self._login = login
        self._receive = receive
        self._has_room = has_room
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[LinkDown] = self._loop.create_future()
        self._receipts: dict[int, tuple[str, asyncio.Future[None]]] = {}
        self._waiting: deque[_Waiting] = deque()
        self._subscribing: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._window = login.window
        self._packet_limit: int | None = None
        self._socket: socket.socket | None = None
        self._is_reading = False
        self._timer: asyncio.TimerHandle | None = None
        self._client = self._make_client(will)

    async def open(self) -> None:
        """Connect and log in. Raises LinkDown, or LoginRefused when the broker does not want this client.

        paho connects in its own blocking way, so that part runs in a thread.
        """
        connecting = asyncio.ensure_future(asyncio.to_thread(self._connect))
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(self._drop_late_socket)
            raise
        except (OSError, ValueError) as error:
            raise LinkDown(f"no connection to the broker at {self._login.broker}: {error}") from error
        self._attach()
        try:
            async with asyncio.timeout(self._login.timeout_s):
                await self._answer
        except TimeoutError:
            self._abort(f"it did not answer within {self._login.timeout_s:g} s")
            raise self._ended.result() from None
        except asyncio.CancelledError:
            self._abort("this end gave up")
            raise

    async def ended(self) -> LinkDown:
        """Wait for the end of the connection and return the reason."""
        return await asyncio.shield(self._ended)

    def send(self, message: Outgoing) -> asyncio.Future[None]:
        """Take `message`, after all that was taken before, and return what is done when the broker has acknowledged it.

        The future raises LinkDown, LinkFull or PublishRefused.
        """
        receipt: asyncio.Future[None] = self._loop.create_future()
        if self._ended.done():
            receipt.set_exception(LinkDown(str(self._ended.result())))
        elif self._packet_limit is not None and len(message.payload) + PACKET_OVERHEAD > self._packet_limit:
            receipt.set_exception(PublishRefused(message.topic, f"its packets end at {self._packet_limit} bytes"))
        elif not self._waiting and len(self._receipts) < self._window:
            self._publish(message, receipt)
        elif len(self._waiting) < WAITING_LIMIT:
            self._waiting.append(_Waiting(message, receipt))
        else:
            receipt.set_exception(LinkFull(len(self._waiting)))
        self.adjust_reading()
        return receipt

    async def subscribe(self, filters: Sequence[tuple[str, Qos]]) -> None:
        """Subscribe to all `filters`. Raises SubscriptionRefused for the first that is refused, or LinkDown."""
        if self._ended.done():
            raise self._ended.result()
        _, mid = self._client.subscribe([(name, _options(name, qos)) for name, qos in filters])
        assert mid is not None
        answer: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self._subscribing[mid] = answer
        self.adjust_reading()
        try:
            async with asyncio.timeout(self._login.timeout_s):
                reasons = await answer
        except TimeoutError:
            self._abort("it did not answer a subscription")
            raise self._ended.result() from None
        for (name, _), reason in zip(filters, reasons, strict=True):
            if reason.is_failure:
                raise SubscriptionRefused(name, str(reason))

    def adjust_reading(self) -> None:
        """Begin or cease to read; to be called when what `has_room` says may have changed."""
        if self._socket is None:
            return
        is_awaited = bool(self._receipts or self._subscribing or not self._answer.done())
        wanted = is_awaited or self._has_room()
        if wanted and not self._is_reading:
            self._loop.add_reader(self._socket, self._guarded, self._client.loop_read)
        elif self._is_reading and not wanted:
            self._loop.remove_reader(self._socket)
        self._is_reading = wanted

    async def close(self) -> None:
        """Say goodbye, after what was sent before, and end; the broker then does not publish the will."""
        if self._ended.done():
            return
        self._client.disconnect()
        try:
            async with asyncio.timeout(GOODBYE_S):
                await self.ended()
        except TimeoutError:
            self._abort("it did not take the goodbye")

    def _make_client(self, will: Outgoing | None) -> Client:
        login = self._login
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=login.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        client.connect_timeout = login.timeout_s
        client.max_inflight_messages = 0  # bounded by our own window
        if login.username is not None:
            client.username_pw_set(login.username, login.password)
        if will is not None:
            said = properties_of(PacketTypes.WILLMESSAGE, will)
            client.will_set(will.topic, will.payload, will.qos, will.retain, said)
        client.on_socket_open = _set_no_delay
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_written
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._login.session_expiry_s
        properties.ReceiveMaximum = self._login.receive_maximum
        properties.MaximumPacketSize = PACKET_LIMIT
        self._client.connect(
            self._login.host,
            self._login.port,
            keepalive=self._login.keepalive_s,
            clean_start=self._login.clean_start,
            properties=properties,
        )

    def _attach(self) -> None:
        opened = self._client.socket()
        assert isinstance(opened, socket.socket)
        self._socket = opened
        self.adjust_reading()
        self._loop.add_writer(opened, self._guarded, self._client.loop_write)
        self._watch_keepalive()

    def _watch_keepalive(self) -> None:
        self._timer = self._loop.call_later(self._login.keepalive_s / 4, self._watch_keepalive)
        self._guarded(self._client.loop_misc)

    def _guarded(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # paho fails in many ways on bytes that are not MQTT 5
            self._abort(f"it sent what is not MQTT 5 ({type(error).__name__})")

    def _publish(self, message: Outgoing, receipt: asyncio.Future[None]) -> None:
        properties = properties_of(PacketTypes.PUBLISH, message)
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        self._receipts[info.mid] = (message.topic, receipt)

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._finish(LoginRefused(self._login.broker, self._login.client_id, str(reason)))
            return
        self._window = min(self._window, getattr(properties, "ReceiveMaximum", self._window))
        self._packet_limit = getattr(properties, "MaximumPacketSize", None)
        if not self._answer.done():
            self._answer.set_result(None)

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        self._finish(self._lost(str(reason)))

    def _on_publish(self, _client: Client, _data: object, mid: int, reason: ReasonCode, _properties: object) -> None:
        topic, receipt = self._receipts.pop(mid)
        if not receipt.done():
            if reason.is_failure:
                receipt.set_exception(PublishRefused(topic, str(reason)))
            else:
                receipt.set_result(None)
        while self._waiting and len(self._receipts) < self._window:
            waiting = self._waiting.popleft()
            if not waiting.receipt.done():
                self._publish(*waiting)
        self.adjust_reading()

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        answer = self._subscribing.pop(mid)
        if not answer.done():
            answer.set_result(reasons)
        self.adjust_reading()

    def _on_message(self, client: Client, _data: object, message: MQTTMessage) -> None:
        def acknowledge() -> None:
            if not self._ended.done():
                client.ack(message.mid, message.qos)

        self._receive(read_message(message, acknowledge))
        self.adjust_reading()

    def _on_want_write(self, _client: Client, _data: object, _socket: object) -> None:
        if self._socket is not None:
            self._loop.add_writer(self._socket, self._guarded, self._client.loop_write)

    def _on_written(self, _client: Client, _data: object, _socket: object) -> None:
        if self._socket is not None:
            self._loop.remove_writer(self._socket)

    def _on_socket_close(self, _client: Client, _data: object, _socket: object) -> None:
        self._detach()

    def _detach(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = None

    def _abort(self, reason: str) -> None:
        """End at once and without a goodbye: the broker publishes the will."""
        opened = self._socket
        self._detach()
        if opened is not None:
            opened.close()
        self._finish(self._lost(reason))

    def _drop_late_socket(self, connecting: asyncio.Future[None]) -> None:
        """Close what a connect brought after nobody waited for it any more."""
        opened = self._client.socket() if connecting.exception() is None else None
        if opened is not None:
            opened.close()

    def _lost(self, reason: str) -> LinkDown:
        return LinkDown(f"the connection to the broker at {self._login.broker} ended: {reason}")

    def _finish(self, reason: LinkDown) -> None:
        if self._ended.done():
            return
        self._ended.set_result(reason)
        if self._timer is not None:
            self._timer.cancel()
        if not self._answer.done():
            self._answer.set_exception(reason)
        unanswered: list[asyncio.Future[Any]] = list(self._subscribing.values())
        unanswered += [receipt for _, receipt in self._receipts.values()]
        unanswered += [waiting.receipt for waiting in self._waiting]
        self._subscribing.clear()
        self._receipts.clear()
        self._waiting.clear()
        for future in unanswered:
            if not future.done():
                future.set_exception(LinkDown(str(reason)))


def _options(topic_filter: str, qos: Qos) -> SubscribeOptions:
    """Ask for no retained messages on a shared subscription: mosquitto 2.0 sends them against MQTT 5, section 4.8.2."""
    is_shared = topic_filter.startswith("$share/")
    handling = SubscribeOptions.RETAIN_DO_NOT_SEND if is_shared else SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
    return SubscribeOptions(qos=qos, retainHandling=handling)


def _set_no_delay(_client: Client, _data: object, opened: object) -> None:
    """Send small packets at once: with Nagle's algorithm a paced QoS 1 round trip takes 23 ms instead of 0.1 ms."""
    if isinstance(opened, socket.socket):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
