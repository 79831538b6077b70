"""Commands on their way, with a broker that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outpost_link import LinkDown, Outgoing, PublishRefused
from outpost_manager import commander as commander_module
from outpost_manager import shadows as shadows_module
from outpost_manager.commander import Commander, parse_command
from outpost_manager.errors import DeviceUnknown
from outpost_manager.hub import Hub
from outpost_manager.rows import CommandRow
from outpost_manager.shadows import Shadows
from outpost_manager.store import FleetStore, open_store
from outpost_wire.errors import BadMessage, OutpostError
from outpost_wire.ids import DeviceId
from outpost_wire.messages import Desired, PairApprove, PairRevoke, TaskCancel, decode
from outpost_wire.topics import Leaf
from tests.unit.outpost_manager.fleet import FLEET, NOW_MS, PI, BoxedDevice, new_id

TASK = new_id()


@dataclass
class Bench:
    """A commander at work; `answers` says what the device answers at once, `failure` what the broker says."""

    store: FleetStore
    hub: Hub
    now_ms: int = NOW_MS
    answers: str | None = None
    failure: OutpostError | None = None
    sent: list[Outgoing] = field(default_factory=list)
    on_sent: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.commander = Commander(
            FLEET,
            "m1",
            self.store.orders,
            self.hub,
            self.publish,
            expiry_s=60,
            now_ms=lambda: self.now_ms,
            new_id=new_id,
            patience_s=0.05,
        )
        self.shadows = Shadows(FLEET, self.store.orders, self.publish, now_ms=lambda: self.now_ms, new_id=new_id)

    async def publish(self, message: Outgoing) -> None:
        self.sent.append(message)
        if self.answers is not None:
            await self.answer(message.correlation.decode(), self.answers)
        self.on_sent()
        if self.failure is not None:
            raise self.failure

    async def answer(self, command: str, code: str) -> None:
        committed = await self.store.commit([BoxedDevice().answer(command, code).read()], self.now_ms)
        for row in committed.commands:
            self.commander.answered(row)

    async def cancel(self, device: DeviceId = PI) -> CommandRow:
        return await self.commander.order(device, "task.cancel", {"task": TASK})


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with at_work(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[Bench]:
    async with open_store(folder / "manager.db", telemetry_days=7) as store:
        await store.commit([BoxedDevice().state(online=True).read()], NOW_MS)
        yield Bench(store, Hub("run"))


async def test_a_command_says_where_and_until_when_it_is_to_be_answered(bench: Bench) -> None:
    bench.answers = "ok"
    row = await bench.cancel()
    (message,) = bench.sent
    assert message.topic == "outpost/v1/home/pi/cmd/task.cancel"
    assert message.response_topic == "outpost/v1/home/pi/reply/m1"
    assert (message.correlation.decode(), message.expiry_s, message.retain, message.qos) == (row.id, 60, False, 1)
    assert decode(message.payload, TaskCancel).task == TASK
    assert (row.state, row.subject) == ("done", TASK)


async def test_what_a_device_refuses_is_told(bench: Bench) -> None:
    bench.answers = "no_such_task"
    row = await bench.cancel()
    assert (row.state, row.code) == ("failed", "no_such_task")


async def test_a_device_that_says_nothing_costs_a_little_patience(bench: Bench) -> None:
    row = await bench.cancel()
    assert (row.state, row.code) == ("sent", None)
    await bench.answer(row.id, "ok")
    assert [each.state for each in await bench.store.orders.commands(PI, 10)] == ["done"]


async def test_a_command_is_written_before_it_leaves(bench: Bench) -> None:
    states: list[list[CommandRow]] = []

    async def publish(_message: Outgoing) -> None:
        states.append(await bench.store.orders.commands(PI, 10))
        raise LinkDown("gone")

    commander = Commander(
        FLEET, "m1", bench.store.orders, bench.hub, publish, expiry_s=60, now_ms=lambda: NOW_MS, new_id=new_id
    )
    row = await commander.order(PI, "task.cancel", {"task": TASK})
    assert states == [[row]]
    assert row.state == "sent"


async def test_an_answer_counts_even_when_the_broker_left_in_the_same_moment(bench: Bench) -> None:
    bench.answers, bench.failure = "ok", LinkDown("gone")
    assert (await bench.cancel()).state == "done"


async def test_what_the_broker_will_not_take_has_failed(bench: Bench) -> None:
    bench.failure = PublishRefused("outpost/v1/home/pi/cmd/task.cancel", "Not authorized")
    row = await bench.cancel()
    assert (row.state, row.code) == ("failed", "publish_refused")
    assert row.en is not None
    assert "Not authorized" in row.en
    assert row.zh is not None
    assert row.zh.startswith("命令未能发送")


async def test_a_device_that_there_is_not_is_sent_nothing(bench: Bench) -> None:
    with pytest.raises(DeviceUnknown):
        await bench.cancel(DeviceId("nobody"))
    assert bench.sent == []


async def test_browsers_hear_of_a_command_and_of_what_came_of_it(bench: Bench) -> None:
    bench.answers = "ok"
    with bench.hub.listen(b"", lambda: None) as listener:
        await bench.cancel()
        heard = await listener.next()
    events = [msgspec.json.decode(line.removeprefix(b"data: ")) for line in heard.split(b"\n") if b"data: " in line]
    assert [event["state"] for event in events] == ["sent", "done"]
    assert heard.count(b"event: command\n") == 2


async def test_commands_that_nobody_answers_are_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commander_module, "LONGEST_WAIT_S", 0.01)
    with bench.hub.listen(b"", lambda: None) as listener:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bench.commander.run())
            await bench.cancel()
            bench.now_ms += 65_000
            heard = b""
            async with asyncio.timeout(10):
                while b'"state":"expired"' not in heard:
                    heard += await listener.next()
            running.cancel()
    assert [row.state for row in await bench.store.orders.commands(PI, 10)] == ["expired"]


@pytest.mark.parametrize(
    ("verb", "fields", "reason"),
    [
        ("", {}, "no command"),
        ("reboot", {}, "no command"),
        ("../state", {}, "no command"),
        ("task.cancel", [], "an object"),
        ("task.cancel", {}, "task"),
        ("task.cancel", {"task": "all"}, "task"),
        ("pair.approve", {"request": TASK, "role": "admin"}, "role"),
        ("pair.revoke", {"person": 7}, "person"),
    ],
)
def test_what_is_no_command_is_refused_by_name(verb: str, fields: Any, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        parse_command(verb, fields, new_id(), NOW_MS)


def test_a_request_cannot_choose_the_id_or_the_time_of_its_command() -> None:
    id = new_id()
    fields = {"request": TASK, "verb": "pair.approve", "id": new_id(), "time_ms": 1, "v": 7}
    assert parse_command("pair.approve", fields, id, NOW_MS) == (
        Leaf.PAIR_APPROVE,
        PairApprove(id=id, time_ms=NOW_MS, request=TASK),
    )
    _, revoke = parse_command("pair.revoke", {"person": "x", "channel": "telegram", "sender": "1"}, id, NOW_MS)
    assert revoke == PairRevoke(id=id, time_ms=NOW_MS, person="x", channel="telegram", sender="1")


def shadows_of(bench: Bench) -> list[tuple[str, int, str | None, bool]]:
    found: list[tuple[str, int, str | None, bool]] = []
    for message in bench.sent:
        desired = decode(message.payload, Desired)
        found.append((message.topic, desired.version, desired.results, message.retain))
    return found


async def test_a_setting_is_published_retained_at_once(bench: Bench) -> None:
    told = await bench.shadows.set_results(PI, "none")
    assert shadows_of(bench) == [("outpost/v1/home/pi/shadow/desired", 1, "none", True)]
    assert (told.results.desired, told.results.version, told.results.followed) == ("none", 1, False)


async def test_settings_are_published_again_with_every_connection(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows_module, "AT_ONCE", 2)
    names = [DeviceId(f"pi{number}") for number in range(5)]
    await bench.store.commit([BoxedDevice(id=name).state(online=True).read() for name in names], NOW_MS)
    bench.failure = LinkDown("there is no broker")
    for name in names:
        await bench.shadows.set_results(name, "summary")
    bench.sent.clear()
    bench.failure = None
    everything = asyncio.Event()
    bench.on_sent = lambda: everything.set() if len(bench.sent) == len(names) else None
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.shadows.run())
        bench.shadows.connected()
        async with asyncio.timeout(10):
            await everything.wait()
        running.cancel()
    assert [topic for topic, *_ in shadows_of(bench)] == [f"outpost/v1/home/{name}/shadow/desired" for name in names]
