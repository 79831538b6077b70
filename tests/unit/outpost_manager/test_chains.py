"""A task with its chain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from outpost_manager.chains import STEPS_LIMIT
from outpost_manager.store import FleetStore, open_store
from outpost_wire.ids import DeviceId
from outpost_wire.messages import Event
from tests.unit.outpost_manager.fleet import NOW_MS, PI, BoxedDevice, new_id, result, task

A, B, C, D, OTHER = (new_id() for _ in range(5))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FleetStore]:
    async with open_store(tmp_path / "manager.db", telemetry_days=7) as opened:
        yield opened


async def tell(store: FleetStore, *events: Event, device: BoxedDevice | None = None) -> None:
    box = device or BoxedDevice()
    await store.commit([box.event(seq, event).read() for seq, event in enumerate(events, 1)], NOW_MS)


async def steps(store: FleetStore, id: str) -> list[str]:
    found = await store.task(PI, id)
    assert found is not None
    assert found.id == id
    return [step.id for step in found.chain]


@pytest.mark.parametrize("asked", [A, B, C], ids=["first", "second", "last"])
async def test_every_step_shows_the_whole_chain_first_to_last(store: FleetStore, asked: str) -> None:
    await tell(store, task(id=C, parents=(B,)), task(id=A), task(id=OTHER), task(id=B, parents=(A,)))
    assert await steps(store, asked) == [A, B, C]


async def test_a_step_that_waited_for_two_comes_after_both(store: FleetStore) -> None:
    await tell(store, task(id=A, parents=(C, D)), task(id=C), task(id=D))
    assert await steps(store, A) == [C, D, A]


async def test_what_a_chain_gave_is_shown_at_each_of_its_steps(store: FleetStore) -> None:
    made = result(task_id=C, title="Report")
    await tell(store, task(id=A), task(id=B, parents=(A,)), task(id=C, parents=(B,)), made, task(id=OTHER))
    for asked in (A, C):
        found = await store.task(PI, asked)
        assert found is not None
        assert found.result is not None
        assert (found.result.id, found.result.title) == (made.result_id, "Report")
    other = await store.task(PI, OTHER)
    assert other is not None
    assert other.result is None


async def test_a_parent_that_is_not_known_is_passed_over(store: FleetStore) -> None:
    await tell(store, task(id=B, parents=(A,)))
    assert await steps(store, B) == [B]


async def test_a_circle_that_no_device_should_send_is_shown_and_ends(store: FleetStore) -> None:
    await tell(store, task(id=A, parents=(B,)), task(id=B, parents=(A,)))
    assert sorted(await steps(store, A)) == [A, B]


async def test_a_long_chain_is_cut(store: FleetStore) -> None:
    ids = [new_id() for _ in range(STEPS_LIMIT + 20)]
    await tell(store, task(id=ids[0]), *(task(id=id, parents=(parent,)) for parent, id in pairwise(ids)))
    assert len(await steps(store, ids[0])) == STEPS_LIMIT


async def test_a_task_belongs_to_its_device(store: FleetStore) -> None:
    await tell(store, task(id=A), device=BoxedDevice(id=DeviceId("mac")))
    await tell(store, task(id=OTHER))
    assert await store.task(PI, A) is None
    assert await store.task(DeviceId("nobody"), A) is None
