"""The daemon's side of workers: a job goes to a process, and whatever becomes of that is an outcome or a Failure.

A job that is cancelled, or whose worker is of no use any more, costs that worker its life; the next job gets a new one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from outpost_agent.local.answer import Answer
from outpost_agent.local.async_client import AsyncLocalClient
from outpost_agent.local.descriptors import close_all
from outpost_agent.local.errors import CallFailed, ConnectionLost
from outpost_agent.worker import orders
from outpost_agent.worker.child import Child, WorkerNotStarted, WorkerSettings, start_child
from outpost_agent.worker.orders import Order
from outpost_sdk.handler import Input, Language, Outcome
from outpost_sdk.tasks import Failure
from outpost_wire.errors import BadMessage, OutpostError
from outpost_wire.frames import Fault

START_ATTEMPTS = 3
_FINAL = frozenset({orders.BAD_INPUT, orders.HANDLER_MISSING})
_DIED = Failure(orders.WORKER_DIED, "the process that worked on this ended unexpectedly", "处理任务的进程意外结束")

_MISSING = Failure("input_missing", "a file that this task needs is gone", "任务所需的文件已不存在", final=True)


class JobFailed(OutpostError):
    """A job ended without an outcome; `failure` says why, for the task engine."""

    code = "job_failed"

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.en)
        self.zh = failure.zh
        self.failure = failure


@dataclass(frozen=True, slots=True)
class ParentFolder:
    """A parent task of a job: what its outcome handed on, and where its files lie."""

    kind: str
    data: Mapping[str, Any]
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDescription:
    """One attempt of one task: what its handler gets. `inputs` are (name for people, file); `folder` exists."""

    kind: str
    folder: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    language: Language = "en"
    inputs: tuple[tuple[str, Path], ...] = ()
    parents: tuple[ParentFolder, ...] = ()


class WorkerPool:
    """At most `limit` workers, started when wanted; used in an `async with`, at whose end all of them are killed.

    `handlers` maps task kinds to "module:function"; `memory_limit` is in bytes of private memory per worker; one that
    had nothing to do for `idle_s` ends.
    """

    def __init__(
        self,
        handlers: Mapping[str, str],
        *,
        limit: int = 1,
        memory_limit: int = 512 * 1024 * 1024,
        nice: int = 10,
        idle_s: float = 30.0,
    ) -> None:
        self._settings = WorkerSettings(handlers=handlers, memory_limit=memory_limit, nice=nice, idle_s=idle_s)
        self._free = asyncio.Semaphore(limit)
        self._workers: set[_Worker] = set()
        self._is_closed = False

    @property
    def pids(self) -> frozenset[int]:
        """Return the process ids of the workers alive."""
        return frozenset(worker.child.pid for worker in self._workers)

    async def run(self, job: JobDescription, on_progress: Callable[[float], None] | None = None) -> Outcome:
        """Run `job` when a worker is free and return its outcome; raises JobFailed. Cancelling kills the worker."""
        async with self._free:
            for _ in range(START_ATTEMPTS):
                if self._is_closed:
                    break
                worker = self._idle_worker() or self._start()
                try:
                    return await self._run_on(worker, job, on_progress)
                except _NeverStarted:
                    # It ended for want of work just as the job was on its way: the job was not begun.
                    continue
            raise JobFailed(_DIED)

    async def close(self) -> None:
        """Kill every worker; jobs under way raise JobFailed."""
        self._is_closed = True
        for worker in tuple(self._workers):
            await self._end(worker)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _idle_worker(self) -> _Worker | None:
        return next((worker for worker in self._workers if not worker.is_busy and not worker.client.is_closed), None)

    def _start(self) -> _Worker:
        try:
            child, connection = start_child(self._settings)
        except WorkerNotStarted as error:
            raise JobFailed(Failure(error.code, str(error), "无法启动处理任务的进程")) from error
        worker = _Worker(child, AsyncLocalClient(connection))
        self._workers.add(worker)
        child.when_ended(lambda: self._forget(worker))
        return worker

    def _forget(self, worker: _Worker) -> None:
        worker.client.close()
        self._workers.discard(worker)

    async def _end(self, worker: _Worker) -> None:
        worker.client.close()
        worker.child.kill()
        await worker.child.ended()

    async def _run_on(
        self, worker: _Worker, job: JobDescription, on_progress: Callable[[float], None] | None
    ) -> Outcome:
        worker.is_busy = True
        is_started = False

        def updated(update: Any) -> None:
            nonlocal is_started
            is_started = True
            if on_progress is not None and "progress" in update:
                on_progress(update["progress"])

        try:
            with _opened(job) as (order, numbers):
                answer = await worker.client.call(
                    orders.RUN, msgspec.to_builtins(order), files=numbers, on_update=updated
                )
            outcome = _outcome(answer)
        except CallFailed as error:
            if error.fault.code == orders.OUT_OF_MEMORY:
                await self._end(worker)
            raise JobFailed(_failure(error.fault)) from error
        except ConnectionLost as error:
            await self._end(worker)
            if not is_started:
                raise _NeverStarted from error
            raise JobFailed(_DIED) from error
        except BaseException:
            await self._end(worker)
            raise
        finally:
            worker.is_busy = False
        return outcome


@dataclass(slots=True, eq=False)
class _Worker:
    child: Child
    client: AsyncLocalClient
    is_busy: bool = False


class _NeverStarted(Exception):
    """The worker was gone before it had begun."""


def _failure(fault: Fault) -> Failure:
    return Failure(fault.code, fault.message, fault.message_zh or fault.message, final=fault.code in _FINAL)


def _outcome(answer: Answer) -> Outcome:
    with answer:
        try:
            return msgspec.msgpack.decode(answer.bulk[0], type=Outcome)
        except (IndexError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadMessage("a worker answered with something that is no outcome") from error


@contextmanager
def _opened(job: JobDescription) -> Iterator[tuple[Order, list[int]]]:
    """Open the files and folders of `job`; raises JobFailed when one of them is not there."""
    numbers: list[int] = []
    try:
        try:
            order = _open_into(numbers, job)
        except OSError as error:
            raise JobFailed(_MISSING) from error
        yield order, numbers
    finally:
        close_all(numbers)


def _open_into(numbers: list[int], job: JobDescription) -> Order:
    inputs = []
    for name, path in job.inputs:
        numbers.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        inputs.append(Input(name, os.fstat(numbers[-1]).st_size))
    for folder in (job.folder, *(parent.folder for parent in job.parents)):
        numbers.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))  # noqa: PERF401 - see _opened
    return Order(
        kind=job.kind,
        params=job.params,
        language=job.language,
        inputs=tuple(inputs),
        parents=tuple(orders.Parent(parent.kind, parent.data) for parent in job.parents),
    )
