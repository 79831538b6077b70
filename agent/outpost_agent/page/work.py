"""Tasks and results: one's own for everybody, everybody's for the owner.

What is not one's own is answered as what does not exist, so that nothing can be learned from asking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import web

from outpost_agent.channels.web.guard import WHO, OwnerOnly, Route
from outpost_agent.channels.web.values import answer, before_seq, page_size
from outpost_agent.channels.web.views import attachment_view, iso, shown, task_view, with_parents
from outpost_agent.egress import Egress
from outpost_agent.page.queries import Made, made, scope_of
from outpost_agent.tasks.chains import first_to_retry
from outpost_disk import Database
from outpost_sdk.tasks import NoSuchTask, Task, TaskEngine
from outpost_wire.errors import BadInput
from outpost_wire.ids import TaskId

TITLE_LIMIT = 200


class NotToRetry(BadInput):
    """Only what failed or was cancelled can be tried again."""

    code = "task_refused"

    def __init__(self) -> None:
        super().__init__("Only a failed or cancelled task can be tried again.", "只有失败或已取消的任务才能重试。")

    def __reduce__(self) -> tuple[type[NotToRetry], tuple[()]]:  # type: ignore[override]
        return type(self), ()


class Work(TaskEngine, Protocol):
    """A task engine that can page through chains."""

    async def heads(
        self, *, principal: str | None = None, before: TaskId | None = None, limit: int = 100
    ) -> tuple[Task, ...]:
        """Return the last tasks of chains, newest first; raises NoSuchTask when `before` is none of `principal`'s."""
        ...


class WorkRoutes:
    """What is being done, and what came of it."""

    def __init__(
        self,
        *,
        database: Database,
        engine: Work,
        egress: Egress,
        progress: Callable[[str], float | None],
        clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._engine = engine
        self._egress = egress
        self._progress = progress
        self._clock_ms = clock_ms

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("GET", "/api/v1/tasks", self._tasks),
            Route("GET", "/api/v1/tasks/{id}", self._task),
            Route("POST", "/api/v1/tasks/{id}/cancel", self._cancel),
            Route("POST", "/api/v1/tasks/{id}/retry", self._retry),
            Route("GET", "/api/v1/results", self._results),
        ]

    async def _tasks(self, request: web.Request) -> web.StreamResponse:
        before = request.query.get("before")
        tasks = await self._engine.heads(
            principal=None if _wants_all(request) else request[WHO].person,
            before=TaskId(before) if before is not None else None,
            limit=page_size(request),
        )
        return answer([task_view(task, self._progress(task.id), task.spec.language) for task in tasks])

    async def _task(self, request: web.Request) -> web.StreamResponse:
        return answer(await self._tree(await self._own_task(request)))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        task = await self._own_task(request)
        await self._engine.cancel(task.id, self._clock_ms())
        return answer(await self._tree(await self._engine.get(task.id)))

    async def _retry(self, request: web.Request) -> web.StreamResponse:
        task = await self._own_task(request)
        if task.state not in ("failed", "cancelled"):
            raise NotToRetry
        await self._engine.retry(await first_to_retry(self._engine, task), self._clock_ms())
        return answer(await self._tree(await self._engine.get(task.id)))

    async def _results(self, request: web.Request) -> web.StreamResponse:
        scope = scope_of(request[WHO], is_all=_wants_all(request))
        before, limit = before_seq(request), page_size(request)
        found = await self._database.read(lambda connection: made(connection, scope, before, limit))
        return answer([shown(self._egress, one.message, await self._result(one)) for one in found])

    async def _result(self, one: Made) -> dict[str, Any]:
        message = one.message
        return {
            "seq": message.seq,
            "id": message.id,
            "task_id": message.task_id,
            "title": await self._title(message.task_id or "") or _first_line(message.text),
            "created": iso(message.created_ms),
            "channel": message.channel,
            "chat": message.chat,
            "person": one.person,
            "attachments": [attachment_view(attachment) for attachment in message.attachments],
            "document": message.document,
        }

    async def _title(self, task_id: str) -> str:
        """Return the title of the work; empty when it is forgotten."""
        try:
            task = await self._engine.get(TaskId(task_id))
        except NoSuchTask:
            return ""
        return (task.outcome.title if task.outcome else "") or task.spec.title

    async def _own_task(self, request: web.Request) -> Task:
        task, who = await self._engine.get(TaskId(request.match_info["id"])), request[WHO]
        if not who.is_owner and task.spec.principal != who.person:
            raise NoSuchTask(task.id)
        return task

    async def _tree(self, task: Task) -> dict[str, Any]:
        parents = [await self._tree(await self._engine.get(parent)) for parent in task.spec.parents]
        return with_parents(task, parents, self._progress(task.id))


def _wants_all(request: web.Request) -> bool:
    """Say whether a request asks for everybody's. Raises OwnerOnly or BadInput."""
    match request.query.get("scope", "mine"):
        case "mine":
            return False
        case "all":
            if not request[WHO].is_owner:
                raise OwnerOnly
            return True
        case _:
            raise BadInput("scope: expected mine or all.", "scope：应为 mine 或 all。")


def _first_line(text: str) -> str:
    line = text.lstrip("# \n").partition("\n")[0].strip()
    return line.removeprefix("**").removesuffix("**")[:TITLE_LIMIT]
