"""The manager as its own process on a real broker, with devices that use the real link."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from outpost_disk import Database, open_database
from outpost_link import (
    OUTBOX_SCHEMA,
    DeviceLink,
    Identity,
    Login,
    MqttSession,
    PublishRefused,
    Received,
    open_device_link,
    outbox,
)
from outpost_manager.demo.broker import MANAGER_USER, access_rules
from outpost_wire.ids import DeviceId
from outpost_wire.messages import Reported, encode
from tests.support.broker import Broker, running_broker
from tests.support.manager import WAIT_S, Manager
from tests.unit.outpost_manager.fleet import FLEET, NOW_MS, BoxedDevice, new_id, result, task

pytestmark = pytest.mark.broker

PASSWORDS = {MANAGER_USER: "manager-password", "pi": "pi-password", "mac": "mac-password"}

DIES_AFTER_ITS_FIRST_COMMIT = """
import os, signal, sys
from outpost_manager.cli import main
from outpost_manager.store import FleetStore

commit = FleetStore.commit

async def commit_and_die(self, batch, now_ms):
    committed = await commit(self, batch, now_ms)
    if committed.tasks:
        os.kill(os.getpid(), signal.SIGKILL)
    return committed

FleetStore.commit = commit_and_die
sys.exit(main(sys.argv[1:]))
"""


@dataclass
class Device:
    """A device's link over its own database."""

    id: DeviceId
    database: Database
    link: DeviceLink

    async def say(self, *events: Any) -> None:
        bodies = [encode(event) for event in events]
        await self.database.write(lambda db: [outbox.add(db, new_id(), NOW_MS, body) for body in bodies])
        self.link.notify()

    async def is_heard(self) -> None:
        """Wait until the manager has acknowledged everything."""
        async with asyncio.timeout(WAIT_S):
            while (await self.database.read(outbox.extent)).depth:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def device_at(folder: Path, broker: Broker, name: str) -> AsyncIterator[Device]:
    identity = Identity(fleet=FLEET, device=DeviceId(name), boot_id=new_id())
    login = Login(
        host=broker.host, port=broker.port, client_id=name, username=name, password=PASSWORDS[name], keepalive_s=2
    )
    async with (
        open_database(folder / f"{name}.db", (OUTBOX_SCHEMA,)) as database,
        open_device_link(login, identity, database, new_id=new_id, clock_ms=lambda: NOW_MS, retry_s=1.0) as link,
    ):
        yield Device(DeviceId(name), database, link)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    with running_broker(tmp_path / "broker", passwords=PASSWORDS, acl=access_rules(FLEET)) as running:
        yield running


@pytest.fixture
async def manager(tmp_path: Path, broker: Broker) -> AsyncIterator[Manager]:
    started = Manager.at(tmp_path, FLEET, broker, PASSWORDS[MANAGER_USER])
    await started.start()
    yield started
    await started.end(signal.SIGKILL)


def states(answer: Any) -> list[str]:
    return sorted(row["state"] for row in answer)


async def test_what_a_device_says_is_in_the_console(tmp_path: Path, broker: Broker, manager: Manager) -> None:
    reported = Reported(id=new_id(), time_ms=NOW_MS, version=1, name="Kitchen", release="0.1.0")
    async with device_at(tmp_path, broker, "pi") as device:
        await device.link.report(reported)
        made = result()
        await device.say(task("done"), made)
        await device.is_heard()
        await manager.until(
            "/api/v1/devices",
            [("pi", "Kitchen", True)],
            lambda rows: [(row["id"], row["name"], row["online"]) for row in rows],
        )
        whole = await manager.get(f"/api/v1/results/{made.result_id}")
    assert (whole["device"], whole["report"]) == ("pi", made.report)
    await manager.until("/api/v1/devices", [False], lambda rows: [row["online"] for row in rows])


