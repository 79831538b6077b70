"""The link over a real mosquitto, which is killed, restarted and kept away."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from outpost_disk import Database, open_database
from outpost_link import (
    OUTBOX_SCHEMA,
    DeviceLink,
    Identity,
    LinkDown,
    Login,
    MqttSession,
    Placed,
    Prefix,
    PublishRefused,
    Received,
    open_device_link,
    outbox,
)
from outpost_wire import messages
from outpost_wire.egress import Departure
from outpost_wire.ids import DeviceId, FleetId, Ulids, encode
from outpost_wire.topics import Leaf, filter_for, topic
from tests.support.broker import Broker, running_broker

pytestmark = pytest.mark.broker

FLEET, DEVICE = FleetId("home"), DeviceId("pi")
BOOT = encode(77)
BODY = b'{"type":"task","text":"' + b"x" * 180 + b'"}'
IS_LONG = os.environ.get("OUTPOST_LONG") == "1"

new_id = Ulids(lambda: time.time_ns() // 1_000_000, os.urandom)


def _quickly() -> float:
    """Leave nothing to chance: the shortest wait before the next attempt."""
    return 0.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "device.db", [OUTBOX_SCHEMA]) as database:
        await database.write(lambda connection: outbox.open_epoch(connection, encode(5)))
        yield database


class Listener:
    """A session that keeps what it hears; `acks` says whether it acknowledges at once."""

    def __init__(self, login: Login, *, acks: bool = True) -> None:
        self.session = MqttSession(login, self._handle, greet=self._greet, chance=_quickly)
        self.heard: list[Received] = []
        self.greetings = 0
        self.acks = acks
        self._changed = asyncio.Condition()

    async def until(self, is_so: Callable[[Listener], bool]) -> None:
        async with asyncio.timeout(30.0), self._changed:
            await self._changed.wait_for(lambda: is_so(self))

    async def _handle(self, message: Received) -> None:
        if self.acks:
            message.ack()
        async with self._changed:
            self.heard.append(message)
            self._changed.notify_all()

    async def _greet(self) -> None:
        async with self._changed:
            self.greetings += 1
            self._changed.notify_all()


@asynccontextmanager
async def _listening(login: Login, *filters: str, acks: bool = True) -> AsyncIterator[Listener]:
    listener = Listener(login, acks=acks)
    for topic_filter in filters:
        await listener.session.subscribe(topic_filter)
    async with listener.session.opened():
        await listener.until(lambda it: it.greetings == 1)
        yield listener


class Manager:
    """Commits events to its own database, in batches, and acknowledges them afterwards, as the real one does."""

    SCHEMA = """
    CREATE TABLE event (epoch TEXT, seq INTEGER, id TEXT, PRIMARY KEY (epoch, seq));
    CREATE TABLE arrival (number INTEGER PRIMARY KEY, seq INTEGER);
    """

    def __init__(self, login: Login, database: Database) -> None:
        self.session = MqttSession(login, self._handle, chance=_quickly)
        self._database = database
        self._prefix = Prefix()
        self._changed = asyncio.Condition()

    async def until_it_has(self, seq: int, *, within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(lambda: self._prefix.through >= seq)

    async def _handle(self, message: Received) -> None:
        uplink = messages.decode(message.payload, messages.Uplink)
        prefix, placed = self._prefix.add(uplink.seq, uplink.first)
        if placed is Placed.NEW:
            await self._database.write(
                lambda connection: connection.execute(
                    "INSERT INTO event VALUES (?, ?, ?)", (uplink.epoch, uplink.seq, uplink.id)
                ),
                durable=False,
            )
        message.ack()
        async with self._changed:
            self._prefix = prefix
            self._changed.notify_all()
        if prefix.through % 16 == 0 or placed is Placed.DUPLICATE or uplink.seq % 50 == 0:
            await self._acknowledge(uplink.epoch)

    async def _acknowledge(self, epoch: str) -> None:
        acked = messages.Acked(id=new_id(), time_ms=0, epoch=epoch, seq=self._prefix.through)
        try:
            await self.session.publish(topic(FLEET, DEVICE, Leaf.ACKED), messages.encode(acked))
        except LinkDown:
            return  # the device sends again what it hears nothing about


def _login(broker: Broker, client_id: str, **changes: object) -> Login:
    facts = {"host": broker.host, "port": broker.port, "client_id": client_id} | changes
    return Login(**facts)  # type: ignore[arg-type]


def _lasting(broker: Broker, client_id: str) -> Login:
    return _login(broker, client_id, clean_start=False, session_expiry_s=600)


@asynccontextmanager
async def _device(broker: Broker, database: Database, **changes: object) -> AsyncIterator[DeviceLink]:
    identity = Identity(fleet=FLEET, device=DEVICE, boot_id=BOOT)
    async with open_device_link(
        _login(broker, "device"),
        identity,
        database,
        new_id=new_id,
        clock_ms=lambda: 1_763_942_400_000,
        chance=_quickly,
        **changes,  # type: ignore[arg-type]
    ) as link:
        yield link


@asynccontextmanager
async def _manager(broker: Broker, path: Path) -> AsyncIterator[Manager]:
    async with open_database(path, [Manager.SCHEMA]) as database:
        manager = Manager(_lasting(broker, "manager"), database)
        await manager.session.subscribe(filter_for(FLEET, Leaf.EVENT, share="manager"))
        async with manager.session.opened():
            yield manager


async def _add(database: Database, count: int) -> None:
    await database.write(
        lambda connection: [outbox.add(connection, new_id(), 1, BODY) for _ in range(count)], durable=False
    )


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _telemetry_times(listener: Listener) -> list[int]:
    return [messages.decode_telemetry(message.payload).time_ms for message in listener.heard]


async def _eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Look again until it is so; for what tells nobody when it changes."""
    for _ in range(1500):
        if await is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to be in 30 s")


