"""The device's end of the link: what waits in the outbox goes to the manager, whenever there is a way.

`DeviceLink` joins a session, the outbox and the rules of `core.Uplink`. One task drains the events, another the
telemetry; both sleep until something was added, something was acknowledged, or the connection came back. What comes
the other way is for `Downlink`. Everything that leaves passes `leave`, each with its label.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from outpost_disk import Database, DatabaseFailed
from outpost_link import outbox
from outpost_link.connection import Login
from outpost_link.core import Action, Forget, Ignored, SendPage, Uplink, WakeAt
from outpost_link.downlink import JSON, Downlink, OnCommand, OnDesired
from outpost_link.errors import LinkDown, LinkFailed, PublishRefused
from outpost_link.packet import Outgoing, Received
from outpost_link.session import MqttSession
from outpost_wire import messages
from outpost_wire.egress import Departure, Kind
from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId, FleetId
from outpost_wire.shadow import fit
from outpost_wire.topics import Leaf, topic

log = logging.getLogger(__name__)

CBOR = "application/cbor"
PAGE_BYTES = 512 * 1024
DATABASE_WAIT_S = 5.0
TELEMETRY_WAIT_S = 30.0
MANAGER = "manager"

Leave = Callable[[Departure, bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is speaking: `boot_id` is new with every start of the daemon."""

    fleet: FleetId
    device: DeviceId
    boot_id: str


async def _keep_nothing(_desired: bytes) -> None:
    """Take no notice of a desired shadow."""


def _leave_as_it_is(_departure: Departure, body: bytes) -> bytes:
    """Let everything leave."""
    return body


class _Tagged(msgspec.Struct):
    type: str


