"""Ingest against a real database, with a broker that only remembers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from outpost_disk import DatabaseFailed
from outpost_link import LinkDown
from outpost_manager import ingest as ingest_module
from outpost_manager.arrival import Arrival
from outpost_manager.commit import Committed
from outpost_manager.hub import Hub
from outpost_manager.ingest import Ingest
from outpost_manager.metrics import Metrics
from outpost_manager.store import FleetStore, open_store
from outpost_wire.messages import Acked, decode
from tests.unit.outpost_manager.fleet import FLEET, NOW_MS, BoxedDevice, Delivered, new_id, result, sample, task


@dataclass
class Bench:
    """An ingest at work; `log` has commits, acknowledgements to the broker and to devices in their order."""

    ingest: Ingest
    store: FleetStore
    hub: Hub
    metrics: Metrics
    log: list[str] = field(default_factory=list)
    acked: asyncio.Queue[tuple[str, Acked]] = field(default_factory=asyncio.Queue)
    link_is_down: bool = False

    def send(self, topic: str, payload: bytes) -> Awaitable[None]:
        if self.link_is_down:
            raise LinkDown("there is no broker")
        self.log.append("acked")
        return self.acked.put((topic, decode(payload, Acked)))

    async def take(self, *messages: Delivered) -> None:
        for message in messages:
            message.log = self.log
            await self.ingest.take(message)

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[Bench]:
    async with open_store(folder / "manager.db", telemetry_days=7) as store, asyncio.TaskGroup() as group:
        hub, metrics = Hub("run"), Metrics()
        ingest = Ingest(FLEET, store, hub, metrics, now_ms=lambda: NOW_MS, new_id=new_id)
        bench = Bench(ingest, store, hub, metrics)
        work = group.create_task(ingest.run(bench.send))
        yield bench
        work.cancel()


async def test_commits_then_acknowledges_to_the_broker_then_to_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_work(tmp_path) as bench:
        commit = bench.store.commit

        async def logged(batch: Sequence[Arrival], now_ms: int) -> Committed:
            committed = await commit(batch, now_ms)
            bench.log.append("commit")
            return committed

        monkeypatch.setattr(bench.store, "commit", logged)
        device = BoxedDevice()
        await bench.take(device.event(1, task()))
        topic, acked = await bench.acked.get()
    assert bench.log == ["commit", "ack", "acked"]
    assert (topic, acked.epoch, acked.seq) == ("outpost/v1/home/pi/acked", device.epoch, 1)


async def test_a_burst_is_one_acknowledgement(tmp_path: Path) -> None:
    async with at_work(tmp_path) as bench:
        device = BoxedDevice()
        await bench.take(*(device.event(seq, task()) for seq in range(1, 101)))
        reached = 0
        count = 0
        while reached < 100:
            _, acked = await bench.acked.get()
            reached, count = acked.seq, count + 1
    assert count <= 3
    assert bench.log.count("ack") == 100


async def test_a_duplicate_is_acknowledged_and_counted_but_not_committed_again(tmp_path: Path) -> None:
    async with at_work(tmp_path) as bench:
        device = BoxedDevice()
        event = device.event(1, task())
        await bench.take(event)
        await bench.acked.get()
        await bench.take(event)
        _, acked = await bench.acked.get()
        assert acked.seq == 1
        assert len(await bench.store.tasks(device.id, 10)) == 1
    assert bench.counted("outpost_manager_ingest_duplicates_total") == 1


async def test_what_cannot_be_used_is_acknowledged_counted_and_logged_with_fields(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(tmp_path) as bench:
        bad = Delivered("outpost/v1/home/pi/event", b"secret words")
        device = BoxedDevice()
        with caplog.at_level(logging.WARNING):
            await bench.take(bad, device.event(1, task()))
            await bench.acked.get()
        (record,) = [record for record in caplog.records if record.message == "message refused"]
    assert bad.acks == [bad.topic]
    assert bench.counted("outpost_manager_bad_messages_total", leaf="event") == 1
    assert "secret" not in str(record.__dict__)


async def test_a_stranger_cannot_make_the_metrics_grow(tmp_path: Path) -> None:
    async with at_work(tmp_path) as bench:
        for number in range(3):
            await bench.take(Delivered(f"outpost/v1/home/pi/parade{number}", b""))
    assert bench.counted("outpost_manager_bad_messages_total", leaf="other") == 3


async def test_a_disk_that_refuses_is_asked_again_and_nothing_is_acknowledged_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "RETRY_S", 0.01)
    async with at_work(tmp_path) as bench:
        commit = bench.store.commit
        tries: list[int] = []

        async def full(batch: Sequence[Arrival], now_ms: int) -> Committed:
            tries.append(bench.log.count("ack"))
            if len(tries) < 3:
                raise DatabaseFailed("database or disk is full")
            return await commit(batch, now_ms)

        monkeypatch.setattr(bench.store, "commit", full)
        await bench.take(BoxedDevice().event(1, task()))
        await bench.acked.get()
    assert tries == [0, 0, 0]
    assert bench.ingest.is_committing
    assert bench.counted("outpost_manager_commit_failures_total") == 2


async def test_a_device_that_comes_back_hears_what_is_committed(tmp_path: Path) -> None:
    async with at_work(tmp_path) as bench:
        device = BoxedDevice()
        await bench.take(device.event(1, task()), device.event(2, task()))
        await bench.acked.get()
        bench.link_is_down = True
        await bench.take(device.event(3, task()))
        bench.link_is_down = False
        await bench.take(device.state(online=True, connection=2))
        reached = 0
        while reached < 3:
            _, acked = await bench.acked.get()
            reached = acked.seq
    assert reached == 3


async def test_a_gap_is_counted(tmp_path: Path) -> None:
    async with at_work(tmp_path) as bench:
        device = BoxedDevice()
        await bench.take(device.event(10, task(), first=10))
        _, acked = await bench.acked.get()
    assert acked.seq == 10
    assert bench.counted("outpost_manager_ingest_lost_events_total") == 9


async def test_browsers_hear_of_everything_that_happened(tmp_path: Path) -> None:
    async with at_work(tmp_path) as bench:
        device = BoxedDevice()
        with bench.hub.listen(b"", lambda: None) as listener:
            await bench.take(
                device.state(online=True),
                device.event(1, task()),
                device.event(2, result()),
                device.telemetry(sample()),
            )
            heard = b""
            while not all(b"event: " + kind in heard for kind in (b"device", b"task", b"result", b"telemetry")):
                heard += await listener.next()
    assert b'"device":"pi"' in heard
    assert heard.startswith(b"id: run-1\nevent: ")
    assert heard.endswith(b"\n\n")
