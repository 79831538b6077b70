"""What every task engine must pass.

Subclass `TaskEngineSuite` in a test module and give it two fixtures:

* `engine`: an empty `TaskEngine` that writes a `Note` by keeping its text, and raises `NoteRefused` for one that says
  REFUSED;
* `notes`: a function that returns the texts kept, in order.

The tests are coroutines: run them with pytest-asyncio in its `auto` mode.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from outpost_sdk.handler import Outcome
from outpost_sdk.suites.task_families import TestsOfFamilies, TestsOfRetrying
from outpost_sdk.suites.task_words import (
    BROKEN,
    FINAL,
    LEASE,
    MINUTE,
    NOW,
    REFUSED,
    YEARS,
    Note,
    NoteRefused,
    Notes,
    claim_one,
    finish,
    spec,
    states,
)
from outpost_sdk.tasks import (
    PARENTS_LIMIT,
    PAYLOAD_LIMIT,
    Fenced,
    NoSuchTask,
    Refused,
    Retry,
    Task,
    TaskEngine,
    TaskSpec,
)
from outpost_wire.ids import TaskId

__all__ = [
    "BROKEN",
    "FINAL",
    "LEASE",
    "MINUTE",
    "NOW",
    "REFUSED",
    "YEARS",
    "Note",
    "NoteRefused",
    "Notes",
    "TaskEngineSuite",
    "claim_one",
    "finish",
    "spec",
    "states",
]


class TestsOfPutting:
    """What may be put, and what putting twice means."""

    async def test_a_task_without_parents_is_ready(self, engine: TaskEngine) -> None:
        assert await engine.put([spec("a", params={"n": 1}, title="A")], NOW) == ("a",)
        expected = Task(spec=spec("a", params={"n": 1}, title="A"), state="ready", created_ms=NOW, updated_ms=NOW)
        assert await engine.get(TaskId("a")) == expected

    async def test_a_known_key_with_the_same_content_is_the_same_task(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", key="k", params={"x": 1, "y": [2]})], NOW)
        assert await engine.put([spec("b", key="k", params={"y": (2,), "x": 1})], NOW + 1) == ("a",)
        assert await states(engine) == {"a": "ready"}

    async def test_a_known_key_with_other_content_is_refused(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", key="k", params={"x": 1})], NOW)
        with pytest.raises(Refused):
            await engine.put([spec("b", key="k", params={"x": 2})], NOW)
        assert await states(engine) == {"a": "ready"}

    async def test_a_key_belongs_to_its_tenant(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", key="k", tenant="one")], NOW)
        assert await engine.put([spec("b", key="k", tenant="two")], NOW) == ("b",)

    async def test_a_known_id_is_the_same_task_or_refused(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", title="A")], NOW)
        assert await engine.put([spec("a", title="A")], NOW) == ("a",)
        with pytest.raises(Refused):
            await engine.put([spec("a", title="B")], NOW)

    async def test_a_chain_put_again_under_new_ids_is_the_same_chain(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", key="1"), spec("b", key="2", parents=("a",))], NOW)
        again = [spec("c", key="1"), spec("d", key="2", parents=("c",))]
        assert await engine.put(again, NOW) == ("a", "b")
        assert await states(engine) == {"a": "ready", "b": "waiting"}

    async def test_putting_again_applies_no_effects(self, engine: TaskEngine, notes: Notes) -> None:
        await engine.put([spec("a", key="k")], NOW, [Note("first")])
        await engine.put([spec("b", key="k")], NOW, [Note("second")])
        assert list(await notes()) == ["first"]

    async def test_effects_need_no_task(self, engine: TaskEngine, notes: Notes) -> None:
        assert await engine.put([], NOW, [Note("alone")]) == ()
        assert list(await notes()) == ["alone"]

    async def test_an_effect_that_fails_undoes_the_put(self, engine: TaskEngine, notes: Notes) -> None:
        with pytest.raises(NoteRefused):
            await engine.put([spec("a"), spec("b", parents=("a",))], NOW, [Note("first"), Note(REFUSED)])
        assert await states(engine) == {}
        assert list(await notes()) == []

    async def test_one_wrong_task_refuses_all(self, engine: TaskEngine) -> None:
        with pytest.raises(Refused):
            await engine.put([spec("a"), spec("b", parents=("absent",))], NOW)
        assert await states(engine) == {}

    @pytest.mark.parametrize(
        "specs",
        [
            [spec("a", parents=("a",))],
            [spec("a", parents=("b",)), spec("b", parents=("a",))],
            [spec("a", parents=("c",)), spec("b", parents=("a",)), spec("c", parents=("b",))],
            [spec("a"), spec("a")],
        ],
        ids=["itself", "two", "three", "twice"],
    )
    async def test_a_cycle_or_a_repetition_is_refused(self, engine: TaskEngine, specs: list[TaskSpec]) -> None:
        with pytest.raises(Refused):
            await engine.put(specs, NOW)
        assert await states(engine) == {}

    @pytest.mark.parametrize(
        "wrong",
        [
            *[{"priority": 10}, {"priority": -1}, {"kind": ""}, {"not_before_ms": -1}, {"deadline_ms": 2**60}],
            *[{"params": {"x": "x" * PAYLOAD_LIMIT}}, {"params": {"x": object()}}],
            *[{"parents": ("p", "p")}, {"parents": tuple(f"p{n}" for n in range(PARENTS_LIMIT + 1))}],
        ],
        ids=lambda wrong: next(iter(wrong)),
    )
    async def test_a_wrong_task_is_refused(self, engine: TaskEngine, wrong: dict[str, Any]) -> None:
        with pytest.raises(Refused):
            await engine.put([spec("a", **wrong)], NOW)

    async def test_parents_may_come_after_children_in_one_call(self, engine: TaskEngine) -> None:
        assert await engine.put([spec("b", parents=("a",)), spec("a")], NOW) == ("b", "a")
        assert await states(engine) == {"a": "ready", "b": "waiting"}

    async def test_a_child_of_a_done_parent_is_ready(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        await finish(engine, await claim_one(engine))
        await engine.put([spec("b", parents=("a",))], NOW)
        assert await states(engine) == {"a": "done", "b": "ready"}

    async def test_a_child_of_a_cancelled_parent_ends_at_once_by_its_policy(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        await engine.cancel(TaskId("a"), NOW)
        await engine.put([spec("b", parents=("a",)), spec("c", parents=("a",), on_failure="run")], NOW)
        assert await states(engine) == {"a": "cancelled", "b": "cancelled", "c": "ready"}


class TestsOfClaiming:
    """Who is next."""

    async def test_a_claim_starts_an_attempt_with_a_lease(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        task = await claim_one(engine, NOW + 5)
        assert (task.state, task.attempt, task.lease_until_ms) == ("running", 1, NOW + 5 + LEASE)
        assert task.epoch > 0
        assert await engine.get(TaskId("a")) == task

    async def test_only_the_kinds_asked_for_are_claimed(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", kind="one"), spec("b", kind="two"), spec("c", kind="three")], NOW)
        claimed = await engine.claim(["three", "one", "one"], 10, LEASE, NOW)
        assert [task.id for task in claimed] == ["a", "c"]

    async def test_no_more_than_the_limit_are_claimed(self, engine: TaskEngine) -> None:
        await engine.put([spec(name) for name in "abc"], NOW)
        assert [task.id for task in await engine.claim(["work"], 2, LEASE, NOW)] == ["a", "b"]
        assert await engine.claim(["work"], 0, LEASE, NOW) == ()
        assert await engine.claim([], 1, LEASE, NOW) == ()

    async def test_the_higher_priority_goes_first(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", priority=1), spec("b", priority=9), spec("c", priority=5)], NOW)
        assert [task.id for task in await engine.claim(["work"], 3, LEASE, NOW)] == ["b", "c", "a"]

    async def test_within_a_priority_the_one_put_first_goes_first(self, engine: TaskEngine) -> None:
        names = [f"task {number:02}" for number in range(20)]
        await engine.put([spec(name) for name in reversed(names)], NOW)
        claimed = await engine.claim(["work"], 20, LEASE, NOW)
        assert [task.id for task in claimed] == names[::-1]

    async def test_the_lowest_priority_is_not_starved(self, engine: TaskEngine) -> None:
        """However long the runners are kept busy by new urgent tasks, one that waits gets its turn."""
        await engine.put([spec("patient", priority=0)], NOW)
        order = []
        for minute in range(15):
            now = NOW + minute * MINUTE
            await engine.put([spec(f"urgent {minute}", priority=9), spec(f"more {minute}", priority=9)], now)
            order += [task.id for task in await engine.claim(["work"], 2, LEASE, now)]
        assert 10 < order.index(TaskId("patient")) < 20

    async def test_a_task_is_not_claimed_before_its_time(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", not_before_ms=NOW + 100)], NOW)
        assert await engine.claim(["work"], 1, LEASE, NOW + 99) == ()
        assert await engine.next_due_ms() == NOW + 100
        assert (await claim_one(engine, NOW + 100)).id == "a"

    async def test_a_task_is_claimed_once(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        await claim_one(engine)
        assert await engine.claim(["work"], 1, LEASE, NOW) == ()

    async def test_nothing_is_due_when_nothing_waits_for_time(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        assert await engine.next_due_ms() is None


class TestsOfEnding:
    """Results, once."""

    async def test_a_result_is_kept(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        task = await claim_one(engine)
        outcome = Outcome(data={"lines": [1, 2.5, None, {"k": "值"}]}, title="Lines", report="# Lines")
        await engine.finish(task.id, task.epoch, outcome, (), NOW + 7)
        done = await engine.get(task.id)
        assert (done.state, done.outcome, done.updated_ms, done.lease_until_ms) == ("done", outcome, NOW + 7, None)

    async def test_a_result_comes_with_its_effects(self, engine: TaskEngine, notes: Notes) -> None:
        await engine.put([spec("a")], NOW)
        task = await claim_one(engine)
        await engine.finish(task.id, task.epoch, Outcome(), [Note("one"), Note("two")], NOW)
        assert list(await notes()) == ["one", "two"]

    async def test_an_effect_that_fails_undoes_the_result(self, engine: TaskEngine, notes: Notes) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",))], NOW)
        task = await claim_one(engine)
        with pytest.raises(NoteRefused):
            await engine.finish(task.id, task.epoch, Outcome(), [Note("one"), Note(REFUSED)], NOW)
        assert await engine.get(task.id) == task
        assert (await engine.get(TaskId("b"))).state == "waiting"
        assert list(await notes()) == []

    async def test_a_second_finish_is_fenced(self, engine: TaskEngine, notes: Notes) -> None:
        await engine.put([spec("a")], NOW)
        task = await claim_one(engine)
        await finish(engine, task)
        with pytest.raises(Fenced):
            await engine.finish(task.id, task.epoch, Outcome(title="other"), [Note("again")], NOW)
        assert (await engine.get(task.id)).outcome == Outcome()
        assert list(await notes()) == []

    async def test_an_older_attempt_is_fenced(self, engine: TaskEngine, notes: Notes) -> None:
        await engine.put([spec("a")], NOW)
        old = await claim_one(engine)
        await engine.reap(NOW + LEASE)
        new = await claim_one(engine, NOW + LEASE)
        assert new.epoch > old.epoch
        with pytest.raises(Fenced):
            await engine.finish(old.id, old.epoch, Outcome(), [Note("late")], NOW + LEASE)
        with pytest.raises(Fenced):
            await engine.fail(old.id, old.epoch, FINAL, NOW + LEASE, [Note("late")])
        with pytest.raises(Fenced):
            await engine.heartbeat(old.id, old.epoch, LEASE, NOW + LEASE)
        assert await engine.get(new.id) == new
        assert list(await notes()) == []

    async def test_what_never_ran_is_fenced(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        with pytest.raises(Fenced):
            await engine.finish(TaskId("a"), 0, Outcome(), (), NOW)
        with pytest.raises(Fenced):
            await engine.finish(TaskId("absent"), 1, Outcome(), (), NOW)

    async def test_a_failed_attempt_is_tried_again_after_a_pause(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", retry=Retry(attempts=2, base_ms=1_000))], NOW)
        first = await claim_one(engine)
        postponed = await engine.fail(first.id, first.epoch, BROKEN, NOW)
        assert (postponed.state, postponed.failure) == ("ready", BROKEN)
        assert await engine.claim(["work"], 1, LEASE, NOW + 749) == ()
        second = await claim_one(engine, NOW + 1_000)
        assert second.attempt == 2
        assert second.epoch > first.epoch

    async def test_the_pause_doubles_up_to_its_cap(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", retry=Retry(attempts=6, base_ms=1_000, cap_ms=4_000))], NOW)
        now, pauses = NOW, []
        for _ in range(5):
            task = await claim_one(engine, now)
            await engine.fail(task.id, task.epoch, BROKEN, now)
            due = await engine.next_due_ms()
            assert due is not None
            pauses.append(due - now)
            now = due
        for pause, longest in zip(pauses, (1_000, 2_000, 4_000, 4_000, 4_000), strict=True):
            assert longest * 3 // 4 <= pause <= longest

    async def test_the_last_attempt_fails_for_good_with_its_effects(self, engine: TaskEngine, notes: Notes) -> None:
        await engine.put([spec("a", retry=Retry(attempts=2, base_ms=0))], NOW)
        for _ in range(2):
            task = await claim_one(engine)
            ended = await engine.fail(task.id, task.epoch, BROKEN, NOW, [Note("sorry")])
        assert (ended.state, ended.failure, ended.attempt) == ("failed", BROKEN, 2)
        assert list(await notes()) == ["sorry"]

    async def test_a_final_failure_is_not_tried_again(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        task = await claim_one(engine)
        assert (await engine.fail(task.id, task.epoch, FINAL, NOW)).state == "failed"

    async def test_success_forgets_the_failure_before_it(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", retry=Retry(base_ms=0))], NOW)
        task = await claim_one(engine)
        await engine.fail(task.id, task.epoch, BROKEN, NOW)
        await finish(engine, await claim_one(engine))
        assert (await engine.get(task.id)).failure is None

    async def test_a_retry_that_could_only_begin_after_the_deadline_fails_at_once(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", deadline_ms=NOW + 500)], NOW)
        task = await claim_one(engine)
        assert (await engine.fail(task.id, task.epoch, BROKEN, NOW)).state == "failed"


class TestsOfLeases:
    """Runners that vanish, deadlines, and clocks that are set."""

    async def test_a_lost_lease_makes_the_task_ready(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        await claim_one(engine)
        assert await engine.next_due_ms() == NOW + LEASE
        assert await engine.reap(NOW + LEASE - 1) == ()
        assert (await engine.get(TaskId("a"))).state == "running"
        assert await engine.reap(NOW + LEASE) == ()
        assert (await claim_one(engine, NOW + LEASE)).attempt == 2

    async def test_a_heartbeat_keeps_the_lease(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        task = await claim_one(engine)
        await engine.heartbeat(task.id, task.epoch, LEASE, NOW + 20_000)
        await engine.reap(NOW + LEASE)
        assert (await engine.get(task.id)).lease_until_ms == NOW + 20_000 + LEASE

    async def test_attempts_used_up_by_lost_leases_fail_the_task(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", retry=Retry(attempts=1)), spec("b", parents=("a",))], NOW)
        await claim_one(engine)
        (failed,) = await engine.reap(NOW + LEASE)
        assert failed.failure is not None
        assert (failed.id, failed.state, failed.failure.code) == ("a", "failed", "attempts_exhausted")
        assert await states(engine) == {"a": "failed", "b": "cancelled"}

    async def test_a_passed_deadline_fails_waiting_ready_and_running(self, engine: TaskEngine) -> None:
        deadline = NOW + 1_000
        await engine.put([spec("a", deadline_ms=deadline, priority=9), spec("b", deadline_ms=deadline)], NOW)
        await engine.put([spec("c"), spec("d", parents=("c",), deadline_ms=deadline)], NOW)
        running = await claim_one(engine)
        assert await engine.next_due_ms() == deadline
        failed = await engine.reap(deadline)
        assert {(task.id, task.failure and task.failure.code) for task in failed} == {
            (name, "deadline_passed") for name in "abd"
        }
        with pytest.raises(Fenced):
            await finish(engine, running)

    async def test_a_task_past_its_deadline_is_not_claimed(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", deadline_ms=NOW + 10)], NOW)
        assert await engine.claim(["work"], 1, LEASE, NOW + 10) == ()

    @pytest.mark.parametrize("jump", [-YEARS, YEARS], ids=["back", "forward"])
    async def test_a_clock_set_by_years_costs_no_lease(self, engine: TaskEngine, jump: int) -> None:
        await engine.put([spec("a")], NOW)
        task = await claim_one(engine)
        assert await engine.reap(NOW + jump) == ()
        assert await engine.get(task.id) == replace(task, lease_until_ms=NOW + jump + LEASE)

    @pytest.mark.parametrize("jump", [-YEARS, YEARS], ids=["back", "forward"])
    async def test_a_clock_set_by_years_keeps_no_lease(self, engine: TaskEngine, jump: int) -> None:
        await engine.put([spec("a")], NOW)
        await claim_one(engine)
        await engine.reap(NOW + jump)
        await engine.reap(NOW + jump + LEASE)
        assert (await engine.get(TaskId("a"))).state == "ready"

    async def test_a_clock_set_back_prolongs_no_pause(self, engine: TaskEngine) -> None:
        await engine.put([spec("a")], NOW)
        task = await claim_one(engine)
        await engine.fail(task.id, task.epoch, BROKEN, NOW)
        await engine.reap(NOW - YEARS)
        assert (await claim_one(engine, NOW - YEARS)).id == "a"

    async def test_a_clock_set_back_keeps_the_order(self, engine: TaskEngine) -> None:
        await engine.put([spec("old")], NOW)
        await engine.put([spec("new"), spec("urgent", priority=6)], NOW - YEARS)
        claimed = await engine.claim(["work"], 3, LEASE, NOW - YEARS + 1)
        assert [task.id for task in claimed] == ["urgent", "old", "new"]

    async def test_a_clock_set_back_does_not_stop_ageing(self, engine: TaskEngine) -> None:
        await engine.put([spec("older")], NOW)
        await engine.put([spec("patient", priority=0)], NOW - YEARS)
        await engine.put([spec("urgent", priority=9)], NOW - YEARS + 30 * MINUTE)
        claimed = await engine.claim(["work"], 3, LEASE, NOW - YEARS + 30 * MINUTE)
        assert [task.id for task in claimed] == ["older", "patient", "urgent"]


class TestsOfAsking:
    """What can be seen."""

    async def test_a_list_is_newest_first(self, engine: TaskEngine) -> None:
        await engine.put([spec("b")], NOW)
        await engine.put([spec("a")], NOW - YEARS)
        assert [task.id for task in await engine.list()] == ["a", "b"]
        assert [task.id for task in await engine.list(limit=1)] == ["a"]
        assert await engine.list(limit=0) == ()

    async def test_a_list_can_be_of_states_a_principal_and_a_chat(self, engine: TaskEngine) -> None:
        await engine.put([spec("a", principal="eve", channel="web", chat="1", priority=9)], NOW)
        await engine.put([spec("b", channel="web", chat="1"), spec("c", channel="sms", chat="1")], NOW)
        await finish(engine, await claim_one(engine))

        async def ids(**filters: Any) -> list[str]:
            return [task.id for task in await engine.list(**filters)]

        assert await ids(states=["done"]) == ["a"]
        assert await ids(states=["ready", "done"]) == ["c", "b", "a"]
        assert await ids(principal="eve") == ["a"]
        assert await ids(principal="eve", states=["ready"]) == []
        assert await ids(chat=("web", "1")) == ["b", "a"]
        assert await ids(chat=("web", "1"), states=["done"], principal="eve") == ["a"]
        assert await ids(chat=("web", "1"), principal="owner") == ["b"]

    async def test_counts_are_of_every_state(self, engine: TaskEngine) -> None:
        await engine.put([spec("a"), spec("b", parents=("a",)), spec("c")], NOW)
        await engine.cancel(TaskId("c"), NOW)
        await claim_one(engine)
        expected = {"waiting": 1, "ready": 0, "running": 1, "done": 0, "failed": 0, "cancelled": 1}
        assert await engine.counts() == expected

    async def test_what_is_not_there_says_so(self, engine: TaskEngine) -> None:
        absent = TaskId("absent")
        for ask in (engine.get(absent), engine.cancel(absent, NOW), engine.retry(absent, NOW)):
            with pytest.raises(NoSuchTask, match="absent"):
                await ask


class TaskEngineSuite(
    TestsOfPutting, TestsOfClaiming, TestsOfEnding, TestsOfLeases, TestsOfFamilies, TestsOfRetrying, TestsOfAsking
):
    """All of the above."""
