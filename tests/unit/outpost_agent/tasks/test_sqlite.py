"""What is the SQLite engine's own: shared transactions, recovery, pruning, faults, and the way SQLite goes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine, queries
from outpost_agent.tasks.core import AGEING_MS, INTERRUPTIONS_LIMIT
from outpost_sdk.handler import Outcome
from outpost_sdk.suites.tasks import BROKEN, FINAL, LEASE, MINUTE, NOW, YEARS, Note, spec
from outpost_sdk.tasks import Effect, Fenced, NoSuchTask, Retry, Task
from outpost_wire.ids import TaskId
from tests.support.inline_database import Cut, InlineDatabase, run

OTHERS = """
CREATE TABLE note (text TEXT NOT NULL);
CREATE TABLE event (task TEXT NOT NULL, state TEXT NOT NULL);
"""

Call = Callable[[SqliteEngine], Coroutine[Any, Any, Any]]


def write_note(connection: sqlite3.Connection, effect: Effect, now_ms: int) -> None:
    assert isinstance(effect, Note)
    connection.execute("INSERT INTO note (text) VALUES (?)", (f"{effect.text} at {now_ms - NOW}",))


def write_event(connection: sqlite3.Connection, task: Task) -> None:
    connection.execute("INSERT INTO event (task, state) VALUES (?, ?)", (task.id, task.state))


@pytest.fixture
def store() -> InlineDatabase:
    return InlineDatabase([TASK_SCHEMA, OTHERS])


@pytest.fixture
def engine(store: InlineDatabase) -> SqliteEngine:
    return open_engine(store)


def open_engine(store: InlineDatabase) -> SqliteEngine:
    return SqliteEngine(store.database, apply=write_note, changed=write_event)


def events(store: InlineDatabase) -> list[tuple[str, str]]:
    found = store.connection.execute("SELECT task, state FROM event ORDER BY rowid").fetchall()
    store.connection.execute("DELETE FROM event")
    return found


def claim(engine: SqliteEngine, now_ms: int = NOW) -> Task:
    (task,) = run(engine.claim(["work"], 1, LEASE, now_ms))
    return task


def test_effects_are_written_in_the_same_transaction_with_the_time(engine: SqliteEngine, store: InlineDatabase) -> None:
    run(engine.put([spec("a")], NOW + 7, [Note("put")]))
    assert store.connection.execute("SELECT text FROM note").fetchall() == [("put at 7",)]


def test_every_new_state_is_told(engine: SqliteEngine, store: InlineDatabase) -> None:
    run(engine.put([spec("a", retry=Retry(attempts=2, base_ms=0)), spec("b", parents=("a",))], NOW))
    assert events(store) == [("a", "ready"), ("b", "waiting")]
    task = claim(engine)
    assert events(store) == [("a", "running")]
    run(engine.heartbeat(task.id, task.epoch, LEASE, NOW))
    assert events(store) == []
    run(engine.fail(task.id, task.epoch, BROKEN, NOW))
    assert events(store) == [("a", "ready")]
    task = claim(engine)
    run(engine.finish(task.id, task.epoch, Outcome(), (), NOW))
    assert events(store) == [("a", "running"), ("a", "done"), ("b", "ready")]
    run(engine.cancel(TaskId("b"), NOW))
    run(engine.retry(TaskId("b"), NOW))
    assert events(store) == [("b", "cancelled"), ("b", "ready")]


def test_a_listener_that_raises_undoes_the_call(store: InlineDatabase) -> None:
    def refuse(_connection: sqlite3.Connection, _task: Task) -> None:
        raise Cut

    before = store.dump()
    with pytest.raises(Cut):
        run(SqliteEngine(store.database, apply=write_note, changed=refuse).put([spec("a")], NOW, [Note("n")]))
    assert store.dump() == before


def family(engine: SqliteEngine) -> None:
    """Put a chain, a fan-in, a delayed task and one with a deadline, and begin the first of them."""
    run(engine.put([spec("a", priority=9, retry=Retry(attempts=1)), spec("b", parents=("a",))], NOW))
    run(engine.put([spec("c", parents=("a", "b")), spec("d", parents=("a",), on_failure="run")], NOW))
    run(engine.put([spec("late", deadline_ms=NOW + 10), spec("early", not_before_ms=NOW + 10)], NOW))
    run(engine.put([spec("child of late", parents=("late",))], NOW))
    claim(engine)


def attempt(engine: SqliteEngine) -> tuple[TaskId, int]:
    task = run(engine.get(TaskId("a")))
    return task.id, task.epoch


async def fail_first(engine: SqliteEngine) -> None:
    await engine.fail(*attempt(engine), FINAL, NOW, [Note("sorry")])


async def finish_first(engine: SqliteEngine) -> None:
    await engine.finish(*attempt(engine), Outcome(report="done"), [Note("one"), Note("two")], NOW)


CALLS: dict[str, Call] = {
    "put": lambda engine: engine.put([spec("y", parents=("x",)), spec("x", key="k")], NOW, [Note("one"), Note("two")]),
    "claim": lambda engine: engine.claim(["work", "other"], 5, LEASE, NOW + 10),
    "heartbeat": lambda engine: engine.heartbeat(*attempt(engine), LEASE, NOW + 5),
    "finish": finish_first,
    "fail": fail_first,
    "cancel": lambda engine: engine.cancel(TaskId("c"), NOW),
    "reap": lambda engine: engine.reap(NOW + LEASE),
    "recover": lambda engine: engine.recover(NOW + LEASE),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_fault_at_any_statement_leaves_all_as_it_was(name: str) -> None:
    """Cut every call at its first statement, its second and so on, until it is through; then it has done all."""
    whole = InlineDatabase([TASK_SCHEMA, OTHERS])
    family(open_engine(whole))
    run(CALLS[name](open_engine(whole)))

    store = InlineDatabase([TASK_SCHEMA, OTHERS])
    family(open_engine(store))
    cuts = 0
    while True:
        before, store.fail_at = facts(store), cuts + 1
        try:
            run(CALLS[name](open_engine(store)))
        except Cut:
            assert facts(store) == before
            cuts += 1
        else:
            break
    assert cuts >= 3
    store.fail_at = None
    assert facts(store) == facts(whole)


def facts(store: InlineDatabase) -> list[str]:
    """Return all that is stored but the engine's lives, which count every start, and the epochs drawn from them."""
    store.connection.execute("SAVEPOINT facts")
    store.connection.execute("UPDATE task SET epoch = epoch & 0xffffffff")
    store.connection.execute("DELETE FROM task_life")
    found = store.dump()
    store.connection.execute("ROLLBACK TO facts")
    store.connection.execute("RELEASE facts")
    return found


