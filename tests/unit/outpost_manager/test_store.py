from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from outpost_manager.devices import DAY_MS
from outpost_manager.store import FleetStore, open_store
from outpost_wire.ids import DeviceId
from tests.unit.outpost_manager.fleet import NOW_MS, PI, BoxedDevice, Delivered, new_id, result, sample, task


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FleetStore]:
    async with open_store(tmp_path / "manager.db", telemetry_days=7) as opened:
        yield opened


async def prefix(store: FleetStore, device: BoxedDevice, *messages: Delivered) -> int | None:
    committed = await store.commit([message.read() for message in messages], NOW_MS)
    return committed.prefixes.get((device.id, device.epoch))


async def test_acknowledges_the_contiguous_prefix_only(store: FleetStore) -> None:
    device = BoxedDevice()
    assert await prefix(store, device, device.event(1, task()), device.event(3, task())) == 1
    assert await prefix(store, device, device.event(2, task())) == 3


async def test_keeps_what_came_early_over_a_restart(tmp_path: Path) -> None:
    device = BoxedDevice()
    async with open_store(tmp_path / "manager.db", telemetry_days=7) as first:
        await prefix(first, device, device.event(1, task()), device.event(4, task()), device.event(3, task()))
    async with open_store(tmp_path / "manager.db", telemetry_days=7) as second:
        assert await prefix(second, device, device.event(2, task())) == 4
        assert len(await second.tasks(PI, 100)) == 4


@pytest.mark.parametrize("seed", range(5))
async def test_every_event_counts_once_in_any_order_and_number(store: FleetStore, seed: int) -> None:
    chance = random.Random(seed)
    device = BoxedDevice()
    events = [device.event(seq, task()) for seq in range(1, 101)]
    sent = [*events, *chance.choices(events, k=100)]
    chance.shuffle(sent)
    new = 0
    reached: int | None = 0
    while sent:
        size = chance.randint(1, 20)
        batch, sent = sent[:size], sent[size:]
        committed = await store.commit([message.read() for message in batch], NOW_MS)
        new += len(committed.tasks)
        reached = committed.prefixes[device.id, device.epoch]
    assert (new, reached, len(await store.tasks(PI, 1000))) == (100, 100, 100)


async def test_another_epoch_counts_from_its_own_beginning(store: FleetStore) -> None:
    old = BoxedDevice()
    new = BoxedDevice(epoch=new_id())
    await prefix(store, old, old.event(1, task()), old.event(2, task()))
    assert await prefix(store, new, new.event(1, task())) == 1
    assert await store.prefixes([PI]) == {(PI, old.epoch): 2, (PI, new.epoch): 1}


async def test_skips_and_shows_what_no_longer_exists(store: FleetStore) -> None:
    device = BoxedDevice()
    await prefix(store, device, device.event(1, task()))
    committed = await store.commit([device.event(11, task(), first=8).read()], NOW_MS)
    ((_, gap),) = committed.gaps
    assert (gap.first, gap.last, gap.lost) == (2, 7, 6)
    assert committed.prefixes[device.id, device.epoch] == 7
    detail = await store.device(PI, NOW_MS)
    assert detail is not None
    assert detail.lost == 6


async def test_an_event_that_cannot_be_used_takes_its_place_all_the_same(store: FleetStore) -> None:
    device = BoxedDevice()
    committed = await store.commit([device.raw_event(1, b'{"type":"parade"}').read()], NOW_MS)
    assert committed.prefixes[device.id, device.epoch] == 1
    ((who, why),) = committed.refused
    assert who == PI
    assert "parade" in why


@pytest.mark.parametrize(
    "change",
    [
        {"priority": 2**64},
        {"created_ms": 2**53, "updated_ms": 2**53, "attempt": 2**53},
        {"error": "\x00" * 256, "message_id": "\U0010ffff" * 256},
    ],
)
async def test_no_message_stops_the_others(store: FleetStore, change: dict[str, object]) -> None:
    device = BoxedDevice()
    body = msgspec.to_builtins(task("done"))
    body["task"].update(change)
    odd = device.raw_event(1, msgspec.json.encode(body))
    assert await prefix(store, device, odd, device.event(2, task("running"))) == 2
    assert "running" in [row.state for row in await store.tasks(PI, 10)]


async def test_later_news_of_a_task_is_not_undone_by_earlier_news(store: FleetStore) -> None:
    device = BoxedDevice()
    id_ = new_id()
    await prefix(store, device, device.event(2, task("done", id=id_)), device.event(1, task("running", id=id_)))
    (row,) = await store.tasks(PI, 10)
    assert row.state == "done"


async def test_a_result_is_kept_whole(store: FleetStore) -> None:
    device = BoxedDevice()
    made = result()
    await prefix(store, device, device.event(1, made))
    (row,) = await store.results(PI, 10)
    kept = await store.result(row.id)
    assert kept is not None
    assert (kept.device, kept.report, kept.plots, kept.on_device) == (PI, made.report, made.plots, made.on_device)
    assert bytes(kept.document) == msgspec.json.encode(made.document)


