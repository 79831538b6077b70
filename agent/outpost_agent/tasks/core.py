"""The rules of the task engine, apart from any store and any clock.

**States.** `NEXT` is the whole protocol; what is not in it cannot happen. A task begins as `waiting` and is settled at
once by `verdict`, as it is again whenever one of its parents ends.

**Order.** A task's effective priority is its priority plus one for every `AGEING_MS` that it has been ready. Of two
tasks both age alike, so who goes first never changes while they wait, and the order is one number that is known
when a task becomes ready: `rank` = ready since − priority × AGEING_MS, smallest first. *No starvation:* a task of
rank r is overtaken only by tasks of a smaller rank, and one that becomes ready later than r + 9 × AGEING_MS cannot
have one; so whatever comes, after nine steps of waiting nothing new goes before it.

**Clocks.** Time is an argument and may jump by years in either direction. Deadlines and `not_before` are points in
time and mean what they say. Everything else is a length of time, and a clock that was set neither stretches nor cuts
it: the queue's order follows `SteadyClock`, which never goes back; `judge_lease` and `judge_pause` begin anew what
cannot be explained by time having passed.

**Epochs.** `Epochs` numbers attempts. Its first part, the engine's life, is on the disk before the first claim of that
life; so no number is ever given out twice, even when a cut of power takes back claims that were not yet on the disk.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from outpost_sdk.tasks import PARENTS_LIMIT, PRIORITY_HIGHEST, PRIORITY_LOWEST, Failure, Refused, Task, TaskSpec
from outpost_wire.errors import OutpostError
from outpost_wire.ids import TaskId
from outpost_wire.messages import TaskState

AGEING_MS = 60_000
LATE_MS = 60_000
INTERRUPTIONS_LIMIT = 20
TIME_LIMIT_MS = 2**53
LIFE_BITS = 32


class Event(StrEnum):
    """What may happen to a task."""

    RELEASED = "released"
    CLAIMED = "claimed"
    FINISHED = "finished"
    POSTPONED = "postponed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REVIVED = "revived"


NEXT: dict[tuple[TaskState, Event], TaskState] = {
    ("waiting", Event.RELEASED): "ready",
    ("waiting", Event.EXPIRED): "failed",
    ("waiting", Event.CANCELLED): "cancelled",
    ("ready", Event.CLAIMED): "running",
    ("ready", Event.EXPIRED): "failed",
    ("ready", Event.CANCELLED): "cancelled",
    ("running", Event.FINISHED): "done",
    ("running", Event.POSTPONED): "ready",
    ("running", Event.FAILED): "failed",
    ("running", Event.EXPIRED): "failed",
    ("running", Event.CANCELLED): "cancelled",
    ("failed", Event.REVIVED): "waiting",
    ("cancelled", Event.REVIVED): "waiting",
}


class Unexpected(OutpostError):
    """This cannot happen to a task in this state."""

    code = "unexpected_event"


def step(state: TaskState, event: Event) -> TaskState:
    """Return the state after `event`, or raise Unexpected."""
    try:
        return NEXT[state, event]
    except KeyError:
        raise Unexpected(f"a task that is {state} cannot be {event}") from None


def arrange(specs: Sequence[TaskSpec]) -> Sequence[TaskSpec]:
    """Return `specs` with parents before children, otherwise in the order given; raises Refused.

    Checks all that can be known without a store: ids, numbers, the number of parents, cycles.
    """
    ids: set[TaskId] = set()
    is_arranged = True
    own = {spec.id: spec for spec in specs}
    for spec in specs:
        _check(spec)
        if spec.id in ids:
            raise Refused(f"task {spec.id} is there twice")
        ids.add(spec.id)
        is_arranged = is_arranged and all(parent in ids or parent not in own for parent in spec.parents)
    if is_arranged:
        return specs
    try:
        order = tuple(TopologicalSorter({spec.id: spec.parents for spec in specs}).static_order())
    except CycleError as error:
        raise Refused(f"these tasks wait for each other: {' → '.join(reversed(error.args[1]))}") from None
    return [own[task] for task in order if task in own]


def _check(spec: TaskSpec) -> None:
    if not spec.id or not spec.kind:
        raise Refused("a task needs an id and a kind")
    if not PRIORITY_LOWEST <= spec.priority <= PRIORITY_HIGHEST:
        raise Refused(f"task {spec.id}: priority is {PRIORITY_LOWEST} to {PRIORITY_HIGHEST}, not {spec.priority}")
    if len(spec.parents) > PARENTS_LIMIT:
        raise Refused(f"task {spec.id}: {len(spec.parents)} parents are more than {PARENTS_LIMIT}")
    if len(set(spec.parents)) < len(spec.parents):
        raise Refused(f"task {spec.id}: a parent is named twice")
    if spec.id in spec.parents:
        raise Refused(f"task {spec.id} waits for itself")
    if not 0 <= spec.not_before_ms <= TIME_LIMIT_MS or not 0 <= (spec.deadline_ms or 0) <= TIME_LIMIT_MS:
        raise Refused(f"task {spec.id}: a time is 0 to {TIME_LIMIT_MS}")


def verdict(on_failure: Literal["cancel", "run"], parents: Sequence[TaskState]) -> Event | None:
    """Say what its parents' states mean for a waiting task; None is to go on waiting."""
    if on_failure == "cancel" and any(state in ("failed", "cancelled") for state in parents):
        return Event.CANCELLED
    if all(state in ("done", "failed", "cancelled") for state in parents):
        return Event.RELEASED
    return None