async def _until_empty(database: Database) -> None:
    async def is_empty() -> bool:
        return (await database.read(outbox.extent)).depth == 0

    await _eventually(is_empty)


def _states(listener: Listener) -> list[messages.DeviceState]:
    return [messages.decode(message.payload, messages.DeviceState) for message in listener.heard]


async def test_a_message_comes_with_all_that_was_said_about_it(broker: Broker) -> None:
    async with _listening(_login(broker, "a"), "t/#") as listener:
        await listener.session.publish(
            "t/1", b"\x00\xff", content_type="application/cbor", expiry_s=60, properties={"trace": "跟踪"}
        )
        await listener.until(lambda it: len(it.heard) == 1)
    (message,) = listener.heard
    assert (message.topic, message.payload, message.content_type) == ("t/1", b"\x00\xff", "application/cbor")
    assert (message.properties, message.retain, message.qos) == ({"trace": "跟踪"}, False, 1)


async def test_a_request_carries_where_and_under_which_mark_it_is_to_be_answered(broker: Broker) -> None:
    async with _listening(_login(broker, "a"), "t") as listener:
        await listener.session.publish(
            "t", b"{}", expiry_s=60, response_topic="outpost/v1/home/pi/reply/m", correlation=b"\x00\xff"
        )
        await listener.session.publish("t", b"plain")
        await listener.until(lambda it: len(it.heard) == 2)
    request, plain = listener.heard
    assert (request.response_topic, request.correlation) == ("outpost/v1/home/pi/reply/m", b"\x00\xff")
    assert request.expiry_s is not None
    assert 0 < request.expiry_s <= 60
    assert (plain.response_topic, plain.correlation, plain.expiry_s) == ("", b"", None)


async def test_many_messages_at_once_arrive_in_their_order(broker: Broker) -> None:
    async with _listening(_login(broker, "a", window=8), "t") as listener:
        await asyncio.gather(*(listener.session.publish("t", b"%d" % number) for number in range(500)))
        await listener.until(lambda it: len(it.heard) == 500)
    assert [int(message.payload) for message in listener.heard] == list(range(500))


async def test_takes_the_largest_message_there_may_be(broker: Broker) -> None:
    async with _listening(_login(broker, "a"), "t") as listener:
        await listener.session.publish("t", b"x" * messages.MESSAGE_LIMIT)
        await listener.until(lambda it: len(it.heard) == 1)
    assert len(listener.heard[0].payload) == messages.MESSAGE_LIMIT


async def test_a_receiver_that_does_not_acknowledge_is_sent_no_more_than_its_maximum(broker: Broker) -> None:
    async with (
        _listening(_login(broker, "a", receive_maximum=5), "t", acks=False) as listener,
        _listening(_login(broker, "b")) as sender,
    ):
        for number in range(8):
            await sender.session.publish("t", b"%d" % number)
        await listener.until(lambda it: len(it.heard) == 5)
        await listener.session.publish("other", b"still served")
        assert len(listener.heard) == 5
        for message in listener.heard[:3]:
            message.ack()
        await listener.until(lambda it: len(it.heard) == 8)