def test_retry_and_prune_are_whole_too(engine: SqliteEngine, store: InlineDatabase) -> None:
    family(engine)
    run(fail_first(engine))
    for call in (lambda: engine.retry(TaskId("a"), NOW), lambda: engine.prune(NOW + 1, 0)):
        before = store.dump()
        for cut in range(1, 4):
            store.fail_at = cut
            with pytest.raises(Cut):
                run(call())
            assert store.dump() == before


def test_only_claims_heartbeats_and_reaps_may_be_lost_with_the_power(store: InlineDatabase) -> None:
    lasting = {}
    for name, call in CALLS.items():
        family(open_engine(store))
        engine = open_engine(store)
        run(engine.claim(["nothing"], 1, LEASE, NOW))
        store.durable.clear()
        run(call(engine))
        lasting[name] = store.durable[-1]
        store.connection.executescript("DELETE FROM task; DELETE FROM dependency;")
    assert {name for name, durable in lasting.items() if not durable} == {"claim", "heartbeat"}


def test_recovery_makes_what_was_running_ready_at_once(engine: SqliteEngine, store: InlineDatabase) -> None:
    run(engine.put([spec("a", retry=Retry(attempts=1))], NOW))
    old = claim(engine)
    again = open_engine(store)
    assert run(again.recover(NOW + 1)) == ()
    new = claim(again, NOW + 1)
    assert (new.id, new.attempt, new.interruptions) == ("a", 1, 1)
    with pytest.raises(Fenced):
        run(again.finish(old.id, old.epoch, Outcome(), (), NOW + 1))


def test_what_a_restart_interrupts_keeps_its_place_in_the_queue(engine: SqliteEngine, store: InlineDatabase) -> None:
    run(engine.put([spec("a")], NOW))
    run(engine.put([spec("b")], NOW + 1))
    assert claim(engine, NOW + 2).id == "a"
    again = open_engine(store)
    run(again.recover(NOW + 3))
    assert [task.id for task in run(again.claim(["work"], 2, LEASE, NOW + 4))] == ["a", "b"]


def test_a_task_that_is_interrupted_again_and_again_ends(engine: SqliteEngine, store: InlineDatabase) -> None:
    run(engine.put([spec("a", retry=Retry(attempts=1)), spec("b", parents=("a",))], NOW))
    for _ in range(INTERRUPTIONS_LIMIT):
        claim(engine)
        engine = open_engine(store)
        assert run(engine.recover(NOW)) == ()
    claim(engine)
    engine = open_engine(store)
    (failed,) = run(engine.recover(NOW))
    assert failed.failure is not None
    assert (failed.id, failed.failure.code) == ("a", "attempts_exhausted")
    assert run(engine.counts())["cancelled"] == 1


