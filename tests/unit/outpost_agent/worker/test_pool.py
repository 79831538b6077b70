"""Jobs in real worker processes: what comes back, what is refused, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from outpost_agent.worker.pool import JobDescription, JobFailed, ParentFolder, WorkerPool

HERE = "tests.unit.outpost_agent.worker.handlers"
HANDLERS = {
    name: f"{HERE}:{name}"
    for name in (
        "copy",
        "follow",
        "count",
        "refuse",
        "break_down",
        "answer_nothing",
        "claim_files",
        "escape",
        "swallow_memory",
        "wait_for_ever",
        "compute_for_ever",
        "vanish",
        "tell_descriptors",
        "big",
    )
} | {"no_module": "outpost_agent.absent:handle", "no_function": f"{HERE}:absent"}
MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def handlers_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[4]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    before = open_descriptors()
    async with WorkerPool(HANDLERS, memory_limit=128 * MIB) as pool:
        yield pool
    assert not any(is_alive(pid) for pid in pool.pids)
    assert open_descriptors() == before


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "task").mkdir()
    return tmp_path / "task"


async def test_a_job_reads_its_input_and_leaves_its_files(pool: WorkerPool, folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "content-0001"
    log.write_bytes(b"one two three")
    job = JobDescription(kind="copy", folder=folder, params={"depth": 4}, language="zh", inputs=(("my log.txt", log),))

    outcome = await pool.run(job)

    assert outcome.title == "my log.txt"
    assert {**outcome.data, "pid": 0} == {"language": "zh", "params": {"depth": 4}, "size": 13, "pid": 0}
    assert [(file.name, file.attach) for file in outcome.files] == [("copy.txt", True)]
    assert (folder / "copy.txt").read_bytes() == b"oneone two three two three"


async def test_a_job_reads_what_its_parent_left(pool: WorkerPool, folder: Path, tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    (parent / "copy.txt").write_text("made before")
    job = JobDescription(kind="follow", folder=folder, parents=(ParentFolder("copy", {"lines": 3}, parent),))

    outcome = await pool.run(job)

    assert outcome.data == {"read": "made before", "parent": {"lines": 3}}


async def test_a_worker_is_used_again(pool: WorkerPool, folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"line")
    job = JobDescription(kind="copy", folder=folder, inputs=(("log", log),))

    pids = {(await pool.run(job)).data["pid"] for _ in range(3)}

    assert len(pids) == 1


async def test_progress_is_told_now_and_then(pool: WorkerPool, folder: Path) -> None:
    told: list[float] = []

    await pool.run(JobDescription(kind="count", folder=folder), told.append)

    assert 1 <= len(told) < 50
    assert told == sorted(told)
    assert all(0 <= done <= 1 for done in told)


async def test_an_outcome_longer_than_a_frame_arrives(pool: WorkerPool, folder: Path) -> None:
    outcome = await pool.run(JobDescription(kind="big", folder=folder, params={"size": 10 * MIB}))

    assert len(outcome.report) == 10 * MIB


@pytest.mark.parametrize(
    ("kind", "params", "code", "final", "sentence"),
    [
        ("refuse", {}, "bad_input", True, "This file is empty."),
        ("break_down", {}, "handler_failed", False, "the handler failed with ValueError"),
        ("answer_nothing", {}, "handler_failed", False, "the handler failed with BadOutcome"),
        ("claim_files", {}, "handler_failed", False, "the handler failed with BadName"),
        ("escape", {"name": "../up"}, "handler_failed", False, "the handler failed with BadName"),
        ("escape", {"name": "/tmp/up"}, "handler_failed", False, "the handler failed with BadName"),
        ("escape", {"name": ".."}, "handler_failed", False, "the handler failed with BadName"),
        ("escape", {"name": ".hidden"}, "handler_failed", False, "the handler failed with BadName"),
        ("escape", {"name": ""}, "handler_failed", False, "the handler failed with BadName"),
        ("no_module", {}, "handler_failed", False, "the handler failed with ModuleNotFoundError"),
        ("no_function", {}, "handler_failed", False, "the handler failed with AttributeError"),
        ("unknown", {}, "handler_missing", True, "this device has no handler for tasks of kind 'unknown'"),
        (
            "swallow_memory",
            {},
            "out_of_memory",
            False,
            "this needs more memory than a task may use here",
        ),
        ("vanish", {}, "worker_died", False, "the process that worked on this ended unexpectedly"),
    ],
)
async def test_a_failure_says_what_happened_and_the_next_job_runs(  # the columns of the table
    pool: WorkerPool, folder: Path, kind: str, params: Mapping[str, Any], code: str, final: bool, sentence: str
) -> None:
    with pytest.raises(JobFailed) as caught:
        await pool.run(JobDescription(kind=kind, folder=folder, params=params))

    failure = caught.value.failure
    assert (failure.code, failure.final, failure.en) == (code, final, sentence)
    assert failure.zh
    assert "secret" not in failure.en + failure.zh
    assert (await pool.run(JobDescription(kind="count", folder=folder))).data == {}


async def test_a_link_in_the_folder_is_not_followed(pool: WorkerPool, folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (folder / "out").symlink_to(victim)

    with pytest.raises(JobFailed):
        await pool.run(JobDescription(kind="escape", folder=folder, params={"name": "out"}))

    assert victim.read_text() == "kept"


async def test_a_missing_input_is_final(pool: WorkerPool, folder: Path, tmp_path: Path) -> None:
    job = JobDescription(kind="copy", folder=folder, inputs=(("log", tmp_path / "absent"),))

    with pytest.raises(JobFailed) as caught:
        await pool.run(job)

    assert (caught.value.failure.code, caught.value.failure.final) == ("input_missing", True)


@pytest.mark.parametrize("kind", ["wait_for_ever", "compute_for_ever"])
async def test_cancelling_kills_the_worker(pool: WorkerPool, folder: Path, kind: str) -> None:
    running, pid = await begin(pool, folder, kind)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not is_alive(pid)
    assert pool.pids == frozenset()


async def test_a_killed_worker_fails_its_job_only(pool: WorkerPool, folder: Path) -> None:
    running, pid = await begin(pool, folder, "wait_for_ever")

    os.kill(pid, signal.SIGKILL)
    with pytest.raises(JobFailed) as caught:
        await running

    assert (caught.value.failure.code, caught.value.failure.final) == ("worker_died", False)
    assert not is_alive(pid)
    assert (await pool.run(JobDescription(kind="count", folder=folder))).data == {}


async def test_closing_ends_jobs_under_way(pool: WorkerPool, folder: Path) -> None:
    running, pid = await begin(pool, folder, "wait_for_ever")

    await pool.close()

    with pytest.raises(JobFailed) as caught:
        await running
    assert caught.value.failure.code == "worker_died"
    assert not is_alive(pid)


async def test_no_more_workers_than_the_limit(folder: Path) -> None:
    async with WorkerPool(HANDLERS, limit=2) as pool:
        jobs = [asyncio.create_task(pool.run(JobDescription(kind="count", folder=folder))) for _ in range(6)]
        await asyncio.gather(*jobs)
        assert len(pool.pids) == 2


async def test_an_idle_worker_ends_and_is_replaced(folder: Path) -> None:
    async with WorkerPool(HANDLERS, idle_s=0.2) as pool:
        await pool.run(JobDescription(kind="count", folder=folder))
        (pid,) = pool.pids
        await has_ended(pid)
        await pool.run(JobDescription(kind="count", folder=folder))
        assert pid not in pool.pids
        assert not is_alive(pid)


async def test_a_worker_inherits_nothing_of_the_daemon(
    pool: WorkerPool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTPOST_SECRET", "x")
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    try:
        seen = (await pool.run(JobDescription(kind="tell_descriptors", folder=folder))).data
    finally:
        os.close(reader)
        os.close(writer)

    own = {"0": "/dev/null"}
    assert {number: where for number, where in seen["descriptors"].items() if number == "0"} == own
    assert not any(where.startswith("pipe:") for number, where in seen["descriptors"].items() if int(number) > 2)
    assert sum(where.startswith("socket:") for where in seen["descriptors"].values()) <= 1
    assert "OUTPOST_SECRET" not in seen["environment"]
    assert seen["core"] == "0"
    assert seen["nice"] >= 10
    assert seen["oom"] >= 500
    assert seen["modules"] == []


async def begin(pool: WorkerPool, folder: Path, kind: str) -> tuple[asyncio.Task[Any], int]:
    is_running = asyncio.Event()
    job = JobDescription(kind=kind, folder=folder)
    running = asyncio.create_task(pool.run(job, lambda _: is_running.set()))
    await is_running.wait()
    (pid,) = pool.pids
    return running, pid


async def has_ended(pid: int) -> None:
    ended = asyncio.Event()
    pidfd = os.pidfd_open(pid)
    asyncio.get_running_loop().add_reader(pidfd, ended.set)
    await ended.wait()
    asyncio.get_running_loop().remove_reader(pidfd)
    os.close(pidfd)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
