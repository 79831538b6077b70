"""The task engine on SQLite.

Each call is one transaction on the database's single writer, so calls never see each other half done. The rules are in
`core`, the tables in `schema`, the SQL in `queries`; here they meet.

**What is on the disk when a call returns.** put, finish, fail, cancel, retry, reap, recover and prune are durable: what
they tell a person must not be taken back. claim and heartbeat are not: they survive the end of the process, but a cut
of power may take back the last of them.
That is safe, because

- SQLite's log keeps the order: whatever was made durable after a claim (its finish above all) made the claim durable,
  so no store ever shows a result without its attempt;
- a task whose claim is lost is ready as it was before, and runs again. The first attempt usually died with the power.
  One that did not, in a worker on another machine, or the files it left, can never be taken for the second, because an
  epoch is never given out twice (`core.Epochs`): the number of this life of the engine was made durable before its
  first claim;
- a lost heartbeat is made up for by the next reap.

What `changed` writes in a claim is no more durable than that; whoever sends it elsewhere makes something durable first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from outpost_agent.tasks import core, queries
from outpost_agent.tasks.core import Event, Lease
from outpost_agent.tasks.queries import Parent, Stored
from outpost_agent.tasks.schema import pack_outcome, pack_spec, unpack_failure, unpack_spec
from outpost_disk import Database
from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import ENDED, Effect, Failure, Fenced, NoSuchTask, Refused, Task, TaskSpec
from outpost_wire.ids import TaskId
from outpost_wire.messages import TaskState

PRUNE_LIMIT = 100
REAP_LIMIT = 100
STATES: tuple[TaskState, ...] = ("waiting", "ready", "running", "done", "failed", "cancelled")

Apply = Callable[[sqlite3.Connection, Effect, int], None]
Changed = Callable[[sqlite3.Connection, Task], None]


class SqliteEngine:
    """A `TaskEngine` on tables that `TASK_SCHEMA` added to a shared database.

    `apply(connection, effect, now_ms)` writes an effect, `changed(connection, task)` is told every task that is new
    or has a new state; both run inside the transaction and undo the whole call by raising.
    """

    def __init__(self, database: Database, *, apply: Apply, changed: Changed) -> None:
        self._database = database
        self._apply = apply
        self._changed = changed
        self._clock: core.SteadyClock | None = None
        self._epochs: core.Epochs | None = None

    async def put(self, specs: Sequence[TaskSpec], now_ms: int, effects: Sequence[Effect] = ()) -> tuple[TaskId, ...]:
        """See TaskEngine."""
        arranged = [(spec, pack_spec(spec)) for spec in core.arrange(specs)]

        def transaction(connection: sqlite3.Connection) -> tuple[TaskId, ...]:
            earlier: dict[TaskId, TaskId] = {}
            for spec, packed in arranged:
                self._put(connection, spec, packed, earlier, now_ms)
            if not specs or len(earlier) < len(specs):
                self._apply_all(connection, effects, now_ms)
            return tuple(earlier.get(spec.id, spec.id) for spec in specs)

        return await self._database.write(transaction)

    async def claim(self, kinds: Sequence[str], limit: int, lease_ms: int, now_ms: int) -> tuple[Task, ...]:
        """See TaskEngine."""
        wanted = tuple(dict.fromkeys(kinds))
        if not wanted or limit < 1:
            return ()
        epoch = (self._epochs or await self._begin_life()).draw()

        def transaction(connection: sqlite3.Connection) -> tuple[Task, ...]:
            queries.queue_what_is_due(connection, self._steady(connection, now_ms) - now_ms, now_ms)
            chosen = queries.first_in_queues(connection, wanted, now_ms, limit)
            until_ms = now_ms + lease_ms
            return tuple(
                self._start(connection, seq, _claimed(task, epoch, until_ms, now_ms), lease_ms) for seq, task in chosen
            )

        return await self._database.write(transaction, durable=False)

    async def heartbeat(self, task: TaskId, epoch: int, lease_ms: int, now_ms: int) -> None:
        """See TaskEngine."""

        def transaction(connection: sqlite3.Connection) -> None:
            seq, _ = _find_running(connection, task, epoch)
            queries.renew(connection, seq, now_ms + lease_ms, lease_ms)

        await self._database.write(transaction, durable=False)

    async def finish(
        self, task: TaskId, epoch: int, outcome: Outcome, effects: Sequence[Effect], now_ms: int
    ) -> tuple[TaskId, ...]:
        """See TaskEngine."""
        packed = pack_outcome(outcome)

        def transaction(connection: sqlite3.Connection) -> tuple[TaskId, ...]:
            seq, current = _find_running(connection, task, epoch)
            done = replace(_after(current, Event.FINISHED, now_ms), outcome=outcome)
            queries.finish(connection, seq, done, packed)
            self._changed(connection, done)
            moved = self._tell_children(connection, seq, now_ms)
            self._apply_all(connection, effects, now_ms)
            return tuple(child.id for child in moved if child.state == "ready")

        return await self._database.write(transaction)

    async def fail(
        self, task: TaskId, epoch: int, failure: Failure, now_ms: int, effects: Sequence[Effect] = ()
    ) -> Task:
        """See TaskEngine."""

        def transaction(connection: sqlite3.Connection) -> Task:
            seq, current = _find_running(connection, task, epoch)
            pause_ms = core.pause_ms(current.spec, current.attempt)
            due_ms = now_ms + pause_ms
            if not failure.final and core.may_try_again(current.spec, current.attempt, due_ms):
                postponed = _after(current, Event.POSTPONED, now_ms, failure)
                return self._save(connection, seq, postponed, due_ms=due_ms, pause_ms=pause_ms)
            failed = self._end(connection, seq, _after(current, Event.FAILED, now_ms, failure))
            self._apply_all(connection, effects, now_ms)
            return failed

        return await self._database.write(transaction)

    async def cancel(self, task: TaskId, now_ms: int, effects: Sequence[Effect] = ()) -> tuple[TaskId, ...]:
        """See TaskEngine."""

        def transaction(connection: sqlite3.Connection) -> tuple[TaskId, ...]:
            cancelled = []
            found = _find(connection, task)
            useless = [] if found[1].state in ENDED else [found]
            while useless:
                seq, current = useless.pop()
                cancelled.append(self._save(connection, seq, _after(current, Event.CANCELLED, now_ms, core.CANCELLED)))
                moved = self._tell_children(connection, seq, now_ms)
                cancelled += [child for child in moved if child.state == "cancelled"]
                useless += queries.parents_of_no_use(connection, seq)
            self._apply_all(connection, effects, now_ms)
            return tuple(each.id for each in cancelled)

        return await self._database.write(transaction)

    async def retry(self, task: TaskId, now_ms: int, effects: Sequence[Effect] = ()) -> Task:
        """See TaskEngine."""

        def transaction(connection: sqlite3.Connection) -> Task:
            seq, current = _find(connection, task)
            if current.state not in ("failed", "cancelled"):
                raise Refused(f"task {task} is {current.state}; only a failed or cancelled one can be tried again")
            if core.is_late(current.spec, now_ms):
                raise Refused(f"task {task} had a deadline, which has passed; put a new one")
            revived = self._revive(connection, seq, current, now_ms)
            if revived is None:
                raise Refused(f"task {task} needs a step before it that did not succeed; retry that one")
            back = [seq]
            while back:
                for child, dependent in queries.children(connection, back.pop(), "cancelled"):
                    if self._revive(connection, child, dependent, now_ms) is not None:
                        back.append(child)
            self._apply_all(connection, effects, now_ms)
            return revived

        return await self._database.write(transaction)

    async def reap(self, now_ms: int) -> tuple[Task, ...]:
        """See TaskEngine. Deals with at most REAP_LIMIT deadlines; `next_due_ms` tells when there are more."""
        if not await self._database.read(lambda connection: _is_to_reap(connection, now_ms)):
            return ()

        def transaction(connection: sqlite3.Connection) -> tuple[Task, ...]:
            for seq, due_ms, length_ms in queries.pauses(connection):
                ends_ms = core.judge_pause(due_ms, length_ms, now_ms)
                if ends_ms != due_ms:
                    queries.end_pause_at(connection, seq, ends_ms)
            late = queries.late(connection, now_ms, REAP_LIMIT)
            failed = [task for seq in late for task in self._expire(connection, seq, now_ms)]
            for seq, until_ms, length_ms in queries.leases(connection):
                match core.judge_lease(until_ms, length_ms, now_ms):
                    case Lease.RENEWED:
                        queries.renew(connection, seq, now_ms + length_ms, length_ms)
                    case Lease.LOST:
                        failed += self._lose(connection, seq, now_ms)
                    case Lease.HELD:
                        pass
            return tuple(failed)

        return await self._database.write(transaction)

    async def next_due_ms(self) -> int | None:
        """See TaskEngine."""
        return await self._database.read(queries.next_due_ms)

    async def get(self, task: TaskId) -> Task:
        """See TaskEngine."""
        _, found = await self._database.read(lambda connection: _find(connection, task))
        return found

    async def list(
        self,
        *,
        states: Sequence[TaskState] = (),
        principal: str | None = None,
        chat: tuple[str, str] | None = None,
        limit: int = 100,
    ) -> tuple[Task, ...]:
        """See TaskEngine."""
        wanted = tuple(dict.fromkeys(states)) or STATES
        if limit < 1:
            return ()
        return tuple(await self._database.read(lambda c: queries.newest(c, wanted, principal, chat, limit)))

    async def heads(
        self, *, principal: str | None = None, before: TaskId | None = None, limit: int = 100
    ) -> tuple[Task, ...]:
        """Return the last tasks of chains, newest first: of one principal when given, older than `before` when given.

        Raises NoSuchTask when `before` is none of them.
        """
        found = await self._database.read(lambda c: queries.heads(c, principal, before, limit))
        if found is None:
            raise NoSuchTask(before or "")
        return tuple(found)

    async def counts(self) -> Mapping[TaskState, int]:
        """See TaskEngine."""
        return dict.fromkeys(STATES, 0) | await self._database.read(queries.counts)

    async def recover(self, now_ms: int) -> tuple[Task, ...]:
        """Begin a new life of the engine: what was running is ready again where it stood, or fails if it may not be.

        Being interrupted costs a task none of its attempts, up to INTERRUPTIONS_LIMIT times. To be called once, before
        the first claim. Returns the tasks that failed for good.
        """
        await self._begin_life()

        def transaction(connection: sqlite3.Connection) -> tuple[Task, ...]:
            self._clock = None
            interrupted = queries.leases(connection)
            return tuple(failed for seq, _, _ in interrupted for failed in self._interrupt(connection, seq, now_ms))

        return await self._database.write(transaction)

    async def prune(self, before_ms: int, keep: int) -> tuple[TaskId, ...]:
        """Forget tasks that ended before `before_ms`, but not the `keep` that ended last.

        A task stays as long as one that depends on it does. Returns the ids of those forgotten, at most PRUNE_LIMIT;
        their keys are free again.
        """
        return tuple(await self._database.write(lambda c: queries.prune(c, before_ms, keep, PRUNE_LIMIT)))

    async def _begin_life(self) -> core.Epochs:
        epochs = core.Epochs(await self._database.write(queries.next_life))
        self._epochs = epochs
        return epochs

    def _steady(self, connection: sqlite3.Connection, now_ms: int) -> int:
        if self._clock is None:
            self._clock = core.SteadyClock(queries.latest_ready_ms(connection))
        return self._clock.at(now_ms)

    def _apply_all(self, connection: sqlite3.Connection, effects: Sequence[Effect], now_ms: int) -> None:
        for effect in effects:
            self._apply(connection, effect, now_ms)

    def _put(
        self, connection: sqlite3.Connection, spec: TaskSpec, packed: bytes, earlier: dict[TaskId, TaskId], now_ms: int
    ) -> None:
        """Put one task whose parents are there, or note in `earlier` as which it was put before."""
        if not earlier.keys().isdisjoint(spec.parents):
            spec = replace(spec, parents=tuple(earlier.get(parent, parent) for parent in spec.parents))
            packed = pack_spec(spec)
        if not self._insert(connection, spec, packed, now_ms):
            earlier[spec.id] = _known(connection, spec, packed)

    def _insert(self, connection: sqlite3.Connection, spec: TaskSpec, packed: bytes, now_ms: int) -> bool:
        parents = [_parent(connection, spec, parent) for parent in spec.parents]
        task = _settled(Task(spec=spec, state="waiting", created_ms=now_ms, updated_ms=now_ms), parents, now_ms)
        rank = core.rank(spec.priority, self._steady(connection, now_ms))
        seq = queries.insert(connection, task, packed, rank, _not_before(task, now_ms))
        if seq is None:
            return False
        if parents:
            queries.depend(connection, seq, [parent for parent, _, _ in parents])
        self._changed(connection, task)
        return True

    def _start(self, connection: sqlite3.Connection, seq: int, task: Task, lease_ms: int) -> Task:
        queries.start(connection, seq, task, lease_ms)
        self._changed(connection, task)
        return task

    def _save(
        self,
        connection: sqlite3.Connection,
        seq: int,
        task: Task,
        *,
        due_ms: int | None = None,
        pause_ms: int | None = None,
        keeps_place: bool = False,
    ) -> Task:
        rank = core.rank(task.spec.priority, self._steady(connection, task.updated_ms))
        if keeps_place:
            rank = queries.rank_of(connection, seq)
        queries.save(connection, seq, task, rank=rank, due_ms=due_ms, pause_ms=pause_ms)
        self._changed(connection, task)
        return task

    def _end(self, connection: sqlite3.Connection, seq: int, task: Task) -> Task:
        self._save(connection, seq, task)
        self._tell_children(connection, seq, task.updated_ms)
        return task

    def _expire(self, connection: sqlite3.Connection, seq: int, now_ms: int) -> Iterator[Task]:
        task = queries.load(connection, seq)
        if task.state not in ENDED:
            yield self._end(connection, seq, _after(task, Event.EXPIRED, now_ms, core.DEADLINE_PASSED))

    def _interrupt(self, connection: sqlite3.Connection, seq: int, now_ms: int) -> Iterator[Task]:
        task = queries.load(connection, seq)
        if core.is_late(task.spec, now_ms) or not core.is_excused(task):
            yield from self._lose(connection, seq, now_ms)
            return
        ready = _after(task, Event.POSTPONED, now_ms)
        again = replace(ready, attempt=task.attempt - 1, interruptions=task.interruptions + 1)
        self._save(connection, seq, again, keeps_place=True)

    def _lose(self, connection: sqlite3.Connection, seq: int, now_ms: int) -> Iterator[Task]:
        task = queries.load(connection, seq)
        if core.is_late(task.spec, now_ms):
            yield from self._expire(connection, seq, now_ms)
        elif core.may_try_again(task.spec, task.attempt, now_ms):
            self._save(connection, seq, _after(task, Event.POSTPONED, now_ms))
        else:
            yield self._end(connection, seq, _after(task, Event.FAILED, now_ms, core.ATTEMPTS_EXHAUSTED))

    def _tell_children(self, connection: sqlite3.Connection, ended: int, now_ms: int) -> Sequence[Task]:
        """Settle all that wait for the task at `ended`, or for what is cancelled by that; return what moved."""
        moved = []
        untold = [ended]
        while untold:
            for seq, child in queries.children(connection, untold.pop(), "waiting"):
                settled = _settled(child, queries.parents(connection, seq, child.spec), now_ms)
                if settled.state != "waiting":
                    moved.append(self._save(connection, seq, settled, due_ms=_not_before(settled, now_ms)))
                if settled.state == "cancelled":
                    untold.append(seq)
        return moved

    def _revive(self, connection: sqlite3.Connection, seq: int, task: Task, now_ms: int) -> Task | None:
        """Bring an ended task back, or return None when its parents forbid it."""
        fresh = replace(_after(task, Event.REVIVED, now_ms), attempt=0, interruptions=0)
        settled = _settled(fresh, queries.parents(connection, seq, task.spec), now_ms)
        if settled.state == "cancelled":
            return None
        return self._save(connection, seq, settled, due_ms=_not_before(settled, now_ms))


def _is_to_reap(connection: sqlite3.Connection, now_ms: int) -> bool:
    return (
        any(core.judge_pause(due, length, now_ms) != due for _, due, length in queries.pauses(connection))
        or any(
            core.judge_lease(until, length, now_ms) is not Lease.HELD for _, until, length in queries.leases(connection)
        )
        or bool(queries.late(connection, now_ms, 1))
    )


def _find(connection: sqlite3.Connection, task: TaskId) -> Stored:
    found = queries.find(connection, task)
    if found is None:
        raise NoSuchTask(task)
    return found


def _find_running(connection: sqlite3.Connection, task: TaskId, epoch: int) -> Stored:
    found = queries.find(connection, task)
    if found is None or found[1].state != "running" or found[1].epoch != epoch:
        raise Fenced(f"attempt {epoch} of task {task} is over: it was superseded, cancelled or has ended")
    return found


def _after(task: Task, event: Event, now_ms: int, failure: Failure | None = None) -> Task:
    state = core.step(task.state, event)
    return replace(task, state=state, updated_ms=now_ms, lease_until_ms=None, failure=failure)


def _claimed(ready: Task, epoch: int, until_ms: int, now_ms: int) -> Task:
    task = _after(ready, Event.CLAIMED, now_ms, ready.failure)
    return replace(task, attempt=ready.attempt + 1, epoch=epoch, lease_until_ms=until_ms)


def _settled(waiting: Task, parents: Sequence[Parent], now_ms: int) -> Task:
    event = core.verdict(waiting.spec.on_failure, [state for _, state, _ in parents])
    if event is None:
        return waiting
    if event is not Event.CANCELLED:
        return _after(waiting, event, now_ms)
    state, packed = next((state, packed) for _, state, packed in parents if state in ("failed", "cancelled"))
    return _after(waiting, event, now_ms, core.inherited(state, unpack_failure(packed)))


def _not_before(task: Task, now_ms: int) -> int | None:
    return task.spec.not_before_ms if task.state == "ready" and task.spec.not_before_ms > now_ms else None


def _known(connection: sqlite3.Connection, spec: TaskSpec, packed: bytes) -> TaskId:
    """Return the task that holds the key or the id of `spec`; raises Refused when that is another task."""
    known, stored = queries.known(connection, spec)
    if replace(unpack_spec(packed), id=known) != unpack_spec(stored):
        name = f"id {spec.id}" if known == spec.id else f"key {spec.key!r}"
        raise Refused(f"task {spec.id}: its {name} was used for another task")
    return known


def _parent(connection: sqlite3.Connection, spec: TaskSpec, parent: TaskId) -> Parent:
    found = queries.parent(connection, parent)
    if found is None:
        raise Refused(f"task {spec.id}: its parent {parent} is not known")
    return found