def rank(priority: int, ready_ms: int) -> int:
    """Return a task's place in the queue, smallest first; `ready_ms` is steady time."""
    return ready_ms - priority * AGEING_MS


def pause_ms(spec: TaskSpec, attempt: int) -> int:
    """Return how long to wait after failed attempt number `attempt`: the doubled base, less up to a quarter.

    What is taken off depends on task and attempt alone, so that tasks that failed together do not return together.
    """
    doubled = min(spec.retry.cap_ms, spec.retry.base_ms << (attempt - 1))
    return doubled - (doubled * zlib.crc32(f"{spec.id}/{attempt}".encode()) >> 34)


def may_try_again(spec: TaskSpec, attempt: int, now_ms: int) -> bool:
    """Say whether an attempt after number `attempt` is allowed and could begin at `now_ms`, before the deadline."""
    return attempt < spec.retry.attempts and not is_late(spec, now_ms)


def is_excused(task: Task) -> bool:
    """Say whether an attempt that ended with the engine's life is not held against the task.

    A restart fails nothing; but a task that takes the daemon down with it again and again ends all the same.
    """
    return task.interruptions < INTERRUPTIONS_LIMIT


def is_late(spec: TaskSpec, now_ms: int) -> bool:
    """Say whether the task's deadline has passed."""
    return spec.deadline_ms is not None and spec.deadline_ms <= now_ms


class Lease(StrEnum):
    """What is to be done about a lease."""

    HELD = "held"
    RENEWED = "renewed"
    LOST = "lost"


def judge_lease(until_ms: int, length_ms: int, now_ms: int) -> Lease:
    """Say whether an attempt has lost its lease.

    One with more time left than it was given for, or over since more than LATE_MS, tells of a clock that was set or a
    machine that slept and not of its runner: it begins anew.
    """
    if until_ms > now_ms:
        return Lease.RENEWED if until_ms - now_ms > length_ms else Lease.HELD
    return Lease.RENEWED if now_ms - until_ms > LATE_MS else Lease.LOST


def judge_pause(due_ms: int, length_ms: int, now_ms: int) -> int:
    """Return when the pause before the next attempt ends: now, if more is left than it was long."""
    return now_ms if due_ms - now_ms > length_ms else due_ms


CANCELLED = Failure(code="cancelled", en="It was cancelled.", zh="任务已取消。")
DEADLINE_PASSED = Failure(
    code="deadline_passed", en="It was not finished before its deadline.", zh="任务未能在截止时间前完成。"
)
ATTEMPTS_EXHAUSTED = Failure(
    code="attempts_exhausted",
    en="It was interrupted too often and is not tried again.",
    zh="任务多次被中断，不再重试。",
)


def inherited(state: TaskState, failure: Failure | None) -> Failure:
    """Return why a task is cancelled when a parent ended in `state` with `failure`: in the words of the first cause."""
    first = failure or CANCELLED
    was_cancelled = state == "cancelled" and first.code in ("cancelled", "parent_cancelled")
    return Failure(code="parent_cancelled" if was_cancelled else "parent_failed", en=first.en, zh=first.zh)


class SteadyClock:
    """Turns given times into times that never go back, for the order of the queue.

    `floor_ms` is the latest steady time still in use, so that the order holds over a restart, too.
    """

    def __init__(self, floor_ms: int = 0) -> None:
        self._last_ms = floor_ms
        self._ahead_ms = 0

    def at(self, now_ms: int) -> int:
        """Return the steady time at `now_ms`."""
        self._ahead_ms = max(self._ahead_ms, self._last_ms - now_ms)
        self._last_ms = now_ms + self._ahead_ms
        return self._last_ms


class Epochs:
    """Numbers the attempts of one life of the engine; `life` is larger than in any life before."""

    def __init__(self, life: int) -> None:
        self._last = life << LIFE_BITS

    def draw(self) -> int:
        """Return a number larger than every one before."""
        self._last += 1
        return self._last
