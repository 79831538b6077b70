"""The console acts: a manager of its own, a real broker, and a device with real people and tasks."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from outpost_agent.conversation import CONVERSATION_2_SCHEMA, CONVERSATION_SCHEMA
from outpost_agent.ledger import facts_of
from outpost_agent.people import PEOPLE_SCHEMA, People, Stranger
from outpost_agent.remote import REMOTE_SCHEMA, RemoteControl
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
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
from outpost_sdk.tasks import Failure, Task, TaskSpec
from outpost_wire.ids import DeviceId, TaskId
from outpost_wire.messages import CommandDone, Reported, TaskCancel, TaskChanged, decode, encode
from outpost_wire.topics import Leaf, reply_topic, topic
from tests.support.broker import Broker, running_broker
from tests.support.manager import WAIT_S, Manager
from tests.unit.outpost_manager.fleet import FLEET, NOW_MS, new_id

pytestmark = pytest.mark.broker

SCHEMA = (CONVERSATION_SCHEMA, CONVERSATION_2_SCHEMA, PEOPLE_SCHEMA, TASK_SCHEMA, OUTBOX_SCHEMA, REMOTE_SCHEMA)
PASSWORDS = {MANAGER_USER: "manager-password", "pi": "pi-password", "mac": "mac-password"}
PI = DeviceId("pi")
COMMANDS = "/api/v1/devices/pi/commands"
EXPIRY_S = 2


@dataclass
class Device:
    """A device as far as commands go, over its own database; `carried_out` counts the commands that reached it."""

    database: Database
    people: People
    engine: SqliteEngine
    control: RemoteControl
    link: DeviceLink
    versions: count[int] = field(default_factory=lambda: count(1))

    async def report(self) -> None:
        """Report as the daemon does whenever people or settings change."""
        await self.link.report(
            Reported(
                id=new_id(),
                time_ms=NOW_MS,
                version=next(self.versions),
                name="Kitchen",
                release="0.2.0",
                desired_version=self.control.desired_version,
                results=self.control.results,
                people=self.people.facts(),
                requests=self.people.requests(),
            )
        )

    async def stranger(self, sender: str, name: str) -> None:
        stranger = Stranger(channel="telegram", sender=sender, name=name, chat=sender, language="en")
        assert await self.people.ask(stranger) is not None

    async def task(self) -> TaskId:
        (id,) = await self.engine.put([TaskSpec(id=TaskId(new_id()), kind="log.analyse", principal="owner")], NOW_MS)
        self.link.notify()
        return id


@asynccontextmanager
async def device_at(folder: Path, broker: Broker, *, lasting: bool = False) -> AsyncIterator[Device]:
    """Be a device for as long as the context lasts; a `lasting` one has its commands kept while it is away."""
    here: list[Device] = []
    has_changed = asyncio.Event()

    def task_changed(connection: Any, task: Task) -> None:
        outbox.add(connection, new_id(), NOW_MS, encode(TaskChanged(task=facts_of(task))))

    async def on_desired(payload: bytes) -> None:
        await here[0].control.desired(payload)

    async def on_command(leaf: Leaf, payload: bytes) -> bytes:
        return await here[0].control.command(leaf, payload)

    async def keep_reporting(device: Device) -> None:
        while True:
            await has_changed.wait()
            has_changed.clear()
            await device.report()

    login = Login(
        host=broker.host,
        port=broker.port,
        client_id="device-pi",
        username="pi",
        password=PASSWORDS["pi"],
        keepalive_s=2,
        clean_start=not lasting,
        session_expiry_s=60 if lasting else 0,
    )
    async with open_database(folder / "device.db", SCHEMA) as database:
        people = await People.open(
            database, new_id=new_id, clock_ms=lambda: NOW_MS, said=lambda *_: None, changed=has_changed.set
        )
        engine = SqliteEngine(database, apply=lambda *_: None, changed=task_changed)
        await database.write(lambda connection: outbox.open_epoch(connection, new_id()))
        await engine.recover(NOW_MS)
        control = await RemoteControl.open(
            database,
            people,
            engine,
            default_results="full",
            new_id=new_id,
            clock_ms=lambda: NOW_MS,
            changed=has_changed.set,
        )
        identity = Identity(fleet=FLEET, device=PI, boot_id=new_id())
        link = open_device_link(
            login,
            identity,
            database,
            new_id=new_id,
            clock_ms=lambda: NOW_MS,
            on_desired=on_desired,
            on_command=on_command,
            retry_s=1.0,
        )
        async with link as opened, asyncio.TaskGroup() as group:
            device = Device(database, people, engine, control, opened)
            here.append(device)
            has_changed.set()
            reporting = group.create_task(keep_reporting(device))
            yield device
            reporting.cancel()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    with running_broker(tmp_path / "broker", passwords=PASSWORDS, acl=access_rules(FLEET)) as running:
        yield running


@pytest.fixture
async def manager(tmp_path: Path, broker: Broker) -> AsyncIterator[Manager]:
    started = Manager.at(tmp_path, FLEET, broker, PASSWORDS[MANAGER_USER], expiry_s=EXPIRY_S)
    await started.start()
    await started.ready()
    yield started
    await started.end(signal.SIGKILL)


async def order(manager: Manager, **command: str) -> Any:
    return await manager.call("POST", COMMANDS, command)


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await is_so():
            await asyncio.sleep(0.02)


async def requests_of(manager: Manager, wanted: int) -> list[str]:
    """Wait until so many people wait to be let in, and return the ids of their requests."""
    await manager.until("/api/v1/people", wanted, lambda answer: len(answer["requests"]))
    return [row["id"] for row in (await manager.get("/api/v1/people"))["requests"]]


async def test_people_are_let_in_turned_down_and_let_in_no_more(
    tmp_path: Path, broker: Broker, manager: Manager
) -> None:
    async with device_at(tmp_path, broker) as device:
        await device.stranger("1", "Anna")
        await device.stranger("2", "Mallory")
        anna, mallory = await requests_of(manager, 2)

        approved = await order(manager, verb="pair.approve", request=anna)
        refused = await order(manager, verb="pair.refuse", request=mallory)

        assert (approved["state"], approved["code"]) == ("done", "ok")
        assert "Anna" in approved["en"]
        assert refused["state"] == "done"
        who = device.people.who("telegram", "1")
        assert who is not None
        assert device.people.who("telegram", "2") is None
        await manager.until("/api/v1/people", 0, lambda answer: len(answer["requests"]))
        await manager.until(
            "/api/v1/people", True, lambda answer: who.person in {row["id"] for row in answer["people"]}
        )

        revoked = await order(manager, verb="pair.revoke", person=who.person)
        assert revoked["state"] == "done"
        assert device.people.who("telegram", "1") is None
        again = await order(manager, verb="pair.revoke", person=who.person)
        assert (again["state"], again["code"]) == ("failed", "no_such_person")
        assert again["zh"]


async def test_tasks_are_cancelled_and_tried_again(tmp_path: Path, broker: Broker, manager: Manager) -> None:
    async with device_at(tmp_path, broker) as device:
        first, second = await device.task(), await device.task()
        await manager.until("/api/v1/devices/pi/tasks", 2, len)

        cancelled = await order(manager, verb="task.cancel", task=first)
        assert cancelled["state"] == "done"
        assert (await device.engine.get(first)).state == "cancelled"
        device.link.notify()
        await manager.until(f"/api/v1/devices/pi/tasks/{first}", "cancelled", lambda task: task["state"])

        (claimed,) = await device.engine.claim(["log.analyse"], 1, 60_000, NOW_MS)
        assert claimed.id == second
        await device.engine.fail(second, claimed.epoch, Failure("broken", "It broke.", "坏了。", final=True), NOW_MS)
        retried = await order(manager, verb="task.retry", task=second)
        assert retried["state"] == "done"
        assert (await device.engine.get(second)).state == "ready"
        refused = await order(manager, verb="task.retry", task=second)
        assert (refused["state"], refused["code"]) == ("failed", "task_refused")
    listed = await manager.get(COMMANDS)
    assert [row["state"] for row in listed] == ["failed", "done", "done"]


async def test_a_command_for_a_device_that_is_away_expires(tmp_path: Path, broker: Broker, manager: Manager) -> None:
    async with device_at(tmp_path, broker) as device:
        task = await device.task()
        await manager.until("/api/v1/devices", [True], lambda rows: [row["online"] for row in rows])
    sent = await order(manager, verb="task.cancel", task=task)
    assert sent["state"] == "sent"
    await manager.until(COMMANDS, ["expired"], lambda rows: [row["state"] for row in rows])
    async with device_at(tmp_path, broker) as device:
        assert (await device.engine.get(task)).state == "ready"


async def test_an_answer_that_comes_while_the_manager_is_away_is_taken_after_its_restart(
    tmp_path: Path, broker: Broker, manager: Manager
) -> None:
    async with device_at(tmp_path, broker, lasting=True) as device:
        task = await device.task()
        await manager.until("/api/v1/devices", [True], lambda rows: [row["online"] for row in rows])
    sending = asyncio.create_task(order(manager, verb="task.cancel", task=task))
    await manager.until(COMMANDS, ["sent"], lambda rows: [row["state"] for row in rows])
    await manager.end(signal.SIGKILL)
    await asyncio.gather(sending, return_exceptions=True)
    async with device_at(tmp_path, broker, lasting=True) as device:

        async def is_cancelled() -> bool:
            return (await device.engine.get(task)).state == "cancelled"

        await eventually(is_cancelled)
        await manager.start()
        await manager.until(COMMANDS, ["done"], lambda rows: [row["state"] for row in rows])


async def test_a_command_that_comes_twice_is_carried_out_once(tmp_path: Path, broker: Broker, manager: Manager) -> None:
    await manager.end(signal.SIGTERM)
    answers: asyncio.Queue[Received] = asyncio.Queue()

    async def hear(message: Received) -> None:
        message.ack()
        answers.put_nowait(message)

    login = Login(
        host=broker.host,
        port=broker.port,
        client_id="operator",
        username=MANAGER_USER,
        password=PASSWORDS[MANAGER_USER],
    )
    session = MqttSession(login, hear)
    replies = reply_topic(FLEET, PI, "operator")
    async with device_at(tmp_path, broker) as device, session.opened():
        await session.subscribe(replies)
        task = await device.task()
        command = encode(TaskCancel(id=new_id(), time_ms=NOW_MS, task=task))

        async def are_linked() -> bool:
            return session.is_connected and device.link.is_connected

        await eventually(are_linked)
        for number in range(3):
            await session.publish(
                topic(FLEET, PI, Leaf.TASK_CANCEL), command, response_topic=replies, correlation=b"%d" % number
            )
        heard = [await asyncio.wait_for(answers.get(), WAIT_S) for _ in range(3)]
        assert [message.correlation for message in heard] == [b"0", b"1", b"2"]
        assert len({message.payload for message in heard}) == 1
        assert decode(heard[0].payload, CommandDone).task == "cancelled"
        await session.publish(
            topic(FLEET, PI, Leaf.TASK_CANCEL), b"{", response_topic=replies, correlation=new_id().encode()
        )
        unread = await asyncio.wait_for(answers.get(), WAIT_S)
        assert decode(unread.payload, CommandDone).code == "bad_message"
    async with open_database(tmp_path / "device.db", SCHEMA) as database:
        events = await database.read(lambda db: outbox.page(db, 0, 2**20, 100))
    assert sum(b'"cancelled"' in event.body for event in events) == 1


async def test_a_setting_is_followed_at_once_or_when_the_device_comes_back(
    tmp_path: Path, broker: Broker, manager: Manager
) -> None:
    def told(settings: Any) -> tuple[Any, Any, Any]:
        results = settings["results"]
        return results["desired"], results["reported"], results["followed"]

    async with device_at(tmp_path, broker) as device:
        await manager.until("/api/v1/devices", ["full"], lambda rows: [row["results"] for row in rows])
        await manager.call("PUT", "/api/v1/devices/pi/settings", {"results": "summary"})
        await manager.until("/api/v1/devices/pi", ("summary", "summary", True), lambda row: told(row["settings"]))
        assert device.control.results == "summary"
    missed = await manager.call("PUT", "/api/v1/devices/pi/settings", {"results": "none"})
    assert told(missed) == ("none", "summary", False)
    async with device_at(tmp_path, broker) as device:
        await manager.until("/api/v1/devices/pi", ("none", "none", True), lambda row: told(row["settings"]))
        assert device.control.results == "none"


async def test_a_setting_reaches_the_device_after_the_broker_lost_everything(
    tmp_path: Path, broker: Broker, manager: Manager
) -> None:
    async with device_at(tmp_path, broker):
        await manager.until("/api/v1/devices", ["full"], lambda rows: [row["results"] for row in rows])
    await manager.call("PUT", "/api/v1/devices/pi/settings", {"results": "none"})
    await asyncio.to_thread(broker.kill)
    (broker.folder / "mosquitto.db").unlink(missing_ok=True)
    await asyncio.to_thread(broker.start)
    async with device_at(tmp_path, broker):
        await manager.until("/api/v1/devices/pi", True, lambda row: row["settings"]["results"]["followed"])


async def test_a_device_can_neither_ask_nor_answer_for_another(broker: Broker, manager: Manager) -> None:
    is_up = asyncio.Event()

    async def greet() -> None:
        is_up.set()

    async def hear(message: Received) -> None:
        message.ack()

    login = Login(host=broker.host, port=broker.port, client_id="mac", username="mac", password=PASSWORDS["mac"])
    session = MqttSession(login, hear, greet=greet)
    mac = DeviceId("mac")
    async with session.opened():
        await is_up.wait()
        forbidden = [
            reply_topic(FLEET, PI, "manager"),
            topic(FLEET, PI, Leaf.TASK_CANCEL),
            topic(FLEET, mac, Leaf.TASK_CANCEL),
            topic(FLEET, mac, Leaf.SHADOW_DESIRED),
            topic(FLEET, mac, Leaf.ACKED),
        ]
        for elsewhere in forbidden:
            with pytest.raises(PublishRefused, match="Not authorized"):
                await session.publish(elsewhere, b"{}")
        await session.publish(reply_topic(FLEET, mac, "manager"), b"{}")
