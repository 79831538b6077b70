"""The SQLite engine against the model in memory: the same operations, the same answers, the same state."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import Failure, Retry, TaskSpec
from outpost_wire.errors import OutpostError
from outpost_wire.ids import TaskId
from tests.support.inline_database import InlineDatabase, run
from tests.support.memory_engine import MemoryEngine

YEARS = 10 * 365 * 24 * 3_600_000
KINDS = ("one", "two")
BACK = st.integers(1, 6)
SELDOM_TIMES = st.sampled_from([None, None, None, 0, 1, 600, 5_000])
DRAFTS = st.builds(
    TaskSpec,
    id=st.just(TaskId("draft")),
    kind=st.sampled_from(KINDS),
    principal=st.sampled_from(["ann", "bob"]),
    key=st.sampled_from([None, None, None, None, "k1", "k2"]),
    priority=st.integers(0, 9),
    retry=st.builds(Retry, attempts=st.integers(1, 3), base_ms=st.sampled_from([0, 1_000])),
    on_failure=st.sampled_from(["cancel", "cancel", "run"]),
    channel=st.just("web"),
    chat=st.sampled_from(["1", "2"]),
)

Engine = SqliteEngine | MemoryEngine


class Machine(RuleBasedStateMachine):
    """Drives both engines and holds their answers side by side."""

    attempts: Bundle[tuple[TaskId, int]] = Bundle("attempts")

    @initialize()
    def begin(self) -> None:
        self.now = 1_800_000_000_000
        self.put_so_far = 0
        self.puts: list[list[TaskSpec]] = []
        self.store = InlineDatabase([TASK_SCHEMA])
        self.sqlite = self.engine()
        self.memory = MemoryEngine(lambda effects: None)
        self.both(lambda engine: engine.recover(self.now))

    def engine(self) -> SqliteEngine:
        return SqliteEngine(self.store.database, apply=lambda *_: None, changed=lambda *_: None)

    def both(
        self,
        operation: Callable[[Engine], Coroutine[Any, Any, Any]],
        compared: Callable[[Any], Any] = lambda answer: answer,
    ) -> Any:
        async def answer(engine: Engine) -> tuple[type[OutpostError] | None, Any]:
            try:
                return None, await operation(engine)
            except OutpostError as error:
                return type(error), ()

        real, value = run(answer(self.sqlite))
        model, expected = run(answer(self.memory))
        assert real is model
        assert compared(value) == compared(expected)
        return value

    @rule(
        drafts=st.lists(DRAFTS, min_size=1, max_size=4),
        parents=st.lists(st.lists(st.integers(1, 3), max_size=2, unique=True), min_size=4, max_size=4),
        not_before=SELDOM_TIMES,
        deadline=SELDOM_TIMES,
        backwards=st.booleans(),
    )
    def put(
        self,
        drafts: Sequence[TaskSpec],
        parents: Sequence[Sequence[int]],
        not_before: int | None,
        deadline: int | None,
        backwards: bool,
    ) -> None:
        """Put tasks with new ids; `parents` says how far back each parent was put."""
        ids = [task.id for task in run(self.memory.list(limit=1_000))][::-1]
        specs = []
        for draft, above in zip(drafts, parents, strict=False):
            self.put_so_far += 1
            ids.append(TaskId(f"task {self.put_so_far}"))
            spec = replace(
                draft,
                id=ids[-1],
                parents=tuple(ids[-1 - back] for back in above if back < len(ids)),
                not_before_ms=0 if not_before is None else self.now + not_before,
                deadline_ms=None if deadline is None else self.now + deadline,
            )
            specs.append(spec)
        self.puts.append(specs)
        self.both(lambda engine: engine.put(specs[::-1] if backwards else specs, self.now))

    @rule(back=st.integers(1, 3), change=st.booleans())
    def put_again(self, back: int, change: bool) -> None:
        specs = self.puts[-back] if back <= len(self.puts) else []
        again = [replace(spec, title="changed" if change else spec.title) for spec in specs]
        self.both(lambda engine: engine.put(again, self.now))

    @rule(target=attempts, kinds=st.lists(st.sampled_from(KINDS), max_size=2), limit=st.integers(1, 4))
    def claim(self, kinds: list[str], limit: int) -> Any:
        claimed = self.both(lambda engine: engine.claim(kinds or KINDS, limit, 30_000, self.now))
        return multiple(*((task.id, task.epoch) for task in claimed))

    @rule(attempt=attempts)
    def heartbeat(self, attempt: tuple[TaskId, int]) -> None:
        self.both(lambda engine: engine.heartbeat(*attempt, 20_000, self.now))

    @rule(attempt=attempts, lines=st.integers(0, 3))
    def finish(self, attempt: tuple[TaskId, int], lines: int) -> None:
        outcome = Outcome(data={"lines": lines}, title="Lines")
        self.both(lambda engine: engine.finish(*attempt, outcome, (), self.now))

    @rule(attempt=attempts, final=st.booleans())
    def fail(self, attempt: tuple[TaskId, int], final: bool) -> None:
        failure = Failure(code="broken", en="Broken.", zh="坏了。", final=final)
        self.both(lambda engine: engine.fail(*attempt, failure, self.now))

    @rule(back=BACK)
    def cancel(self, back: int) -> None:
        self.both(lambda engine: engine.cancel(self.task(back), self.now), set)

    @rule(back=BACK)
    def retry(self, back: int) -> None:
        self.both(lambda engine: engine.retry(self.task(back), self.now))

    def task(self, back: int) -> TaskId:
        return TaskId(f"task {self.put_so_far - back + 1}")

    @rule()
    def reap(self) -> None:
        self.both(lambda engine: engine.reap(self.now))

    @rule()
    def restart(self) -> None:
        self.sqlite = self.engine()
        self.both(lambda engine: engine.recover(self.now))

    @rule(age=st.sampled_from([0, 1_000]), keep=st.integers(0, 5))
    def prune(self, age: int, keep: int) -> None:
        self.both(lambda engine: engine.prune(self.now - age + 1, keep), set)

    @rule(step=st.sampled_from([1, 500, 1_000, 1_000, 20_000, 40_000, 200_000, 3_600_000, -1_000, -YEARS, YEARS]))
    def time_passes(self, step: int) -> None:
        self.now = max(self.now + step, 10**11)

    @invariant()
    def the_states_are_the_same(self) -> None:
        self.both(lambda engine: engine.list(limit=1_000))
        self.both(lambda engine: engine.counts())
        self.both(lambda engine: engine.next_due_ms())

    @invariant()
    def the_filters_find_the_same(self) -> None:
        self.both(lambda engine: engine.list(principal="ann", states=["done", "ready"], limit=3))
        self.both(lambda engine: engine.list(chat=("web", "1"), limit=3))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_engine_and_the_model_agree() -> None:
    is_long = os.environ.get("OUTPOST_LONG") == "1"
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=2_000 if is_long else 100,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