async def test_what_a_shared_subscriber_did_not_acknowledge_comes_again(broker: Broker) -> None:
    async with _listening(_login(broker, "sender")) as sender:
        async with _listening(_lasting(broker, "m"), "$share/manager/t", acks=False) as first:
            for number in range(3):
                await sender.session.publish("t", b"%d" % number)
            await first.until(lambda it: len(it.heard) == 3)
            first.heard[0].ack()
            await first.session.publish("after/the/ack", b"")
        async with _listening(_lasting(broker, "m"), "$share/manager/t") as second:
            await second.until(lambda it: len(it.heard) == 2)
    assert [message.payload for message in second.heard] == [b"1", b"2"]


async def test_retained_messages_come_on_a_plain_subscription_and_not_on_a_shared_one(broker: Broker) -> None:
    async with _listening(_login(broker, "sender")) as sender:
        await sender.session.publish("t/state", b"kept", retain=True)
    for topic_filter, kept in [("t/+", [b"kept"]), ("$share/manager/t/+", [])]:
        async with _listening(_login(broker, "m"), topic_filter) as listener:
            await listener.session.publish("t/last", b"news")
            await listener.until(lambda it: it.heard[-1:] != [] and not it.heard[-1].retain)
        assert [message.payload for message in listener.heard] == [*kept, b"news"]


async def test_comes_back_after_a_restart_of_the_broker_and_subscribes_again(broker: Broker) -> None:
    async with _listening(_login(broker, "a"), "t") as listener:
        broker.kill()
        with pytest.raises(LinkDown):
            await listener.session.publish("t", b"lost")
        broker.start()
        await listener.until(lambda it: it.greetings == 2)
        await listener.session.publish("t", b"found")
        await listener.until(lambda it: len(it.heard) == 1)
    assert listener.heard[0].payload == b"found"


async def test_connects_when_the_broker_comes_later(broker: Broker) -> None:
    broker.kill()
    listener = Listener(_login(broker, "a"))
    async with listener.session.opened():
        with pytest.raises(LinkDown):
            await listener.session.publish("t", b"x")
        broker.start()
        await listener.until(lambda it: it.greetings == 1)
        await listener.session.publish("t", b"x")


async def test_two_clients_of_one_name_throw_each_other_out_ever_more_slowly(broker: Broker) -> None:
    async with _listening(_login(broker, "same")) as first, _listening(_login(broker, "same")) as second:
        await first.until(lambda it: it.greetings == 3)
        assert first.greetings + second.greetings < 10


ACL = """
user device
topic write outpost/v1/home/pi/state
topic read outpost/v1/home/pi/acked
"""


async def test_a_refused_login_is_told_without_the_password(tmp_path: Path) -> None:
    with running_broker(tmp_path / "broker", passwords={"device": "right"}) as broker:
        session = Listener(_login(broker, "a", username="device", password="wr0ng")).session

        async def is_refused() -> bool:
            return "refused" in (session.down_because or "")

        async with session.opened():
            await _eventually(is_refused)
            assert session.down_because == (
                f"the broker at 127.0.0.1:{broker.port} refused client a: Not authorized; "
                "check the link's user name and password"
            )


async def test_what_the_access_rules_forbid_is_refused_by_name(tmp_path: Path) -> None:
    with running_broker(tmp_path / "broker", passwords={"device": "right"}, acl=ACL) as broker:
        login = _login(broker, "a", username="device", password="right")
        async with _listening(login) as listener:
            await listener.session.publish("outpost/v1/home/pi/state", b"allowed")
            with pytest.raises(PublishRefused, match=r"a message on other/topic: Not authorized"):
                await listener.session.publish("other/topic", b"forbidden")


async def test_a_device_says_that_it_is_there_and_that_it_leaves(broker: Broker, database: Database) -> None:
    async with _listening(_login(broker, "watcher"), filter_for(FLEET, Leaf.STATE)) as watcher:
        async with _device(broker, database) as link:
            await watcher.until(lambda it: len(it.heard) == 1)
            assert link.is_connected
        await watcher.until(lambda it: len(it.heard) == 2)
    birth, farewell = _states(watcher)
    assert (birth.online, birth.boot_id, birth.seq) == (True, BOOT, 1)
    assert (farewell.online, farewell.boot_id, farewell.seq) == (False, BOOT, 1)


