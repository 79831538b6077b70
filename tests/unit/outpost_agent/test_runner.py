"""The runner with real workers: chains, answers, failures, cancelling, and what is left on the disk."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from outpost_agent.content import ContentFolder
from outpost_agent.conversation import CONVERSATION_2_SCHEMA, CONVERSATION_SCHEMA, Stored, page_after
from outpost_agent.learned import LearnedFolder
from outpost_agent.ledger import Ledger
from outpost_agent.runner import Runner
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_agent.worker.pool import WorkerPool
from outpost_disk import Database, open_database
from outpost_link import OUTBOX_SCHEMA
from outpost_link.outbox import open_epoch, page
from outpost_sdk.tasks import ENDED, Retry, Task, TaskSpec
from outpost_wire.ids import TaskId, Ulids, encode
from outpost_wire.messages import ResultReady, Results, TaskChanged, decode_event

HANDLERS = {
    f"test.{name}": f"tests.support.handlers:{name}"
    for name in ("first", "last", "refuse", "endless", "broken", "echo", "learn")
}


class Bench:
    """A runner with everything around it but channels."""

    def __init__(self, database: Database, pool: WorkerPool, folder: Path, attempt_s: float) -> None:
        self.database = database
        self.pool = pool
        self.now = 1_000
        self.attempt_s = attempt_s
        self.results: Results = "full"
        self.since: dict[str, Sequence[str]] = {}
        self.new_id = Ulids(lambda: 1, bytes)
        self.changed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def poke(_channel: str | None, _chat: str | None, task: str | None) -> None:
            loop.call_soon_threadsafe(self._changed, task)

        ledger = Ledger(new_id=self.new_id, poke=poke, tells_manager=True)
        self.engine = SqliteEngine(database, apply=ledger.apply, changed=ledger.changed)
        self.content = ContentFolder(folder / "content", limit_bytes=1 << 20, high_water=1.0, new_id=self.new_id)
        self.work = folder / "work"
        self.runner = Runner(
            engine=self.engine,
            pool=pool,
            content=self.content,
            learned=LearnedFolder(folder / "learned"),
            folder=self.work,
            kinds=tuple(HANDLERS),
            limit=2,
            lease_s=30.0,
            attempt_s=self.attempt_s,
            results=lambda: self.results,
            steering=self.steering,
            new_id=self.new_id,
            clock_ms=lambda: self.now,
            progressed=lambda task: self._changed(None),
            ended=lambda task, seconds: None,
        )

    async def steering(self, message: str) -> Sequence[str]:
        return self.since.get(message, ())

    def _changed(self, task: str | None) -> None:
        self.runner.poke(task)
        self.changed.set()

    async def put(
        self,
        *kinds: str,
        data: bytes = b"a\nb\n",
        retry: Retry = Retry(attempts=1),  # noqa: B008
        source: str = "",
    ) -> list[TaskId]:
        async def pieces() -> AsyncIterator[bytes]:
            yield data

        kept = await self.content.keep("in.txt", "text/plain", pieces())
        specs: list[TaskSpec] = []
        for kind in kinds:
            specs.append(
                TaskSpec(
                    id=TaskId(self.new_id()),
                    kind=f"test.{kind}",
                    principal="p",
                    params={"names": ["in.txt"], "source": source},
                    inputs=() if specs else (kept.id,),
                    parents=(specs[-1].id,) if specs else (),
                    retry=retry,
                    title="The task",
                    channel="web",
                    chat="main",
                    message_id="M",
                )
            )
        await self.engine.put(specs, self.now)
        self.runner.poke()
        return [spec.id for spec in specs]

    async def until(self, task: TaskId, is_so: Callable[[Task], bool]) -> Task:
        async with asyncio.timeout(30):
            while not is_so(found := await self.engine.get(task)):
                self.changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), 0.2)
        return found

    async def ended(self, task: TaskId) -> Task:
        return await self.until(task, lambda found: found.state in ENDED)

    async def said(self) -> list[Stored]:
        return await self.database.read(lambda connection: page_after(connection, "web", "main", 0, 10))

    async def told(self) -> list[object]:
        rows = await self.database.read(lambda connection: page(connection, 0, 1 << 20, 100))
        return [decode_event(row.body) for row in rows]


@pytest.fixture
async def bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Bench]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]), prepend=os.pathsep)
    async with (
        open_database(
            tmp_path / "d.sqlite", [CONVERSATION_SCHEMA, TASK_SCHEMA, OUTBOX_SCHEMA, CONVERSATION_2_SCHEMA]
        ) as database,
        WorkerPool(HANDLERS, limit=2) as pool,
    ):

        def open_outbox(connection: sqlite3.Connection) -> str:
            return open_epoch(connection, encode(1))

        await database.write(open_outbox)
        bench = Bench(database, pool, tmp_path, getattr(request, "param", 600.0))
        running = asyncio.create_task(bench.runner.run())
        yield bench
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_chain_ends_in_an_answer_and_a_result(bench: Bench) -> None:
    first, last = await bench.put("first", "last", data=b"one\ntwo\nthree\n")
    assert (await bench.ended(last)).state == "done"
    (answer,) = await bench.said()
    assert (answer.text, answer.reply_to, answer.task_id) == ("**3** lines, 14 bytes", "M", last)
    (attachment,) = answer.attachments
    assert attachment.name == "kept.txt"
    assert bench.content.path(attachment.id).read_bytes() == b"one\ntwo\nthree\n"
    told = await bench.told()
    (result,) = [event for event in told if isinstance(event, ResultReady)]
    assert (result.title, result.report, [plot.name for plot in result.plots]) == ("Counted", answer.text, ["plot.svg"])
    assert result.on_device is not None
    assert result.on_device.bytes == 14
    states = [(event.task.id, event.task.state) for event in told if isinstance(event, TaskChanged)]
    assert states == [
        (first, "ready"),
        (last, "waiting"),
        (first, "running"),
        (first, "done"),
        (last, "ready"),
        (last, "running"),
        (last, "done"),
    ]


async def test_what_a_chain_made_is_cleared_away(bench: Bench) -> None:
    _, last = await bench.put("first", "last")
    await bench.ended(last)
    async with asyncio.timeout(10):
        while any(bench.work.iterdir()):
            await asyncio.sleep(0.01)


async def test_a_refused_input_is_told_once_in_the_askers_words(bench: Bench) -> None:
    first, last = await bench.put("refuse", "last", retry=Retry(attempts=5))
    assert (await bench.ended(first)).failure is not None
    assert (await bench.ended(last)).state == "cancelled"
    (answer,) = await bench.said()
    assert answer.document is not None
    assert "in.txt is not for me." in answer.text
    assert (await bench.engine.get(first)).attempt == 1


async def test_an_unforeseen_failure_is_tried_again_then_told(bench: Bench) -> None:
    (task,) = await bench.put("broken", retry=Retry(attempts=2, base_ms=0, cap_ms=0))
    assert (await bench.ended(task)).attempt == 2
    (answer,) = await bench.said()
    assert "The task failed" in answer.text


async def test_cancelling_ends_the_worker(bench: Bench) -> None:
    (task,) = await bench.put("endless")
    await bench.until(task, lambda found: bench.runner.progress(task) == 0.5)
    (pid,) = bench.pool.pids
    assert await bench.engine.cancel(task, bench.now) == (task,)
    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.01)
    assert (await bench.engine.get(task)).state == "cancelled"
    assert await bench.said() == []


@pytest.mark.parametrize("bench", [0.2], indirect=True)
async def test_an_attempt_that_takes_too_long_ends_with_its_worker(bench: Bench) -> None:
    (task,) = await bench.put("endless", retry=Retry(attempts=3))
    ended = await bench.ended(task)
    assert ended.failure is not None
    assert (ended.failure.code, ended.attempt) == ("attempt_too_long", 1)
    (answer,) = await bench.said()
    assert "took longer" in answer.text
    assert bench.pool.pids == set()


async def test_a_killed_worker_is_replaced(bench: Bench) -> None:
    (task,) = await bench.put("endless", retry=Retry(attempts=2, base_ms=0, cap_ms=0))
    await bench.until(task, lambda found: bench.runner.progress(task) == 0.5)
    (pid,) = bench.pool.pids
    os.kill(pid, signal.SIGKILL)
    again = await bench.until(task, lambda found: found.attempt == 2 and bench.runner.progress(task) == 0.5)
    assert again.state == "running"
    assert bench.pool.pids != {pid}


async def test_an_input_that_is_gone_is_said(bench: Bench) -> None:
    spec = TaskSpec(id=TaskId(bench.new_id()), kind="test.first", principal="p", inputs=("0" * 32,))
    await bench.engine.put([spec], bench.now)
    bench.runner.poke()
    ended = await bench.ended(spec.id)
    assert ended.failure is not None
    assert (ended.failure.code, ended.attempt) == ("inputs_lost", 1)


async def test_sweeping_spares_open_work(bench: Bench) -> None:
    (task,) = await bench.put("endless")
    await bench.until(task, lambda found: bench.runner.progress(task) == 0.5)
    (bench.work / "01ARZ3NDEKTSV4RRFFQ69G5FAV").mkdir()
    assert await bench.runner.sweep() == 1
    assert [path.name for path in bench.work.iterdir()] == [task]


async def test_what_was_made_before_a_step_failed_is_there_for_another_try_within_a_day(bench: Bench) -> None:
    first, last = await bench.put("first", "refuse")
    failed = await bench.ended(last)
    assert failed.state == "failed"
    assert await bench.runner.sweep() == 0
    assert (bench.work / first / "kept.txt").read_bytes() == b"a\nb\n"
    await bench.engine.retry(last, bench.now)
    bench.runner.poke()
    again = await bench.until(last, lambda task: task.state == "failed" and task.epoch > failed.epoch)
    assert again.failure is not None
    assert failed.failure is not None
    assert again.failure.code == failed.failure.code != "inputs_lost"
    bench.now += 24 * 3600 * 1000 + 1
    assert await bench.runner.sweep() == 2
    assert list(bench.work.iterdir()) == []


@pytest.mark.parametrize(("results", "reports"), [("full", 1), ("summary", 1), ("none", 0)])
async def test_as_much_of_a_result_leaves_for_the_manager_as_is_set(
    bench: Bench, results: Results, reports: int
) -> None:
    bench.results = results
    _, last = await bench.put("first", "last")
    assert (await bench.ended(last)).state == "done"
    left = [event for event in await bench.told() if isinstance(event, ResultReady)]
    assert len(left) == reports
    assert all((event.plots == ()) is (results == "summary") for event in left)
    assert [answer.text for answer in await bench.said()] == ["**2** lines, 4 bytes"]


async def test_what_was_said_since_reaches_the_steps_that_begin_from_then_on(bench: Bench) -> None:
    bench.since["M"] = ["only the logins", "of Monday"]
    (task,) = await bench.put("echo")
    ended = await bench.ended(task)
    assert ended.outcome is not None
    assert ended.outcome.data == {"focus": "only the logins\nof Monday"}


async def test_what_was_learned_of_a_source_is_given_to_the_next_task_of_it(bench: Bench) -> None:
    for source in ("app.log", "app.log", "other.log", "app.log"):
        (task,) = await bench.put("learn", source=source)
        await bench.ended(task)
    assert [message.text for message in await bench.said()] == ["0 before", "1 before", "0 before", "2 before"]


async def test_without_a_source_nothing_is_learned(bench: Bench) -> None:
    for _ in range(2):
        (task,) = await bench.put("learn")
        await bench.ended(task)
    assert [message.text for message in await bench.said()] == ["0 before", "0 before"]
