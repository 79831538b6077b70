"""What is asked of devices and what they answer, as it is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outpost_manager.errors import DeviceUnknown, TooManyCommands
from outpost_manager.orders import KEPT_PER_DEVICE, OPEN_PER_DEVICE
from outpost_manager.rows import CommandRow
from outpost_manager.store import FleetStore, open_store
from outpost_wire.ids import DeviceId
from outpost_wire.messages import Desired, Results, decode
from tests.unit.outpost_manager.fleet import NOW_MS, PI, BoxedDevice, Delivered, new_id

MAC = DeviceId("mac")
LIFE_MS = 65_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FleetStore]:
    async with open_store(tmp_path / "manager.db", telemetry_days=7) as opened:
        await take(opened, BoxedDevice().state(online=True), BoxedDevice(id=MAC).state(online=True))
        yield opened


async def take(store: FleetStore, *messages: Delivered, now_ms: int = NOW_MS) -> list[CommandRow]:
    return (await store.commit([message.read() for message in messages], now_ms)).commands


async def ask(store: FleetStore, device: DeviceId = PI, *, now_ms: int = NOW_MS) -> CommandRow:
    subject = new_id()
    return await store.orders.add(new_id(), device, "task.cancel", subject, now_ms=now_ms, expires_ms=now_ms + LIFE_MS)


async def state(store: FleetStore, device: DeviceId = PI) -> list[str]:
    return [row.state for row in await store.orders.commands(device, 10)]


async def test_a_command_is_sent_until_the_device_says_what_came_of_it(store: FleetStore) -> None:
    row = await ask(store)
    assert (row.state, row.code, row.device, row.verb) == ("sent", None, "pi", "task.cancel")
    (answered,) = await take(store, BoxedDevice().answer(row.id), now_ms=NOW_MS + 1000)
    assert (answered.id, answered.state, answered.code, answered.en, answered.zh) == (
        row.id,
        "done",
        "ok",
        "Done.",
        "完成。",
    )
    assert answered.updated > answered.created
    assert await store.orders.commands(PI, 10) == [answered]


async def test_a_refusal_of_the_device_is_a_failure_with_its_words(store: FleetStore) -> None:
    row = await ask(store)
    (answered,) = await take(store, BoxedDevice().answer(row.id, "no_such_task", en="There is no such task."))
    assert (answered.state, answered.code, answered.en) == ("failed", "no_such_task", "There is no such task.")


async def test_the_first_answer_counts_and_a_repeat_changes_nothing(store: FleetStore) -> None:
    row = await ask(store)
    await take(store, BoxedDevice().answer(row.id))
    assert await take(store, BoxedDevice().answer(row.id, "failed")) == []
    assert await state(store) == ["done"]


async def test_another_device_cannot_answer(store: FleetStore) -> None:
    row = await ask(store)
    assert await take(store, BoxedDevice(id=MAC).answer(row.id)) == []
    assert await state(store) == ["sent"]


async def test_an_answer_that_nobody_asked_for_changes_nothing(store: FleetStore) -> None:
    assert await take(store, BoxedDevice().answer(new_id())) == []


async def test_a_command_is_given_up_in_time_and_a_late_answer_still_counts(store: FleetStore) -> None:
    first, second = await ask(store), await ask(store, now_ms=NOW_MS + 1000)
    assert await store.orders.expire(NOW_MS + LIFE_MS - 1) == ([], NOW_MS + LIFE_MS)
    expired, next_ms = await store.orders.expire(NOW_MS + LIFE_MS)
    assert [(row.id, row.state) for row in expired] == [(first.id, "expired")]
    assert next_ms == NOW_MS + 1000 + LIFE_MS
    (late,) = await take(store, BoxedDevice().answer(first.id))
    assert late.state == "done"
    await take(store, BoxedDevice().answer(second.id))
    assert await store.orders.expire(NOW_MS + 10 * LIFE_MS) == ([], None)


async def test_what_was_asked_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_store(tmp_path / "fleet.db", telemetry_days=7) as first:
        await take(first, BoxedDevice().state(online=True))
        row = await ask(first)
    async with open_store(tmp_path / "fleet.db", telemetry_days=7) as second:
        (answered,) = await take(second, BoxedDevice().answer(row.id))
        assert answered.state == "done"


async def test_a_command_that_could_not_be_sent_says_why(store: FleetStore) -> None:
    row = await ask(store)
    failed = await store.orders.fail(row.id, "publish_refused", "No.", "不行。", NOW_MS)
    assert (failed.state, failed.code, failed.zh) == ("failed", "publish_refused", "不行。")


async def test_commands_are_newest_first_and_of_their_device(store: FleetStore) -> None:
    rows = [await ask(store) for _ in range(3)]
    await ask(store, MAC)
    listed = await store.orders.commands(PI, 2)
    assert [row.id for row in listed] == [rows[2].id, rows[1].id]


async def test_a_device_that_answers_nothing_is_not_asked_without_end(store: FleetStore) -> None:
    for _ in range(OPEN_PER_DEVICE):
        await ask(store)
    with pytest.raises(TooManyCommands):
        await ask(store)
    await ask(store, MAC)


async def test_old_commands_are_forgotten(store: FleetStore) -> None:
    for _ in range(KEPT_PER_DEVICE + 5):
        row = await ask(store)
        await take(store, BoxedDevice().answer(row.id))
    assert len(await store.orders.commands(PI, 1000)) == KEPT_PER_DEVICE


async def test_a_device_that_there_is_not_is_asked_nothing(store: FleetStore) -> None:
    nobody = DeviceId("nobody")
    with pytest.raises(DeviceUnknown):
        await ask(store, nobody)
    with pytest.raises(DeviceUnknown):
        await store.orders.set_results(nobody, "none", new_id(), NOW_MS)
    with pytest.raises(DeviceUnknown):
        await store.orders.settings(nobody)
    with pytest.raises(DeviceUnknown):
        await store.orders.commands(nobody, 1)


async def set_results(store: FleetStore, results: Results | None) -> Desired:
    return await store.orders.set_results(PI, results, new_id(), NOW_MS)


async def test_a_setting_has_a_version_that_rises_when_it_changes(store: FleetStore) -> None:
    assert [(await set_results(store, wanted)).version for wanted in ("none", "none", "full", None)] == [1, 1, 2, 3]
    assert await store.orders.desired(None, 10) != []
    ((device, body),) = await store.orders.desired(None, 10)
    assert (device, decode(body, Desired).version, decode(body, Desired).results) == (PI, 3, None)


async def test_a_setting_is_followed_when_the_device_reports_its_version(store: FleetStore) -> None:
    before = (await store.orders.settings(PI)).results
    assert (before.desired, before.reported, before.version, before.followed) == (None, None, 0, True)
    await set_results(store, "summary")
    await take(store, BoxedDevice().reported(results="full"))
    told = (await store.orders.settings(PI)).results
    assert (told.desired, told.reported, told.version, told.followed) == ("summary", "full", 1, False)
    await take(store, BoxedDevice().reported(results="summary", desired_version=1))
    told = (await store.orders.settings(PI)).results
    assert (told.reported, told.followed) == ("summary", True)


async def test_a_manager_that_lost_its_database_is_followed_all_the_same(store: FleetStore) -> None:
    await take(store, BoxedDevice().reported(desired_version=41))
    assert not (await store.orders.settings(PI)).results.followed
    assert (await set_results(store, "none")).version == 42


async def test_desired_shadows_follow_page_by_page(store: FleetStore) -> None:
    await set_results(store, "none")
    await store.orders.set_results(MAC, "full", new_id(), NOW_MS)
    first = await store.orders.desired(None, 1)
    second = await store.orders.desired(first[-1][0], 1)
    assert [device for device, _ in (*first, *second)] == ["mac", "pi"]
    assert await store.orders.desired(second[-1][0], 1) == []