class DeviceLink:
    """The device's side of the link, made by `open_device_link`."""

    def __init__(
        self,
        login: Login,
        identity: Identity,
        database: Database,
        core: Uplink,
        *,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        on_desired: OnDesired,
        on_command: OnCommand | None,
        leave: Leave,
        chance: Callable[[], float],
    ) -> None:
        self._identity = identity
        self._database = database
        self._core = core
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._leave = leave
        self._downlink = Downlink(
            identity.fleet,
            identity.device,
            on_desired=on_desired,
            on_command=on_command,
            answer=self._send_answer,
            new_id=new_id,
            clock_ms=clock_ms,
        )
        self._loop = asyncio.get_running_loop()
        self._session = MqttSession(
            login, self._hear, greet=self._greet, part=self._part, make_will=self._make_will, chance=chance
        )
        self._reported: messages.Reported | None = None
        self._connections = 0
        self._has_news = False
        self._forget = 0
        self._forgotten = 0
        self._page: SendPage | None = None
        self._wake = asyncio.Event()
        self._online = asyncio.Event()
        self._telemetry = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_connected(self) -> bool:
        """Say whether the broker has this device."""
        return self._session.is_connected

    @property
    def down_because(self) -> str | None:
        """Return why there is no connection, in one sentence, or None when there is one."""
        return self._session.down_because

    @property
    def depth(self) -> int:
        """Return how many events wait for the manager's acknowledgement, as last seen."""
        return self._core.depth

    def notify(self) -> None:
        """Events were added to the outbox and committed; cheap to call often."""
        self._has_news = True
        self._wake.set()

    async def report(self, reported: messages.Reported) -> None:
        """Make this the reported shadow, now or at the next connection, and again at every later one.

        One that is too large for a message is cut (`outpost_wire.shadow.fit`). Raises PublishRefused.
        """
        self._reported = fit(reported)
        try:
            await self._publish_reported()
        except LinkDown:
            log.debug("the reported shadow waits for a connection")

    async def add_telemetry(self, batch: messages.Telemetry) -> None:
        """Keep a batch of telemetry until the broker has it. Raises DatabaseFailed."""
        body = messages.encode_telemetry(batch)
        await self._database.write(partial(outbox.add_telemetry, body=body), durable=False)
        self._telemetry.set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[DeviceLink]:
        """Keep the link for as long as the context lasts; leaving it tells the fleet that the device is off."""
        for wanted in (self._topic(Leaf.ACKED), *self._downlink.topics()):
            await self._session.subscribe(wanted)
        async with self._session.opened(), asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._drain()), group.create_task(self._send_telemetry())]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                self._set_timer(None)
                await self._say_goodbye()

    def _topic(self, leaf: Leaf) -> str:
        return topic(self._identity.fleet, self._identity.device, leaf)

    def _state(self, *, online: bool) -> Outgoing:
        state = messages.DeviceState(
            id=self._new_id(),
            time_ms=self._clock_ms(),
            online=online,
            boot_id=self._identity.boot_id,
            seq=self._connections,
        )
        payload = self._departing("state", messages.encode(state))
        return Outgoing(topic=self._topic(Leaf.STATE), payload=payload, retain=True, content_type=JSON)

    def _departing(self, kind: Kind, body: bytes) -> bytes:
        return self._leave(Departure(destination=MANAGER, kind=kind, bytes=len(body)), body)

    def _make_will(self) -> Outgoing:
        self._connections += 1
        return self._state(online=False)

    async def _greet(self) -> None:
        await self._session.send(self._state(online=True))
        await self._publish_reported()
        self._online.set()
        self._carry_out(self._core.connected(self._loop.time()))

    async def _part(self) -> None:
        self._online.clear()
        self._page = None
        self._core.disconnected()

    async def _say_goodbye(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._session.send(self._state(online=False))
        except (LinkFailed, TimeoutError) as error:
            log.info("left without a goodbye", extra={"reason": str(error)})

    async def _publish_reported(self) -> None:
        if self._reported is not None:
            payload = self._departing("shadow", messages.encode(self._reported))
            await self._session.publish(self._topic(Leaf.SHADOW_REPORTED), payload, retain=True, content_type=JSON)

    async def _send_answer(self, answer: Outgoing) -> None:
        await self._session.send(replace(answer, payload=self._departing("answer", answer.payload)))

    async def _hear(self, message: Received) -> None:
        if message.topic == self._topic(Leaf.ACKED):
            self._hear_acked(message.payload)
            message.ack()
        else:
            await self._downlink.hear(message)

    def _hear_acked(self, payload: bytes) -> None:
        try:
            acked = messages.decode(payload, messages.Acked)
        except BadMessage as error:
            log.warning("acknowledgement not understood", extra={"reason": str(error)})
            return
        self._carry_out(self._core.acked(acked.epoch, acked.seq, self._loop.time()))

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case SendPage():
                    self._page = action
                    self._wake.set()
                case Forget(through):
                    self._forget = through
                    self._wake.set()
                case WakeAt(time):
                    self._set_timer(time)
                case Ignored(reason):
                    log.warning("acknowledgement ignored", extra={"reason": reason})

    def _set_timer(self, time: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if time is None else self._loop.call_at(time, self._tick)

    def _tick(self) -> None:
        self._carry_out(self._core.tick(self._loop.time()))

    async def _drain(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._drain_once()
            except DatabaseFailed as error:
                log.error("outbox out of reach", extra={"reason": str(error), "retry_s": DATABASE_WAIT_S})
                await asyncio.sleep(DATABASE_WAIT_S)
                self.notify()

    async def _drain_once(self) -> None:
        if self._has_news:
            self._has_news = False
            extent = await self._database.read(outbox.extent)
            self._carry_out(self._core.added(extent.last, self._loop.time()))
        if self._forget > self._forgotten:
            through = self._forget
            deletion = partial(outbox.acked, epoch=self._core.epoch, seq=through)
            await self._database.write(deletion, durable=False)
            self._forgotten = through
        if self._page is not None:
            await self._send_page(self._page)

    async def _send_page(self, page: SendPage) -> None:
        rows, first = await self._database.write(
            lambda connection: (
                outbox.page_to_send(connection, page.after, PAGE_BYTES, page.rows),
                outbox.extent(connection).first,
            )
        )
        if page is not self._page:
            return  # the connection that it was for has ended
        self._page = None
        receipts = [self._session.send(self._envelope(row, first)) for row in rows]
        outcomes = await asyncio.gather(*receipts, return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if not failures:
            through = rows[-1].seq if rows else page.after
            self._carry_out(self._core.sent(page, through, self._loop.time()))
        elif not any(isinstance(failure, LinkDown) for failure in failures):
            log.warning("events refused by the broker", extra={"reason": str(failures[0]), "events": len(failures)})
            self._carry_out(self._core.refused(page, self._loop.time()))

    def _envelope(self, row: outbox.Row, first: int) -> Outgoing:
        message = messages.Uplink(
            id=row.id,
            time_ms=row.time_ms,
            epoch=self._core.epoch,
            seq=row.seq,
            first=first,
            body=msgspec.Raw(row.body),
        )
        payload = self._departing(_kind_of(row.body), messages.encode(message))
        return Outgoing(topic=self._topic(Leaf.EVENT), payload=payload, content_type=JSON)

    async def _send_telemetry(self) -> None:
        """Send batches one at a time, oldest first; each leaves the outbox on the broker's acknowledgement."""
        while True:
            await self._online.wait()
            self._telemetry.clear()
            try:
                is_more = await self._send_oldest_telemetry()
            except (DatabaseFailed, PublishRefused) as error:
                log.warning("telemetry not sent", extra={"reason": str(error), "retry_s": TELEMETRY_WAIT_S})
                await asyncio.sleep(TELEMETRY_WAIT_S)
            except LinkFailed as error:
                log.debug("telemetry waits", extra={"reason": str(error)})
            else:
                if not is_more:
                    await self._telemetry.wait()

    async def _send_oldest_telemetry(self) -> bool:
        """Send one batch; return whether there was one."""
        oldest = await self._database.read(outbox.oldest_telemetry)
        if oldest is None:
            return False
        number, body = oldest
        payload = self._departing("telemetry", body)
        await self._session.publish(self._topic(Leaf.TELEMETRY), payload, content_type=CBOR)
        await self._database.write(partial(outbox.telemetry_left, number=number), durable=False)
        return True


def _kind_of(body: bytes) -> Kind:
    """Return how the body of an event is labelled when it leaves."""
    return "result" if msgspec.json.decode(body, type=_Tagged).type == "result" else "event"


@asynccontextmanager
async def open_device_link(
    login: Login,
    identity: Identity,
    database: Database,
    *,
    new_id: Callable[[], str],
    clock_ms: Callable[[], int],
    on_desired: OnDesired = _keep_nothing,
    on_command: OnCommand | None = None,
    leave: Leave = _leave_as_it_is,
    window: int = 64,
    retry_s: float = 10.0,
    chance: Callable[[], float] = random.random,
) -> AsyncIterator[DeviceLink]:
    """Open the device's link over a `database` that has OUTBOX_SCHEMA; works with the broker away.

    `on_desired` gets the payload of each desired shadow before it is acknowledged. `on_command` carries a command out
    and returns its answer, or raises BadMessage; without it none is listened to. `leave` returns what may leave in
    place of each payload. What these or the database raise comes out of the context in an ExceptionGroup, but for a
    database that cannot keep a desired shadow.
    """
    await database.write(partial(outbox.open_epoch, new_epoch=new_id()))
    extent = await database.read(outbox.extent)
    core = Uplink(extent.epoch, extent.first, extent.last, window=window, retry_s=retry_s)
    link = DeviceLink(
        login,
        identity,
        database,
        core,
        new_id=new_id,
        clock_ms=clock_ms,
        on_desired=on_desired,
        on_command=on_command,
        leave=leave,
        chance=chance,
    )
    async with link.opened():
        yield link
