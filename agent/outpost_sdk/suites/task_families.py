"""Families of tasks, cancelling and trying again: a part of what every task engine must pass."""

from __future__ import annotations

import pytest

from outpost_sdk.suites.task_words import (
    BROKEN,
    FINAL,
    LEASE,
    NOW,
    REFUSED,
    Note,
    NoteRefused,
    Notes,
    claim_one,
    finish,
    spec,
    states,
)
from outpost_sdk.tasks import PARENTS_LIMIT, Failure, Fenced, Refused, Retry, TaskEngine
from outpost_wire.ids import TaskId


class TestsOfFamilies:
    """Chains and fan-in, and what the end of one task means for others."""

    async def test_a_child_is_ready_when_its_parent_is_done(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",)), spec("c", parents=("b",))], NOW)
        assert await finish(engine, await claim_one(engine)) == ("b",)
        assert await states(engine) == {"a": "done", "b": "ready", "c": "waiting"}

    async def test_a_fan_in_waits_for_all(self, engine: TaskEngine) -> None:
        names = tuple(f"p{number}" for number in range(PARENTS_LIMIT))
        await engine.put([*(spec(name) for name in names), spec("last", parents=names)], NOW)
        claimed = await engine.claim(["work"], 100, LEASE, NOW)
        released = [await finish(engine, task) for task in claimed]
        assert released == [()] * (PARENTS_LIMIT - 1) + [("last",)]

    async def test_a_child_keeps_its_own_earliest_time(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",), not_before_ms=NOW + 50)], NOW)
        await finish(engine, await claim_one(engine))
        assert await engine.claim(["work"], 1, LEASE, NOW + 49) == ()
        assert (await claim_one(engine, NOW + 50)).id == "b"

    async def test_a_long_chain_runs_in_order(self, engine: TaskEngine) -> None:
        names = [f"step {number:04}" for number in range(1_000)]
        above: list[tuple[str, ...]] = [(), *((name,) for name in names[:-1])]
        await engine.put([spec(name, parents=parents) for name, parents in zip(names, above, strict=True)], NOW)
        order = []
        for _ in names:
            task = await claim_one(engine)
            order.append(task.id)
            await finish(engine, task)
        assert order == names
        assert (await engine.counts())["done"] == 1_000

    async def test_a_failure_cancels_dependents_in_the_words_of_the_first_cause(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",)), spec("c", parents=("b",))], NOW)
        task = await claim_one(engine)
        await engine.fail(task.id, task.epoch, FINAL, NOW)
        assert await states(engine) == {"a": "failed", "b": "cancelled", "c": "cancelled"}
        expected = Failure(code="parent_failed", en=FINAL.en, zh=FINAL.zh)
        assert (await engine.get(TaskId("c"))).failure == expected

    async def test_a_dependent_that_runs_all_the_same_is_ready_after_a_failure(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",), on_failure="run"), spec("c", parents=("b",))], NOW)
        task = await claim_one(engine)
        await engine.fail(task.id, task.epoch, FINAL, NOW)
        assert await states(engine) == {"a": "failed", "b": "ready", "c": "waiting"}

    async def test_cancelling_the_last_task_cancels_the_chain(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",)), spec("c", parents=("b",))], NOW)
        running = await claim_one(engine)
        assert set(await engine.cancel(TaskId("c"), NOW)) == {"a", "b", "c"}
        with pytest.raises(Fenced):
            await engine.heartbeat(running.id, running.epoch, LEASE, NOW)
        with pytest.raises(Fenced):
            await finish(engine, running)

    async def test_cancelling_spares_ancestors_that_serve_others(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",)), spec("c", parents=("a",))], NOW)
        assert await engine.cancel(TaskId("c"), NOW) == ("c",)
        assert set(await engine.cancel(TaskId("b"), NOW)) == {"a", "b"}

    async def test_cancelling_spares_results_that_are_there(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",))], NOW)
        await finish(engine, await claim_one(engine))
        assert await engine.cancel(TaskId("b"), NOW) == ("b",)
        assert await states(engine) == {"a": "done", "b": "cancelled"}

    async def test_cancelling_goes_through_a_diamond(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",)), spec("c", parents=("a", "b"))], NOW)
        assert set(await engine.cancel(TaskId("b"), NOW)) == {"a", "b", "c"}

    async def test_cancelling_reaches_dependents_by_their_policy(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",)), spec("c", parents=("a",), on_failure="run")], NOW)
        assert set(await engine.cancel(TaskId("a"), NOW)) == {"a", "b"}
        assert await states(engine) == {"a": "cancelled", "b": "cancelled", "c": "ready"}
        failure = (await engine.get(TaskId("b"))).failure
        assert failure is not None
        assert failure.code == "parent_cancelled"

    async def test_cancelling_what_has_ended_changes_nothing(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        await finish(engine, await claim_one(engine))
        assert await engine.cancel(TaskId("a"), NOW) == ()
        assert (await engine.get(TaskId("a"))).state == "done"

    @pytest.mark.parametrize("is_over", [False, True])
    async def test_cancelling_comes_with_its_effects(self, engine: TaskEngine, notes: Notes, is_over: bool) -> None:
        await engine.put([spec("a")], NOW)
        if is_over:
            await finish(engine, await claim_one(engine))
        await engine.cancel(TaskId("a"), NOW, [Note("told")])
        assert list(await notes()) == ["told"]

    async def test_an_effect_that_fails_undoes_the_cancelling(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        with pytest.raises(NoteRefused):
            await engine.cancel(TaskId("a"), NOW, [Note(REFUSED)])
        assert await states(engine) == {"a": "ready"}


class TestsOfRetrying:
    """Back from the dead letters."""

    async def test_a_failed_task_runs_again_with_all_its_attempts(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", retry=Retry(attempts=1))], NOW)
        first = await claim_one(engine)
        await engine.fail(first.id, first.epoch, BROKEN, NOW)
        revived = await engine.retry(first.id, NOW + 1)
        assert (revived.state, revived.attempt, revived.failure, revived.updated_ms) == ("ready", 0, None, NOW + 1)
        second = await claim_one(engine, NOW + 1)
        assert second.attempt == 1
        assert second.epoch > first.epoch

    async def test_trying_again_comes_with_its_effects_or_not_at_all(self, engine: TaskEngine, notes: Notes) -> None:
        await engine.put([spec("a")], NOW)
        await engine.cancel(TaskId("a"), NOW)
        with pytest.raises(NoteRefused):
            await engine.retry(TaskId("a"), NOW, [Note("first"), Note(REFUSED)])
        assert await states(engine) == {"a": "cancelled"}
        assert list(await notes()) == []
        await engine.retry(TaskId("a"), NOW, [Note("told")])
        assert await states(engine) == {"a": "ready"}
        assert list(await notes()) == ["told"]

    async def test_cancelled_dependents_come_back_too(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",)), spec("c", parents=("b",))], NOW)
        await engine.cancel(TaskId("a"), NOW)
        await engine.retry(TaskId("a"), NOW)
        assert await states(engine) == {"a": "ready", "b": "waiting", "c": "waiting"}

    async def test_dependents_with_another_failed_parent_stay(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b"), spec("c", parents=("a", "b"))], NOW)
        await engine.cancel(TaskId("a"), NOW)
        await engine.cancel(TaskId("b"), NOW)
        await engine.retry(TaskId("a"), NOW)
        assert await states(engine) == {"a": "ready", "b": "cancelled", "c": "cancelled"}

    async def test_a_task_whose_parent_failed_is_refused(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",))], NOW)
        await engine.cancel(TaskId("a"), NOW)
        with pytest.raises(Refused):
            await engine.retry(TaskId("b"), NOW)

    @pytest.mark.parametrize("ended", [False, True], ids=["ready", "done"])
    async def test_a_task_that_did_not_fail_is_refused(self, engine: TaskEngine, ended: bool) -> None:
        await engine.put([spec("a")], NOW)
        claimed = await engine.claim(["work"], int(ended), LEASE, NOW)
        for task in claimed:
            await finish(engine, task)
        with pytest.raises(Refused):
            await engine.retry(TaskId("a"), NOW)

    async def test_a_task_past_its_deadline_is_refused(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", deadline_ms=NOW + 1)], NOW)
        await engine.reap(NOW + 1)
        with pytest.raises(Refused):
            await engine.retry(TaskId("a"), NOW + 2)