async def test_a_device_publishes_its_retained_topics_again_after_the_broker_lost_them(
    broker: Broker, database: Database
) -> None:
    shadow = messages.Reported(id=new_id(), time_ms=1, version=4, name="pi", release="0.1.0")
    async with _device(broker, database) as link:
        await link.report(shadow)
        async with _listening(_login(broker, "watcher"), filter_for(FLEET, Leaf.STATE)) as watcher:
            await watcher.until(lambda it: len(it.heard) == 1)
        broker.kill()
        (broker.folder / "mosquitto.db").unlink()
        broker.start()
        leaves = filter_for(FLEET, Leaf.STATE), filter_for(FLEET, Leaf.SHADOW_REPORTED)
        async with _listening(_login(broker, "watcher"), *leaves) as later:
            await later.until(lambda it: len(it.heard) == 2)
    state, reported = (message.payload for message in later.heard)
    assert messages.decode(state, messages.DeviceState).seq >= 2
    assert messages.decode(state, messages.DeviceState).online
    assert messages.decode(reported, messages.Reported) == shadow


DEVICE_PROGRAM = """
import asyncio, sys
from pathlib import Path
from outpost_disk import open_database
from outpost_link import OUTBOX_SCHEMA, Identity, Login, open_device_link
from outpost_wire.ids import DeviceId, FleetId, encode

async def main(port: int, folder: Path) -> None:
    identity = Identity(fleet=FleetId("home"), device=DeviceId("pi"), boot_id=encode(1234))
    login = Login(host="127.0.0.1", port=port, client_id="device")
    async with open_database(folder / "killed.db", [OUTBOX_SCHEMA]) as database:
        async with open_device_link(login, identity, database, new_id=lambda: encode(9), clock_ms=lambda: 1):
            await asyncio.Event().wait()

asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
"""


async def test_the_will_of_a_killed_device_carries_its_boot_id(broker: Broker, tmp_path: Path) -> None:
    async with _listening(_login(broker, "watcher"), filter_for(FLEET, Leaf.STATE)) as watcher:
        device = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DEVICE_PROGRAM, str(broker.port), str(tmp_path)
        )
        try:
            await watcher.until(lambda it: len(it.heard) == 1)
        finally:
            device.kill()
            await device.wait()
        await watcher.until(lambda it: len(it.heard) == 2)
    birth, will = _states(watcher)
    assert (birth.online, birth.boot_id) == (True, encode(1234))
    assert (will.online, will.boot_id, will.seq) == (False, encode(1234), birth.seq)


async def test_events_reach_the_manager_and_leave_the_outbox(
    broker: Broker, database: Database, tmp_path: Path
) -> None:
    async with _manager(broker, tmp_path / "manager.db") as manager, _device(broker, database) as link:
        await _add(database, 50)
        link.notify()
        await manager.until_it_has(50)
        await _until_empty(database)
        assert link.depth == 0


