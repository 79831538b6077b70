"""A task engine in memory: the model that the real ones are compared with.

It takes the single rules (may this be tried again, who goes first) from `core`, but not the engine's ways of applying
them: it has no indices and no cascades. After every change it simply looks at all tasks again until nothing moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from outpost_agent.tasks import core
from outpost_agent.tasks.core import Event, Lease
from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import ENDED, PAYLOAD_LIMIT, Effect, Failure, Fenced, NoSuchTask, Refused, Task, TaskSpec
from outpost_wire.ids import TaskId
from outpost_wire.messages import TaskState

STATES: tuple[TaskState, ...] = ("waiting", "ready", "running", "done", "failed", "cancelled")


@dataclass(slots=True)
class _Entry:
    task: Task
    number: int
    rank: int = 0
    due_ms: int | None = None
    pause_ms: int | None = None
    lease_ms: int = 0


@dataclass(slots=True)
class MemoryEngine:
    """A `TaskEngine` that is one dictionary; `apply(effects)` keeps all of them, or none and raises."""

    apply: Callable[[Sequence[Effect]], None]
    _entries: dict[TaskId, _Entry] = field(default_factory=dict)
    _number: int = 0
    _clock: core.SteadyClock = field(default_factory=core.SteadyClock)
    _epochs: core.Epochs = field(default_factory=lambda: core.Epochs(0))
    _life: int = 0

    async def put(self, specs: Sequence[TaskSpec], now_ms: int, effects: Sequence[Effect] = ()) -> tuple[TaskId, ...]:
        before = dict(self._entries)
        try:
            known = self._put_all(core.arrange(specs), now_ms)
            if not specs or len(known) < len(specs):
                self.apply(effects)
        except Exception:
            self._entries = before
            raise
        return tuple(known.get(spec.id, spec.id) for spec in specs)

    async def claim(self, kinds: Sequence[str], limit: int, lease_ms: int, now_ms: int) -> tuple[Task, ...]:
        if not kinds or limit < 1:
            return ()
        epoch = self._epochs.draw()
        ahead_ms = self._clock.at(now_ms) - now_ms
        for entry in self._entries.values():
            if entry.due_ms is not None and entry.due_ms <= now_ms:
                entry.rank = core.rank(entry.task.spec.priority, entry.due_ms + ahead_ms)
                entry.due_ms = entry.pause_ms = None
        queue = [
            entry
            for entry in self._entries.values()
            if entry.task.state == "ready"
            and entry.due_ms is None
            and entry.task.spec.kind in kinds
            and not core.is_late(entry.task.spec, now_ms)
        ]
        chosen = sorted(queue, key=lambda entry: (entry.rank, entry.number))[:limit]
        for entry in chosen:
            ready = entry.task
            entry.lease_ms = lease_ms
            entry.task = replace(
                ready,
                state=core.step(ready.state, Event.CLAIMED),
                attempt=ready.attempt + 1,
                epoch=epoch,
                lease_until_ms=now_ms + lease_ms,
                updated_ms=now_ms,
            )
        return tuple(entry.task for entry in chosen)

    async def heartbeat(self, task: TaskId, epoch: int, lease_ms: int, now_ms: int) -> None:
        entry = self._running(task, epoch)
        entry.lease_ms = lease_ms
        entry.task = replace(entry.task, lease_until_ms=now_ms + lease_ms)

    async def finish(
        self, task: TaskId, epoch: int, outcome: Outcome, effects: Sequence[Effect], now_ms: int
    ) -> tuple[TaskId, ...]:
        entry = self._running(task, epoch)
        self.apply(effects)
        self._move(entry, Event.FINISHED, now_ms)
        entry.task = replace(entry.task, outcome=_round_trip(outcome))
        released = self._settle(now_ms)
        return tuple(each.task.id for each in released if each.task.state == "ready")

    async def fail(
        self, task: TaskId, epoch: int, failure: Failure, now_ms: int, effects: Sequence[Effect] = ()
    ) -> Task:
        entry = self._running(task, epoch)
        pause_ms = core.pause_ms(entry.task.spec, entry.task.attempt)
        if not failure.final and core.may_try_again(entry.task.spec, entry.task.attempt, now_ms + pause_ms):
            self._move(entry, Event.POSTPONED, now_ms, failure)
            entry.due_ms, entry.pause_ms = now_ms + pause_ms, pause_ms
            return entry.task
        self.apply(effects)
        self._move(entry, Event.FAILED, now_ms, failure)
        self._settle(now_ms)
        return entry.task

    async def cancel(self, task: TaskId, now_ms: int, effects: Sequence[Effect] = ()) -> tuple[TaskId, ...]:
        entry = self._find(task)
        self.apply(effects)
        before = {each for each, held in self._entries.items() if held.task.state in ENDED}
        if task in before:
            return ()
        self._move(entry, Event.CANCELLED, now_ms, core.CANCELLED)
        self._settle(now_ms)
        gone = [entry]
        while useless := [each for each in self._parents_of(gone) if self._is_active(each) and not self._serves(each)]:
            self._move(useless[0], Event.CANCELLED, now_ms, core.CANCELLED)
            gone.append(useless[0])
        return tuple(
            each for each, held in self._entries.items() if held.task.state == "cancelled" and each not in before
        )

    async def retry(self, task: TaskId, now_ms: int, effects: Sequence[Effect] = ()) -> Task:
        entry = self._find(task)
        if entry.task.state not in ("failed", "cancelled") or core.is_late(entry.task.spec, now_ms):
            raise Refused(f"task {task} cannot be tried again")
        if self._verdict(entry) is Event.CANCELLED:
            raise Refused(f"task {task} needs its parents")
        self.apply(effects)
        self._revive(entry, now_ms)
        back = {task}
        while dependents := [
            held
            for held in self._entries.values()
            if held.task.state == "cancelled"
            and not back.isdisjoint(held.task.spec.parents)
            and self._verdict(held) is not Event.CANCELLED
        ]:
            for dependent in dependents:
                self._revive(dependent, now_ms)
                back.add(dependent.task.id)
        self._settle(now_ms)
        return entry.task

    async def reap(self, now_ms: int) -> tuple[Task, ...]:
        for entry in self._entries.values():
            if entry.due_ms is not None and entry.pause_ms is not None:
                entry.due_ms = core.judge_pause(entry.due_ms, entry.pause_ms, now_ms)
        failed = []
        for entry in sorted(self._entries.values(), key=lambda each: (each.task.spec.deadline_ms or 0, each.number)):
            if self._is_active(entry) and core.is_late(entry.task.spec, now_ms):
                self._move(entry, Event.EXPIRED, now_ms, core.DEADLINE_PASSED)
                self._settle(now_ms)
                failed.append(entry.task)
        running = [entry for entry in self._entries.values() if entry.task.state == "running"]
        for entry in sorted(running, key=lambda each: each.number):
            verdict = core.judge_lease(entry.task.lease_until_ms or 0, entry.lease_ms, now_ms)
            if verdict is Lease.RENEWED:
                entry.task = replace(entry.task, lease_until_ms=now_ms + entry.lease_ms)
            if verdict is Lease.LOST:
                failed += self._lose(entry, now_ms)
        return tuple(failed)

    async def next_due_ms(self) -> int | None:
        times: list[int | None] = []
        for entry in self._entries.values():
            times += [entry.due_ms, entry.task.lease_until_ms]
            times += [entry.task.spec.deadline_ms] if self._is_active(entry) else []
        return min((time for time in times if time is not None), default=None)

    async def get(self, task: TaskId) -> Task:
        return self._find(task).task

    async def list(
        self,
        *,
        states: Sequence[TaskState] = (),
        principal: str | None = None,
        chat: tuple[str, str] | None = None,
        limit: int = 100,
    ) -> tuple[Task, ...]:
        found = [
            entry.task
            for entry in sorted(self._entries.values(), key=lambda each: -each.number)
            if (not states or entry.task.state in states)
            and principal in (None, entry.task.spec.principal)
            and chat in (None, (entry.task.spec.channel, entry.task.spec.chat))
        ]
        return tuple(found[: max(limit, 0)])

    async def counts(self) -> Mapping[TaskState, int]:
        states = [entry.task.state for entry in self._entries.values()]
        return {state: states.count(state) for state in STATES}

    async def recover(self, now_ms: int) -> tuple[Task, ...]:
        self._life += 1
        self._epochs = core.Epochs(self._life)
        queue = [entry for entry in self._entries.values() if entry.task.state == "ready" and entry.due_ms is None]
        places = [entry.rank + entry.task.spec.priority * core.AGEING_MS for entry in queue]
        self._clock = core.SteadyClock(max(places, default=0))
        running = [entry for entry in self._entries.values() if entry.task.state == "running"]
        return tuple(task for entry in running for task in self._interrupt(entry, now_ms))

    async def prune(self, before_ms: int, keep: int) -> tuple[TaskId, ...]:
        ended = [entry for entry in self._entries.values() if entry.task.state in ENDED]
        ended.sort(key=lambda entry: (entry.task.updated_ms, entry.number), reverse=True)
        candidates = [entry for entry in ended[keep:] if entry.task.updated_ms < before_ms]
        gone: dict[TaskId, None] = {}
        while leaves := [entry.task.id for entry in candidates if entry.task.id not in gone and self._is_leaf(entry)]:
            for leaf in leaves:
                gone[leaf] = None
                del self._entries[leaf]
        return tuple(gone)

    def _put_all(self, specs: Sequence[TaskSpec], now_ms: int) -> dict[TaskId, TaskId]:
        known: dict[TaskId, TaskId] = {}
        for given in specs:
            spec = _packed(replace(given, parents=tuple(known.get(parent, parent) for parent in given.parents)))
            earlier = self._earlier(spec)
            if earlier is not None:
                if replace(spec, id=earlier.id) != earlier:
                    raise Refused(f"task {spec.id} was put as another")
                known[spec.id] = earlier.id
                continue
            if any(parent not in self._entries for parent in spec.parents):
                raise Refused(f"task {spec.id} has an unknown parent")
            self._number += 1
            task = Task(spec=spec, state="waiting", created_ms=now_ms, updated_ms=now_ms)
            self._entries[spec.id] = _Entry(task, self._number)
            self._settle(now_ms)
        return known

    def _earlier(self, spec: TaskSpec) -> TaskSpec | None:
        stored = [entry.task.spec for entry in self._entries.values()]
        by_key = [
            each for each in stored if spec.key is not None and (each.tenant, each.key) == (spec.tenant, spec.key)
        ]
        by_id = [each for each in stored if each.id == spec.id]
        return next(iter(by_key + by_id), None)

    def _settle(self, now_ms: int) -> Sequence[_Entry]:
        """Look at all that waits until nothing moves."""
        moved = []
        while movable := [
            (entry, event)
            for entry in self._entries.values()
            if entry.task.state == "waiting" and (event := self._verdict(entry)) is not None
        ]:
            for entry, event in movable:
                self._move(entry, event, now_ms, self._cause(entry) if event is Event.CANCELLED else None)
                moved.append(entry)
        return moved

    def _verdict(self, entry: _Entry) -> Event | None:
        return core.verdict(entry.task.spec.on_failure, [parent.state for parent in self._parents(entry)])

    def _cause(self, entry: _Entry) -> Failure:
        cause = next(parent for parent in self._parents(entry) if parent.state in ("failed", "cancelled"))
        return core.inherited(cause.state, cause.failure)

    def _parents(self, entry: _Entry) -> Sequence[Task]:
        return [self._entries[parent].task for parent in entry.task.spec.parents]

    def _move(self, entry: _Entry, event: Event, now_ms: int, failure: Failure | None = None) -> None:
        state = core.step(entry.task.state, event)
        entry.task = replace(entry.task, state=state, updated_ms=now_ms, lease_until_ms=None, failure=failure)
        rank = core.rank(entry.task.spec.priority, self._clock.at(now_ms))
        entry.rank = entry.rank if event is Event.CLAIMED else rank
        entry.due_ms = entry.pause_ms = None
        if event is Event.RELEASED and entry.task.spec.not_before_ms > now_ms:
            entry.due_ms = entry.task.spec.not_before_ms

    def _interrupt(self, entry: _Entry, now_ms: int) -> Sequence[Task]:
        if core.is_late(entry.task.spec, now_ms) or not core.is_excused(entry.task):
            return self._lose(entry, now_ms)
        before, rank = entry.task, entry.rank
        self._move(entry, Event.POSTPONED, now_ms)
        entry.rank = rank
        entry.task = replace(entry.task, attempt=before.attempt - 1, interruptions=before.interruptions + 1)
        return ()

    def _lose(self, entry: _Entry, now_ms: int) -> Sequence[Task]:
        if core.is_late(entry.task.spec, now_ms):
            self._move(entry, Event.EXPIRED, now_ms, core.DEADLINE_PASSED)
        elif core.may_try_again(entry.task.spec, entry.task.attempt, now_ms):
            self._move(entry, Event.POSTPONED, now_ms)
            return ()
        else:
            self._move(entry, Event.FAILED, now_ms, core.ATTEMPTS_EXHAUSTED)
        self._settle(now_ms)
        return (entry.task,)

    def _revive(self, entry: _Entry, now_ms: int) -> None:
        self._move(entry, Event.REVIVED, now_ms)
        entry.task = replace(entry.task, attempt=0, interruptions=0)

    def _find(self, task: TaskId) -> _Entry:
        if task not in self._entries:
            raise NoSuchTask(task)
        return self._entries[task]

    def _running(self, task: TaskId, epoch: int) -> _Entry:
        entry = self._entries.get(task)
        if entry is None or entry.task.state != "running" or entry.task.epoch != epoch:
            raise Fenced(f"attempt {epoch} of task {task} is over")
        return entry

    def _is_active(self, entry: _Entry) -> bool:
        return entry.task.state not in ENDED

    def _children(self, entry: _Entry) -> Sequence[_Entry]:
        return [each for each in self._entries.values() if entry.task.id in each.task.spec.parents]

    def _serves(self, entry: _Entry) -> bool:
        return any(self._is_active(child) for child in self._children(entry))

    def _is_leaf(self, entry: _Entry) -> bool:
        return not self._children(entry)

    def _parents_of(self, entries: Sequence[_Entry]) -> Sequence[_Entry]:
        return [self._entries[parent] for entry in entries for parent in entry.task.spec.parents]


def _packed(spec: TaskSpec) -> TaskSpec:
    try:
        packed = msgspec.msgpack.encode(spec)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Refused(f"task {spec.id} cannot be packed") from error
    if len(packed) > PAYLOAD_LIMIT:
        raise Refused(f"task {spec.id} is too large")
    return msgspec.msgpack.decode(packed, type=TaskSpec)


def _round_trip(outcome: Outcome) -> Outcome:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(outcome), type=Outcome)