async def test_a_manager_killed_between_commit_and_acknowledgement_has_everything_once(
    tmp_path: Path, broker: Broker, manager: Manager
) -> None:
    await manager.ready()
    await manager.end(signal.SIGKILL)
    await manager.start(DIES_AFTER_ITS_FIRST_COMMIT)
    await manager.ready()
    async with device_at(tmp_path, broker, "pi") as device:
        await device.say(*(task("done") for _ in range(20)))
        assert manager.process is not None
        assert await manager.process.wait() == -signal.SIGKILL
        assert (await device.database.read(outbox.extent)).depth == 20
        await manager.start()
        await device.is_heard()
        await manager.until("/api/v1/devices/pi/tasks?limit=1000", ["done"] * 20, states)
        metrics = await metrics_of(manager)
    assert metrics["outpost_manager_ingest_gaps_total"] == 0
    assert metrics["outpost_manager_ingest_duplicates_total"] >= 1


async def test_nothing_is_lost_or_doubled_when_manager_and_broker_are_killed_under_load(
    tmp_path: Path, broker: Broker, manager: Manager
) -> None:
    chance = random.Random(7)
    await manager.ready()
    async with device_at(tmp_path, broker, "pi") as device, asyncio.TaskGroup() as group:

        async def talk() -> None:
            for _ in range(60):
                await device.say(*(task("done") for _ in range(10)))
                await asyncio.sleep(0.05)

        talking = group.create_task(talk())
        for number in range(6):
            await asyncio.wait([talking], timeout=chance.uniform(0.1, 0.6))
            if number % 3 == 2:
                await asyncio.to_thread(broker.kill)
                await asyncio.to_thread(broker.start)
            else:
                await manager.end(signal.SIGKILL)
                await manager.start()
        await talking
        await device.is_heard()
        await manager.until("/api/v1/devices/pi/tasks?limit=1000", 600, len)
        found = await manager.get("/api/v1/devices/pi")
    assert found["lost"] == 0


async def test_devices_are_there_again_after_the_broker_forgot_everything(
    tmp_path: Path, broker: Broker, manager: Manager
) -> None:
    async with device_at(tmp_path, broker, "pi"):
        await manager.until("/api/v1/devices", [True], lambda rows: [row["online"] for row in rows])
        await asyncio.to_thread(broker.kill)
        await manager.ready(False)
        (broker.folder / "mosquitto.db").unlink(missing_ok=True)
        await asyncio.to_thread(broker.start)
        await manager.ready()
        await manager.until("/api/v1/devices", [True], lambda rows: [row["online"] for row in rows])


async def test_a_device_can_speak_for_itself_only(broker: Broker, manager: Manager) -> None:
    await manager.ready()
    is_up = asyncio.Event()

    async def greet() -> None:
        is_up.set()

    async def hear(message: Received) -> None:
        message.ack()

    login = Login(host=broker.host, port=broker.port, client_id="pi", username="pi", password=PASSWORDS["pi"])
    session = MqttSession(login, hear, greet=greet)
    mac = BoxedDevice(id=DeviceId("mac"))
    async with session.opened():
        await is_up.wait()
        for lie in (mac.state(online=True), mac.event(1, task("failed"))):
            with pytest.raises(PublishRefused):
                await session.publish(lie.topic, lie.payload)
        truth = BoxedDevice(id=DeviceId("pi")).state(online=True)
        await session.publish(truth.topic, truth.payload)
        await manager.until("/api/v1/devices", ["pi"], lambda rows: [row["id"] for row in rows])


async def test_it_stops_gracefully_and_leaves_its_folder(manager: Manager) -> None:
    await manager.ready()
    second = Manager(manager.folder, manager.port)
    await second.start()
    assert second.process is not None
    assert await second.process.wait() == 1
    log = (manager.folder / "manager.log").read_text()
    assert f"in use by outpost-fleet serve (pid {manager.process.pid if manager.process else 0})" in log
    assert await manager.end(signal.SIGTERM) == 0
    await second.start()
    await second.ready()
    assert await second.end(signal.SIGTERM) == 0
    assert PASSWORDS[MANAGER_USER] not in log
    assert (manager.folder / "manager" / "manager.db").stat().st_mode & 0o777 == 0o600


async def metrics_of(manager: Manager) -> dict[str, float]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{manager.port}/metrics") as response,
    ):
        lines = [line for line in (await response.text()).splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