async def test_a_result_belongs_to_the_device_that_named_it_first(store: FleetStore) -> None:
    first, second = BoxedDevice(), BoxedDevice(id=DeviceId("mac"))
    id_ = new_id()
    await prefix(store, first, first.event(1, result(id=id_, title="mine")))
    await prefix(store, second, second.event(1, result(id=id_, title="stolen")))
    kept = await store.result(id_)
    assert kept is not None
    assert (kept.device, kept.title) == (PI, "mine")


async def test_a_device_is_told_from_what_it_reported(store: FleetStore) -> None:
    device = BoxedDevice()
    running, failed = device.event(1, task("running")), device.event(2, task("failed"))
    messages = [device.state(online=True), device.reported(), device.telemetry(sample()), running, failed]
    await prefix(store, device, *messages)
    (row,) = await store.devices(NOW_MS)
    assert (row.id, row.name, row.online, row.labels) == ("pi", "Kitchen", True, {"room": "kitchen"})
    assert (row.version, row.board) == ("0.1.0", "Raspberry Pi 5")
    assert row.last_seen == "2026-09-21T14:13:20.000Z"
    assert row.health is not None
    assert (row.health.cpu, row.health.temperature) == (0.5, 41.0)
    assert (row.tasks.running, row.tasks.waiting, row.tasks.failed) == (1, 0, 1)


async def test_the_will_of_an_older_run_takes_nobody_offline(store: FleetStore) -> None:
    device = BoxedDevice()
    older = new_id()
    newer = new_id()
    born = device.state(online=True, boot_id=newer)
    await prefix(store, device, born, device.state(online=False, boot_id=older, connection=7))
    (row,) = await store.devices(NOW_MS)
    assert row.online


async def test_a_retained_birth_does_not_make_a_device_seen_now(store: FleetStore) -> None:
    device = BoxedDevice()
    await prefix(store, device, device.state(online=True, time_ms=NOW_MS - DAY_MS, retain=True))
    (row,) = await store.devices(NOW_MS)
    assert row.last_seen == "2026-09-20T14:13:20.000Z"


async def test_a_device_whose_clock_is_wrong_fills_no_history(store: FleetStore) -> None:
    device = BoxedDevice()
    wrong = device.telemetry(sample(0), sample(NOW_MS + DAY_MS), sample(NOW_MS))
    committed = await store.commit([wrong.read()], NOW_MS)
    series = await store.telemetry(PI, NOW_MS - DAY_MS, NOW_MS + 2 * DAY_MS)
    assert series.time == [NOW_MS // 1000]
    assert len(committed.refused) == 2


async def test_health_is_averaged_into_at_most_a_thousand_points(store: FleetStore) -> None:
    device = BoxedDevice()
    samples = [sample(NOW_MS - n * 30_000, cpu=n % 2, temperature=None) for n in range(2880)]
    for start in range(0, 2880, 1000):
        await prefix(store, device, device.telemetry(*samples[start : start + 1000]))
    series = await store.telemetry(PI, NOW_MS - DAY_MS, NOW_MS)
    assert 900 <= len(series.time) <= 1000
    assert series.time == sorted(series.time)
    assert sum(series.series.cpu) / len(series.time) == pytest.approx(0.5, abs=0.01)
    assert set(series.series.temperature) == {None}
    assert set(series.series.rss) == {60_000_000}


async def test_old_telemetry_is_pruned_and_new_is_kept(store: FleetStore) -> None:
    device = BoxedDevice()
    await prefix(store, device, device.telemetry(sample(NOW_MS - 6 * DAY_MS), sample(NOW_MS)))
    assert await store.prune(NOW_MS + 2 * DAY_MS) == 1
    series = await store.telemetry(PI, NOW_MS - 7 * DAY_MS, NOW_MS)
    assert series.time == [NOW_MS // 1000]


async def test_a_session_lasts_until_its_end_and_not_beyond(store: FleetStore) -> None:
    await store.sign_in(b"a" * 32, NOW_MS, NOW_MS + 1000)
    assert await store.session_expiry(b"a" * 32) == NOW_MS + 1000
    await store.sign_in(b"b" * 32, NOW_MS + 2000, NOW_MS + 9000)
    assert await store.session_expiry(b"a" * 32) == 0
    await store.sign_out(b"b" * 32)
    assert await store.is_unused()


async def test_older_rows_follow_page_by_page(store: FleetStore) -> None:
    device = BoxedDevice()
    await store.commit([device.event(seq, task("done")).read() for seq in range(1, 8)], NOW_MS)
    every = [row.id for row in await store.tasks(PI, 100)]
    first = await store.tasks(PI, 3)
    second = await store.tasks(PI, 3, first[-1].id)
    third = await store.tasks(PI, 3, second[-1].id)
    assert [row.id for row in (*first, *second, *third)] == every
    assert len(every) == 7
    assert await store.tasks(PI, 3, every[-1]) == []
    assert await store.tasks(PI, 3, "unknown") == []
