"""Runs tasks: claims what is ready, lets a worker compute it, and writes what came of it.

An attempt lives while its lease is renewed; who is fenced (cancelled, or given to another) stops its worker. What an
attempt makes lies in the task's own folder until the result is written; folders of ended work are swept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from outpost_agent.content import ContentFolder
from outpost_agent.conversation import Reply
from outpost_agent.learned import LearnedFolder
from outpost_agent.ledger import Emit
from outpost_agent.results import is_plot, leaving, result_of
from outpost_agent.worker.pool import JobDescription, JobFailed, ParentFolder, WorkerPool
from outpost_disk import DatabaseFailed
from outpost_sdk.channel import Attachment
from outpost_sdk.handler import File, Outcome
from outpost_sdk.tasks import ENDED, Effect, Failure, Fenced, NoSuchTask, Task, TaskEngine
from outpost_wire.ids import TaskId
from outpost_wire.messages import OnDevice, Plot, Results

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_DISK_S = 5.0
DATA_LIMIT = 64 * 1024
FOCUS_LIMIT = 2_000
LISTED = 100_000
RETRIED_MS = 24 * 3600 * 1000
LOST = Failure(
    "inputs_lost", "A file of this task is gone from the disk.", "该任务的一个文件已不在磁盘上。", final=True
)
TOO_LONG = Failure("attempt_too_long", "It took longer than a task may.", "任务耗时超出上限。", final=True)
TOO_MUCH = Failure("outcome_too_large", "The step handed on too much.", "该步骤传递的数据过多。", final=True)
BROKE = Failure("device_failed", "The device could not carry it out.", "设备未能完成该任务。")


@dataclass(slots=True)
class _Running:
    execution: asyncio.Task[Outcome]
    looked_at: asyncio.Event


class Runner:
    """Keeps up to `limit` attempts under way; `poke` says that a task changed.

    `results()` is how much of a result leaves for the manager, `steering(message)` what was said since about the work
    that a message started.
    """

    def __init__(
        self,
        *,
        engine: TaskEngine,
        pool: WorkerPool,
        content: ContentFolder,
        learned: LearnedFolder,
        folder: Path,
        kinds: Sequence[str],
        limit: int,
        lease_s: float,
        attempt_s: float,
        results: Callable[[], Results],
        steering: Callable[[str], Awaitable[Sequence[str]]],
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        progressed: Callable[[Task], None],
        ended: Callable[[Task, float], None],
    ) -> None:
        self._engine = engine
        self._pool = pool
        self._content = content
        self._learned = learned
        self._folder = folder
        self._kinds = tuple(kinds)
        self._limit = limit
        self._lease_ms = int(lease_s * 1000)
        self._attempt_s = attempt_s
        self._results = results
        self._steering = steering
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._progressed = progressed
        self._ended = ended
        self._woken = asyncio.Event()
        self._running: dict[TaskId, _Running] = {}
        self._progress: dict[str, float] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def poke(self, task: str | None = None) -> None:
        """Say that there may be something to run, or that a task's state changed."""
        self._woken.set()
        running = self._running.get(TaskId(task or ""))
        if running:
            running.looked_at.set()

    def progress(self, task: str) -> float | None:
        """Return how much of a running task is done, 0 to 1, or None."""
        return self._progress.get(task)

    async def run(self) -> None:
        """Run tasks until cancelled; attempts under way are then stopped and begin anew at the next start."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                try:
                    await self._start(group)
                    due_ms = await self._engine.next_due_ms()
                except DatabaseFailed as error:
                    log.error("tasks wait for the disk", extra={"reason": str(error)})
                    due_ms = self._clock_ms() + int(RETRY_DISK_S * 1000)
                wait_s = None if due_ms is None else max(due_ms - self._clock_ms(), 20) / 1000
                if wait_s is None or wait_s > self._lease_ms / 1000:
                    wait_s = self._lease_ms / 1000
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._woken.wait()

    async def _start(self, group: asyncio.TaskGroup) -> None:
        await self._engine.reap(self._clock_ms())
        free = self._limit - len(self._running)
        if free > 0:
            for task in await self._engine.claim(self._kinds, free, self._lease_ms, self._clock_ms()):
                self._running[task.id] = _Running(asyncio.create_task(self._execute(task)), asyncio.Event())
                group.create_task(self._attempt(task))

    async def _attempt(self, task: Task) -> None:
        running = self._running[task.id]
        started_ms = self._clock_ms()
        try:
            await self._accompany(task, running)
            await self._settle(task, running.execution)
        except Fenced:
            log.info("attempt fenced", extra={"task": task.id, "epoch": task.epoch})
        except Exception:
            # Its lease will run out, and it is tried again; the others go on.
            log.exception("attempt lost", extra={"task": task.id, "epoch": task.epoch})
        finally:
            running.execution.cancel()
            await asyncio.gather(running.execution, return_exceptions=True)
            del self._running[task.id]
            self._progress.pop(task.id, None)
            self._woken.set()
            self._ended(task, (self._clock_ms() - started_ms) / 1000)

    async def _accompany(self, task: Task, running: _Running) -> None:
        """Renew the lease until the work is done. Raises Fenced."""
        while not running.execution.done():
            running.looked_at.clear()
            looked_at = asyncio.create_task(running.looked_at.wait())
            try:
                await asyncio.wait(
                    {running.execution, looked_at},
                    timeout=self._lease_ms / 3000,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                looked_at.cancel()
            if not running.execution.done():
                await self._heartbeat(task)

    async def _heartbeat(self, task: Task) -> None:
        try:
            await self._engine.heartbeat(task.id, task.epoch, self._lease_ms, self._clock_ms())
        except DatabaseFailed as error:
            log.error("lease not renewed", extra={"task": task.id, "reason": str(error)})

    async def _settle(self, task: Task, execution: asyncio.Task[Outcome]) -> None:
        try:
            outcome = execution.result()
            effects = await self._effects(task, outcome) if outcome.report else ()
        except JobFailed as error:
            failure = error.failure
        except Exception as error:
            log.exception("attempt broke", exc_info=error, extra={"task": task.id})
            failure = BROKE
        else:
            await self._insist(lambda: self._engine.finish(task.id, task.epoch, outcome, effects, self._clock_ms()))
            log.info("task done", extra={"task": task.id, "kind": task.spec.kind, "attempt": task.attempt})
            if outcome.report:
                await self._learn(task, outcome)
                await self._discard(task)
            return
        log.warning("attempt failed", extra={"task": task.id, "kind": task.spec.kind, "code": failure.code})
        await self._insist(lambda: self._engine.fail(task.id, task.epoch, failure, self._clock_ms()))

    async def _insist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write what was computed, again and again while the disk refuses; what has been done is not done again."""
        while True:
            try:
                return await write()
            except DatabaseFailed as error:
                log.error("result waits for the disk", extra={"reason": str(error)})
                await asyncio.sleep(RETRY_DISK_S)

    async def _execute(self, task: Task) -> Outcome:
        spec = task.spec
        folder = self._folder / task.id
        await asyncio.to_thread(_fresh, folder)
        names = spec.params.get("names") or [f"file {number}" for number in range(1, len(spec.inputs) + 1)]
        inputs = [(name, self._content.path(content)) for name, content in zip(names, spec.inputs, strict=False)]
        ancestors = await self._ancestors(task)
        lost = [path for _, path in inputs if not path.is_file()]
        lost += [self._folder / parent.id for parent in ancestors if not (self._folder / parent.id).is_dir()]
        if lost:
            raise JobFailed(LOST)
        params = await self._params(task)
        known = self._learned.find(spec.params["source"]) if spec.params.get("source") else None
        if known is not None:
            inputs.append(("model", known))
            params = {**params, "has_model": True}
        job = JobDescription(
            kind=spec.kind,
            params=params,
            language=spec.language,
            inputs=tuple(inputs),
            folder=folder,
            parents=tuple(
                ParentFolder(parent.spec.kind, parent.outcome.data if parent.outcome else {}, self._folder / parent.id)
                for parent in ancestors
            ),
        )
        try:
            async with asyncio.timeout(self._attempt_s):
                outcome = await self._pool.run(job, lambda done: self._set_progress(task, done))
        except TimeoutError as error:
            raise JobFailed(TOO_LONG) from error
        if len(msgspec.msgpack.encode(outcome.data)) > DATA_LIMIT:
            raise JobFailed(TOO_MUCH)
        return outcome

    async def _params(self, task: Task) -> Mapping[str, Any]:
        """Return a task's parameters, with what its person has said since it was put."""
        said = await self._steering(task.spec.message_id) if task.spec.message_id else ()
        if not said:
            return task.spec.params
        focus = "\n".join(filter(None, (task.spec.params.get("focus"), *said)))
        return {**task.spec.params, "focus": focus[:FOCUS_LIMIT]}

    def _set_progress(self, task: Task, done: float) -> None:
        self._progress[task.id] = done
        self._progressed(task)

    async def _ancestors(self, task: Task) -> list[Task]:
        """Return all that `task` builds on, the first of the chain first."""
        found: dict[TaskId, Task] = {}
        pending = list(task.spec.parents)
        while pending:
            parent = await self._engine.get(pending.pop())
            if parent.id not in found:
                found[parent.id] = parent
                pending.extend(parent.spec.parents)
        return sorted(found.values(), key=lambda parent: parent.id)

    async def _effects(self, task: Task, outcome: Outcome) -> tuple[Effect, ...]:
        ancestors = await self._ancestors(task)
        made = [(task, outcome), *((parent, parent.outcome) for parent in ancestors if parent.outcome)]
        return await asyncio.to_thread(self._harvest, task, outcome, made)

    def _harvest(self, task: Task, outcome: Outcome, made: Sequence[tuple[Task, Outcome]]) -> tuple[Effect, ...]:
        """Return the answer and the result, with the files that go along kept in the content folder; blocks."""
        attachments: list[Attachment] = []
        plots: list[Plot] = []
        for owner, its in made:
            for file in its.files:
                path = self._folder / owner.id / file.name
                if is_plot(file) and owner is task:
                    plots.append(
                        Plot(
                            name=file.name[:64], title=file.name.removesuffix(".svg")[:64], svg=path.read_text("utf-8")
                        )
                    )
                if file.attach:
                    attachments.append(self._adopt(path, file))
        spec, now_ms = task.spec, self._clock_ms()
        kept = next((item for item in attachments if not item.type.startswith("image/")), None)
        on_device = OnDevice(name=kept.name, bytes=kept.size) if kept else None
        size = len(outcome.report.encode()) + sum(item.size for item in attachments)
        result = result_of(task, outcome, plots=plots, on_device=on_device, bytes_made=size, now_ms=now_ms)
        leaves = leaving(result, self._results())
        effects: list[Effect] = [Emit(event=leaves)] if leaves else []
        if spec.channel is not None and spec.chat is not None:
            effects.append(
                Reply(
                    id=self._new_id(),
                    channel=spec.channel,
                    chat=spec.chat,
                    person=spec.principal,
                    text=outcome.report,
                    document=result.document,
                    attachments=tuple(attachments),
                    reply_to=spec.message_id,
                    task_id=task.id,
                )
            )
        return tuple(effects)

    def _adopt(self, path: Path, file: File) -> Attachment:
        if file.type != "application/zstd":
            return self._content.adopt(path, file.name, file.type)
        plain = file.name.removesuffix(".zst")
        type_ = _TYPES.get(Path(plain).suffix, "application/octet-stream")
        kept = self._content.adopt(path, plain, type_, "zstd")
        return replace(kept, size=file.plain_bytes or kept.size)

    async def _learn(self, task: Task, outcome: Outcome) -> None:
        """Keep for the next time what the steps of ended work have learned; if the disk refuses, it is not learned."""
        steps = [(task, outcome), *((step, step.outcome) for step in await self._ancestors(task) if step.outcome)]
        for step, its in steps:
            source = step.spec.params.get("source")
            for file in its.files:
                if not (file.learns and source):
                    continue
                try:
                    await asyncio.to_thread(self._learned.keep, source, self._folder / step.id / file.name)
                except OSError as error:
                    log.warning("nothing learned", extra={"task": step.id, "reason": str(error)})

    async def _discard(self, task: Task) -> None:
        for ended in (task, *await self._ancestors(task)):
            await asyncio.to_thread(shutil.rmtree, self._folder / ended.id, ignore_errors=True)

    async def sweep(self) -> int:
        """Remove the folders of work that has ended with all that depends on it; return how many.

        What its steps made is kept for RETRIED_MS after work failed or was cancelled, so that it can be tried again.
        """
        folders = await asyncio.to_thread(lambda: [path for path in self._folder.iterdir() if path.is_dir()])
        since_ms = self._clock_ms() - RETRIED_MS
        broken = await self._engine.list(states=("failed", "cancelled"), limit=LISTED)
        open_work = {
            task.spec.message_id
            for task in await self._engine.list(states=("waiting", "ready", "running"), limit=LISTED)
        } | {task.spec.message_id for task in broken if task.updated_ms > since_ms}
        swept = 0
        for folder in folders:
            if await self._is_over(TaskId(folder.name), open_work):
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                swept += 1
        return swept

    async def _is_over(self, task_id: TaskId, open_work: set[str | None]) -> bool:
        try:
            task = await self._engine.get(task_id)
        except NoSuchTask:
            return True
        return task.state in ENDED and task.spec.message_id not in open_work


_TYPES: Mapping[str, str] = {".jsonl": "application/x-ndjson", ".csv": "text/csv", ".txt": "text/plain"}


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
