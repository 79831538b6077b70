"""The link over a loopback broker: a paced QoS 1 round trip, and what one device's outbox drains in a second."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from pathlib import Path

from outpost_disk import open_database
from outpost_link import OUTBOX_SCHEMA, Identity, Login, MqttSession, Received, open_device_link, outbox
from outpost_wire import messages
from outpost_wire.ids import DeviceId, FleetId, encode
from outpost_wire.topics import Leaf, filter_for, topic
from tests.support.broker import Broker, running_broker

PACED_MESSAGES = 400
PACE_S = 0.005
DRAINED_MESSAGES = 10_000
ACK_EVERY = 20
BODY = b'{"type":"bench","text":"' + b"x" * 180 + b'"}'
IDENTITY = Identity(fleet=FleetId("bench"), device=DeviceId("one"), boot_id=encode(1))


async def measure(folder: Path) -> dict[str, float]:
    """Return `qos1_round_trip_p50_ms` (publish to receipt, 200 a second) and `messages_per_s` (outbox to consumer)."""
    with running_broker(folder / "broker") as broker:
        return {
            "qos1_round_trip_p50_ms": await _round_trip_ms(broker),
            "messages_per_s": await _drained_per_s(broker, folder),
        }


async def _round_trip_ms(broker: Broker) -> float:
    arrived: asyncio.Queue[float] = asyncio.Queue()
    is_up = asyncio.Event()

    async def greet() -> None:
        is_up.set()

    async def handle(message: Received) -> None:
        arrived.put_nowait(time.perf_counter())
        message.ack()

    session = MqttSession(Login(host=broker.host, port=broker.port, client_id="bench"), handle, greet=greet)
    await session.subscribe("bench/echo")
    trips: list[float] = []
    async with session.opened():
        await is_up.wait()
        for _ in range(PACED_MESSAGES):
            began = time.perf_counter()
            receipt = session.publish("bench/echo", BODY)
            await asyncio.gather(receipt, arrived.get())
            trips.append(time.perf_counter() - began)
            await asyncio.sleep(PACE_S)
    return statistics.median(trips) * 1000


class _Manager:
    """Receives events, keeps none, and acknowledges every ACK_EVERY of them."""

    def __init__(self, broker: Broker) -> None:
        login = Login(host=broker.host, port=broker.port, client_id="manager")
        self.session = MqttSession(login, self._handle, greet=self._greet)
        self.is_up = asyncio.Event()
        self.has_all = asyncio.Event()

    async def _greet(self) -> None:
        self.is_up.set()

    async def _handle(self, message: Received) -> None:
        message.ack()
        uplink = messages.decode(message.payload, messages.Uplink)
        if uplink.seq % ACK_EVERY == 0:
            acked = messages.Acked(id=encode(uplink.seq), time_ms=0, epoch=uplink.epoch, seq=uplink.seq)
            await self.session.publish(topic(IDENTITY.fleet, IDENTITY.device, Leaf.ACKED), messages.encode(acked))
        if uplink.seq == DRAINED_MESSAGES:
            self.has_all.set()


async def _drained_per_s(broker: Broker, folder: Path) -> float:
    ids = map(encode, itertools.count(1))
    manager = _Manager(broker)
    await manager.session.subscribe(filter_for(IDENTITY.fleet, Leaf.EVENT, share="manager"))
    async with open_database(folder / "bench.db", [OUTBOX_SCHEMA]) as database, manager.session.opened():
        await manager.is_up.wait()
        await database.write(lambda connection: outbox.open_epoch(connection, next(ids)))
        await database.write(
            lambda connection: [outbox.add(connection, next(ids), 0, BODY) for _ in range(DRAINED_MESSAGES)]
        )
        login = Login(host=broker.host, port=broker.port, client_id="device")
        began = time.perf_counter()
        async with open_device_link(login, IDENTITY, database, new_id=lambda: next(ids), clock_ms=lambda: 0):
            await manager.has_all.wait()
            return DRAINED_MESSAGES / (time.perf_counter() - began)