@pytest.mark.long
async def test_a_broker_that_is_killed_again_and_again_loses_nothing(
    broker: Broker, database: Database, tmp_path: Path
) -> None:
    kills, rows = (20, 4000) if IS_LONG else (3, 600)
    async with (
        _manager(broker, tmp_path / "manager.db") as manager,
        _device(broker, database, retry_s=0.5) as link,
    ):
        for kill in range(kills):
            await _add(database, rows // kills)
            link.notify()
            await manager.until_it_has((kill * rows + rows // 3) // kills)
            broker.kill()
            broker.start()
        await manager.until_it_has(rows)
        await _until_empty(database)


async def test_a_manager_that_dies_before_it_acknowledges_gets_everything_again(
    broker: Broker, database: Database, tmp_path: Path
) -> None:
    await _add(database, 100)
    async with _device(broker, database, retry_s=0.5):
        async with _listening(_login(broker, "manager"), filter_for(FLEET, Leaf.EVENT), acks=False) as deaf:
            await deaf.until(lambda it: len(it.heard) == 20)
        assert (await database.read(outbox.extent)).depth == 100
        async with _manager(broker, tmp_path / "manager.db") as manager:
            await manager.until_it_has(100)
            await _until_empty(database)


async def test_telemetry_leaves_oldest_first_when_the_broker_has_it(broker: Broker, database: Database) -> None:
    async def has_left() -> bool:
        return await database.read(outbox.oldest_telemetry) is None

    broker.kill()
    async with _device(broker, database) as link:
        for number in range(5):
            sample = messages.Sample(time_ms=number, cpu=0.5, memory=0.5, disk=0.5)
            await link.add_telemetry(messages.Telemetry(id=new_id(), time_ms=number, samples=(sample,)))
        listener = Listener(_lasting(broker, "manager"))
        await listener.session.subscribe(filter_for(FLEET, Leaf.TELEMETRY, share="manager"))
        broker.start()
        async with listener.session.opened():
            await listener.until(lambda it: it.greetings == 1)
            sample = messages.Sample(time_ms=5, cpu=0.5, memory=0.5, disk=0.5)
            await link.add_telemetry(messages.Telemetry(id=new_id(), time_ms=5, samples=(sample,)))
            await listener.until(lambda it: _telemetry_times(it)[-1:] == [5])
        times = _telemetry_times(listener)
        assert times == sorted(times)
        await _eventually(has_left)


async def test_everything_that_leaves_passes_one_door_with_its_label(broker: Broker, database: Database) -> None:
    left: list[Departure] = []

    def leave(departure: Departure, body: bytes) -> bytes:
        left.append(departure)
        return body.replace(b"secret", b"******")

    leaves = filter_for(FLEET, Leaf.EVENT), filter_for(FLEET, Leaf.SHADOW_REPORTED)
    async with _listening(_login(broker, "watcher"), *leaves) as watcher:
        await database.write(lambda db: outbox.add(db, new_id(), 1, b'{"type":"task","text":"secret"}'))
        await database.write(lambda db: outbox.add(db, new_id(), 1, b'{"type":"result","text":"secret"}'))
        async with _device(broker, database, leave=leave) as link:
            await link.report(messages.Reported(id=new_id(), time_ms=1, version=1, name="secret", release="0.1.0"))
            sample = messages.Sample(time_ms=5, cpu=0.5, memory=0.5, disk=0.5)
            await link.add_telemetry(messages.Telemetry(id=new_id(), time_ms=5, samples=(sample,)))
            await watcher.until(lambda it: len(it.heard) == 3)

            async def has_left() -> bool:
                return await database.read(outbox.oldest_telemetry) is None

            await _eventually(has_left)
    assert {departure.kind for departure in left} == {"state", "shadow", "event", "result", "telemetry"}
    assert {departure.destination for departure in left} == {"manager"}
    assert all(departure.bytes > 0 for departure in left)
    assert not any(b"secret" in message.payload for message in watcher.heard)


class Tally:
    """A manager that keeps nothing but the last seq, and insists on the order."""

    def __init__(self, login: Login, enough: int) -> None:
        self.session = MqttSession(login, self._handle, chance=_quickly)
        self.has_enough = asyncio.Event()
        self._enough = enough
        self._last = 0

    async def _handle(self, message: Received) -> None:
        uplink = messages.decode(message.payload, messages.Uplink)
        assert uplink.seq <= self._last + 1, "a row was passed over"
        self._last = max(self._last, uplink.seq)
        message.ack()
        if uplink.seq % 20 == 0:
            acked = messages.Acked(id=new_id(), time_ms=0, epoch=uplink.epoch, seq=self._last)
            await self.session.publish(topic(FLEET, DEVICE, Leaf.ACKED), messages.encode(acked))
        if self._last >= self._enough:
            self.has_enough.set()


@pytest.mark.long
async def test_days_without_a_manager_cost_no_memory_and_end_in_order(broker: Broker, database: Database) -> None:
    rows, drained = 100_000, 100_000 if IS_LONG else 2_000
    for _ in range(100):
        await _add(database, rows // 100)
    broker.kill()
    tally = Tally(_login(broker, "manager"), drained)
    await tally.session.subscribe(filter_for(FLEET, Leaf.EVENT, share="manager"))
    before = _resident_bytes()
    async with tally.session.opened(), _device(broker, database, retry_s=0.5) as link:
        link.notify()
        assert link.depth == rows
        broker.start()
        async with asyncio.timeout(600.0 if IS_LONG else 60.0):
            await tally.has_enough.wait()
    assert _resident_bytes() - before < 8 * 2**20
