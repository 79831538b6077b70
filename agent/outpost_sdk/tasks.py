"""The interface of a task engine: durable units of work with priorities, dependencies and fenced attempts.

Invariants, the same for every engine and checked by `outpost_sdk.suites.tasks`:

* A task that was put is never lost; it ends in `done`, `failed` or `cancelled` and never leaves that state but by
  `retry`, which only a failed or cancelled task allows.
* Execution is at least once, its result exactly once. A claim raises the task's `epoch`; `finish` and `fail` with an
  older epoch change nothing and raise `Fenced`.
* `finish` writes the result, the effects and the release of dependents in one transaction.
* A task is ready when all its parents are done; what a parent's failure or cancellation means is its `on_failure`.
* Parents exist when a child is put, in the same call or before, so there are no cycles; one put in a cycle is refused.
* Time is given by the caller, in Unix milliseconds; an engine owns no clock. A clock that is set by years shifts
  deadlines and `not_before_ms`, which are points in time, but costs no lease, prolongs no pause before another attempt
  and leaves the order of the queue as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from outpost_sdk.handler import Language, Outcome
from outpost_wire.errors import BadInput, OutpostError
from outpost_wire.ids import TaskId
from outpost_wire.messages import TaskState

ENDED: frozenset[TaskState] = frozenset({"done", "failed", "cancelled"})
PRIORITY_LOWEST, PRIORITY_HIGHEST = 0, 9
PAYLOAD_LIMIT = 64 * 1024
PARENTS_LIMIT = 64


class Fenced(OutpostError):
    """This attempt was superseded, cancelled or ended; what it brings is not wanted any more."""

    code = "fenced"


class NoSuchTask(BadInput):
    """There is no task of this id that the asker may see."""

    code = "no_such_task"

    def __init__(self, task: str) -> None:
        super().__init__(f"there is no task {task[:64]!r}", f"没有任务 {task[:64]!r}")
        self.task = task

    def __reduce__(self) -> tuple[type[NoSuchTask], tuple[str]]:  # type: ignore[override]
        return type(self), (self.task,)


class Refused(OutpostError):
    """A task that cannot be put: a cycle, an unknown parent, a payload too large, a key used for something else."""

    code = "task_refused"


class Retry(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often and how soon a failed attempt is tried again.

    The pause is `base_ms` × 2^(attempt-1), at most `cap_ms`, less up to a quarter so that tasks do not return together.
    """

    attempts: int = 3
    base_ms: int = 1_000
    cap_ms: int = 60_000

    def __post_init__(self) -> None:
        if not (1 <= self.attempts <= 100 and 0 <= self.base_ms <= self.cap_ms):
            raise ValueError("retry: attempts is 1 to 100 and base_ms is at most cap_ms")


class TaskSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task to be put.

    `key` makes putting idempotent within its tenant: the same key with the same content (all but `id`) is the same
    task, with other content Refused. `priority` is 0 to 9, higher runs first; waiting raises it. `deadline_ms` is a
    point in time after which the task fails. `inputs` are the content folder's names of the files it works on.
    `on_failure` says what becomes of this task when a parent fails or is cancelled: `cancel` it, or `run` it all the
    same.
    """

    id: TaskId
    kind: str
    principal: str
    tenant: str = "default"
    key: str | None = None
    params: Mapping[str, Any] = {}
    inputs: tuple[str, ...] = ()
    parents: tuple[TaskId, ...] = ()
    priority: int = 5
    not_before_ms: int = 0
    deadline_ms: int | None = None
    retry: Retry = Retry()
    on_failure: Literal["cancel", "run"] = "cancel"
    language: Language = "en"
    title: str = ""
    channel: str | None = None
    chat: str | None = None
    message_id: str | None = None


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an attempt failed: a code for machines and a sentence in each language; `final` forbids another attempt."""

    code: str
    en: str
    zh: str
    final: bool = False


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it stands. `attempt` counts claims and `epoch` fences them.

    `interruptions` counts the attempts that ended with the engine's life and so were not held against the task.
    """

    spec: TaskSpec
    state: TaskState
    created_ms: int
    updated_ms: int
    attempt: int = 0
    interruptions: int = 0
    epoch: int = 0
    lease_until_ms: int | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None

    @property
    def id(self) -> TaskId:
        """Return the task's id."""
        return self.spec.id


