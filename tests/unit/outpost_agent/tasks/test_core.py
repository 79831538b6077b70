from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.tasks import core
from outpost_agent.tasks.core import Event, Lease
from outpost_sdk.tasks import ENDED, Failure, Refused, Retry, TaskSpec
from outpost_wire.ids import TaskId
from outpost_wire.messages import TaskState

STATES: tuple[TaskState, ...] = get_args(TaskState)


def spec(name: str = "a", *, parents: tuple[str, ...] = (), retry: Retry | None = None) -> TaskSpec:
    above = tuple(TaskId(parent) for parent in parents)
    return TaskSpec(id=TaskId(name), kind="work", principal="owner", parents=above, retry=retry or Retry())


def test_an_end_is_left_only_by_being_revived() -> None:
    assert {event for state, event in core.NEXT if state in ENDED} == {Event.REVIVED}
    assert "done" not in {state for state, _ in core.NEXT}


def test_every_active_task_can_be_cancelled_and_can_expire() -> None:
    for event in (Event.CANCELLED, Event.EXPIRED):
        assert {state for state, each in core.NEXT if each is event} == set(STATES) - ENDED


def test_every_state_can_be_reached() -> None:
    assert set(core.NEXT.values()) == set(STATES)


def test_an_impossible_event_is_refused_with_a_sentence() -> None:
    with pytest.raises(core.Unexpected, match="a task that is done cannot be claimed"):
        core.step("done", Event.CLAIMED)


def test_an_order_that_is_right_is_kept() -> None:
    specs = [spec("b"), spec("a"), spec("c", parents=("a", "elsewhere"))]
    assert core.arrange(specs) == specs


def test_parents_come_before_children() -> None:
    specs = [spec("c", parents=("b",)), spec("b", parents=("a",)), spec("a")]
    assert [each.id for each in core.arrange(specs)] == ["a", "b", "c"]


def test_a_very_long_chain_the_wrong_way_round_is_put_right() -> None:
    names = [f"{number:05}" for number in range(5_000)]
    specs = [spec("00000"), *(spec(name, parents=(above,)) for above, name in pairwise(names))]
    assert [each.id for each in core.arrange(specs[::-1])] == names


def test_a_cycle_is_named() -> None:
    with pytest.raises(Refused, match=r"wait for each other: .*a.*b"):
        core.arrange([spec("a", parents=("b",)), spec("b", parents=("a",))])


@pytest.mark.parametrize(
    ("on_failure", "parents", "expected"),
    [
        ("cancel", [], Event.RELEASED),
        ("cancel", ["done", "done"], Event.RELEASED),
        ("cancel", ["done", "running"], None),
        ("cancel", ["running", "failed"], Event.CANCELLED),
        ("cancel", ["done", "cancelled"], Event.CANCELLED),
        ("run", ["running", "failed"], None),
        ("run", ["cancelled", "failed"], Event.RELEASED),
    ],
)
def test_parents_decide_about_a_waiting_task(on_failure: str, parents: list[TaskState], expected: Event | None) -> None:
    assert core.verdict("run" if on_failure == "run" else "cancel", parents) is expected


@given(st.integers(0, 9), st.integers(0, 2**50), st.integers(0, 9), st.integers(0, 2**50))
def test_nobody_overtakes_who_has_aged_nine_steps(one: int, ready: int, other: int, later: int) -> None:
    """The proof of no starvation: who may overtake is fixed by when it came, and that time is bounded."""
    if core.rank(other, later) < core.rank(one, ready):
        assert later < ready + 9 * core.AGEING_MS


@given(st.integers(0, 9), st.integers(0, 2**50), st.integers(0, 2**50))
def test_of_equal_priority_who_came_first_goes_first(priority: int, one: int, other: int) -> None:
    assert (core.rank(priority, one) < core.rank(priority, other)) == (one < other)


@given(st.integers(1, 100), st.integers(0, 100_000), st.integers(0, 100_000), st.text(min_size=1))
def test_a_pause_is_within_a_quarter_of_the_doubled_base(attempt: int, base: int, more: int, name: str) -> None:
    retry = Retry(attempts=100, base_ms=base, cap_ms=base + more)
    longest = min(base + more, base * 2 ** (attempt - 1))
    pause = core.pause_ms(spec(name.encode(errors="replace").decode(), retry=retry), attempt)
    assert longest * 3 // 4 <= pause <= longest


def test_tasks_that_failed_together_do_not_return_together() -> None:
    pauses = {core.pause_ms(spec(f"task {number}", retry=Retry(base_ms=10_000)), 1) for number in range(100)}
    assert len(pauses) > 90


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (1_000, Lease.HELD),
        (1_999, Lease.HELD),
        (2_000, Lease.LOST),
        (2_000 + core.LATE_MS, Lease.LOST),
        (2_001 + core.LATE_MS, Lease.RENEWED),
        (999, Lease.RENEWED),
    ],
)
def test_a_lease_from_1000_to_2000_is_judged(now: int, expected: Lease) -> None:
    assert core.judge_lease(2_000, 1_000, now) is expected


def test_a_pause_longer_than_it_was_ends_now() -> None:
    assert core.judge_pause(5_000, 1_000, 4_000) == 5_000
    assert core.judge_pause(5_000, 1_000, 3_999) == 3_999


@given(st.lists(st.integers(0, 2**50)), st.integers(0, 2**50))
def test_steady_time_never_goes_back(times: list[int], floor: int) -> None:
    clock = core.SteadyClock(floor)
    steady = [floor, *(clock.at(time) for time in times)]
    assert steady == sorted(steady)


@given(st.lists(st.integers(0, 1_000), min_size=1), st.integers(0, 2**50))
def test_steady_time_goes_on_after_a_step_back(steps: list[int], now: int) -> None:
    clock = core.SteadyClock()
    clock.at(2**51)
    began = clock.at(now)
    for step in steps:
        now += step
    assert clock.at(now) - began == sum(steps)


def test_epochs_rise_over_lives() -> None:
    first, second = core.Epochs(1), core.Epochs(2)
    drawn = [first.draw() for _ in range(1_000)] + [second.draw()]
    assert drawn == sorted(set(drawn))


def test_epochs_are_whole_numbers_in_json_for_two_million_lives() -> None:
    assert core.Epochs(2_000_000).draw() < 2**53


@pytest.mark.parametrize(
    ("state", "code", "expected"),
    [
        ("failed", "bad_input", "parent_failed"),
        ("cancelled", "parent_failed", "parent_failed"),
        ("cancelled", "cancelled", "parent_cancelled"),
        ("cancelled", "parent_cancelled", "parent_cancelled"),
    ],
)
def test_a_cause_is_handed_down_in_its_own_words(state: TaskState, code: str, expected: str) -> None:
    cause = core.inherited(state, Failure(code=code, en="Why.", zh="原因。"))
    assert cause == Failure(code=expected, en="Why.", zh="原因。")