def test_an_epoch_is_never_given_twice_even_when_a_claim_is_lost(engine: SqliteEngine, store: InlineDatabase) -> None:
    """A cut of power takes back a claim, but not the life that was counted before it."""
    run(engine.put([spec("a")], NOW))
    run(engine.claim(["nothing"], 1, LEASE, NOW))
    durable = store.connection.serialize()
    lost = claim(engine)
    store.connection.deserialize(durable)

    again = open_engine(store)
    task = claim(again)
    assert task.attempt == lost.attempt == 1
    assert task.epoch > lost.epoch
    with pytest.raises(Fenced):
        run(again.finish(lost.id, lost.epoch, Outcome(), (), NOW))


def test_the_order_holds_over_a_restart_with_the_clock_set_back(engine: SqliteEngine, store: InlineDatabase) -> None:
    run(engine.put([spec("old")], NOW))
    again = open_engine(store)
    run(again.put([spec("new")], NOW - YEARS))
    assert claim(again, NOW - YEARS).id == "old"


def test_waiting_counts_from_the_time_a_task_may_begin(engine: SqliteEngine) -> None:
    run(engine.put([spec("delayed", not_before_ms=NOW + 5 * AGEING_MS, priority=5)], NOW))
    run(engine.put([spec("here", priority=1)], NOW))
    claimed = run(engine.claim(["work"], 2, LEASE, NOW + 5 * MINUTE))
    assert [task.id for task in claimed] == ["here", "delayed"]


def test_pruning_takes_the_oldest_and_keeps_the_newest(engine: SqliteEngine) -> None:
    for number in range(6):
        run(engine.put([spec(f"t{number}", key=f"k{number}")], NOW))
        task = claim(engine)
        run(engine.finish(task.id, task.epoch, Outcome(), (), NOW + number))
    assert run(engine.prune(NOW + 4, 3)) == ("t0", "t1", "t2")
    assert run(engine.prune(NOW + 4, 0)) == ("t3",)
    assert run(engine.prune(NOW + 4, 0)) == ()
    with pytest.raises(NoSuchTask):
        run(engine.get(TaskId("t0")))
    assert run(engine.put([spec("again", key="k0")], NOW)) == ("again",)


def test_pruning_spares_what_has_not_ended_and_what_that_needs(engine: SqliteEngine) -> None:
    run(engine.put([spec("a"), spec("b", parents=("a",)), spec("c", parents=("b",))], NOW))
    for _ in range(2):
        task = claim(engine)
        run(engine.finish(task.id, task.epoch, Outcome(), (), NOW))
    assert run(engine.prune(NOW + 1, 0)) == ()
    run(engine.cancel(TaskId("c"), NOW))
    assert run(engine.prune(NOW + 1, 0)) == ("c", "b", "a")


def test_pruning_is_bounded(engine: SqliteEngine) -> None:
    names = [f"t{number:04}" for number in range(250)]
    run(engine.put([spec(name) for name in names], NOW))
    for name in names:
        run(engine.cancel(TaskId(name), NOW))
    assert [len(run(engine.prune(NOW + 1, 0))) for _ in range(4)] == [100, 100, 50, 0]


def test_other_tables_of_the_file_are_left_alone(store: InlineDatabase, engine: SqliteEngine) -> None:
    store.connection.execute("INSERT INTO note (text) VALUES ('mine')")
    family(engine)
    run(engine.cancel(TaskId("c"), NOW))
    assert store.connection.execute("SELECT text FROM note").fetchall() == [("mine",)]


PLANS = {
    "claim": (queries._first_in(2), 5, {"task_queue"}),
    "children": (queries._children("waiting"), 1, {"dependency_parent", "PRIMARY KEY"}),
    "parents of no use": (queries._PARENTS_OF_NO_USE, 1, {"dependency_parent", "PRIMARY KEY"}),
    "next due": (queries._NEXT_DUE, 0, {"task_due", "task_state", "task_deadline"}),
    "counts": (queries._COUNTS, 0, {"task_state"}),
    "last to go": (queries._LAST_TO_GO, 1, {"task_ended"}),
    "oldest to go": (queries._OLDEST_TO_GO, 3, {"task_ended", "dependency_parent"}),
    "next to go": (queries._NEXT_TO_GO, 3, {"PRIMARY KEY", "dependency_parent"}),
}


@pytest.mark.parametrize("name", PLANS)
def test_no_statement_walks_through_all_tasks(store: InlineDatabase, name: str) -> None:
    statement, values, expected = PLANS[name]
    plan = [row[3] for row in store.connection.execute(f"EXPLAIN QUERY PLAN {statement}", [0] * values)]
    assert not [line for line in plan if line in ("SCAN task", "SCAN dependency") or "TEMP B-TREE" in line]
    assert {name for name in expected if any(name in line for line in plan)} == expected