class Effect(msgspec.Struct, frozen=True, tag_field="effect"):
    """Something that becomes true together with a result, as data; each engine's owner says how it is written."""


class TaskEngine(Protocol):
    """Keeps tasks and decides which may run; runs none."""

    async def put(self, specs: Sequence[TaskSpec], now_ms: int, effects: Sequence[Effect] = ()) -> tuple[TaskId, ...]:
        """Put all of `specs` and `effects` or none; return the ids, those of earlier tasks where a key was known.

        Raises Refused. Putting what was put before changes nothing; effects are applied unless there are `specs` and
        all of them were put before. A child whose parents have ended is ready or cancelled at once.
        """
        ...

    async def claim(self, kinds: Sequence[str], limit: int, lease_ms: int, now_ms: int) -> tuple[Task, ...]:
        """Take up to `limit` ready tasks of `kinds`, most urgent first, as running with a new epoch and lease."""
        ...

    async def heartbeat(self, task: TaskId, epoch: int, lease_ms: int, now_ms: int) -> None:
        """Extend the lease of a running attempt, or raise Fenced."""
        ...

    async def finish(
        self, task: TaskId, epoch: int, outcome: Outcome, effects: Sequence[Effect], now_ms: int
    ) -> tuple[TaskId, ...]:
        """End a running attempt with its outcome and effects; return the dependents now ready. Raises Fenced."""
        ...

    async def fail(
        self, task: TaskId, epoch: int, failure: Failure, now_ms: int, effects: Sequence[Effect] = ()
    ) -> Task:
        """End a running attempt without a result: it is tried again later, or fails for good.

        `effects` are applied only when it fails for good. Raises Fenced.
        """
        ...

    async def cancel(self, task: TaskId, now_ms: int, effects: Sequence[Effect] = ()) -> tuple[TaskId, ...]:
        """Cancel a task that has not ended, its ancestors that then serve nothing else, and its dependents.

        An ancestor serves nothing else when all that depend on it have ended. A running one is cancelled at once: its
        attempt learns it by Fenced. Dependents follow their `on_failure`. Returns what was cancelled, nothing when the
        task had ended; `effects` are applied in either case. Raises NoSuchTask.
        """
        ...

    async def retry(self, task: TaskId, now_ms: int, effects: Sequence[Effect] = ()) -> Task:
        """Make a failed or cancelled task ready again with all its attempts, its cancelled dependents with it.

        `effects` are applied with that.

        Raises NoSuchTask, or Refused when it did not fail, its deadline has passed or a parent that it needs did not
        succeed.
        """
        ...

    async def reap(self, now_ms: int) -> tuple[Task, ...]:
        """Deal with leases that ran out and deadlines that passed; return the tasks that failed for good by that.

        To be called within a minute of `next_due_ms`: a lease found later than that speaks of a clock that was set and
        begins anew.
        """
        ...

    async def next_due_ms(self) -> int | None:
        """Return when time alone gives `claim` or `reap` something to do, or None when only a change can.

        Tasks that are ready now do not count: they are claimed after a put, a finish or a fail. As the clock may be
        set, ask again at least once a minute.
        """
        ...

    async def get(self, task: TaskId) -> Task:
        """Return a task, or raise NoSuchTask."""
        ...

    async def list(
        self,
        *,
        states: Sequence[TaskState] = (),
        principal: str | None = None,
        chat: tuple[str, str] | None = None,
        limit: int = 100,
    ) -> tuple[Task, ...]:
        """Return tasks, newest first, of any of `states` and of one principal or (channel, chat) when given."""
        ...

    async def counts(self) -> Mapping[TaskState, int]:
        """Return how many tasks are in each state."""
        ...
