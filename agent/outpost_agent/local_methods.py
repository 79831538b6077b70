"""What the command line may ask of the daemon over the local socket."""

from __future__ import annotations

import os
import stat
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from outpost_agent.channels.local import CHANNEL
from outpost_agent.channels.web.views import attachment_view, message_view, task_view
from outpost_agent.content import ContentFolder, read_blocks
from outpost_agent.conversation import Stored, get_message, page_after, read_up_to
from outpost_agent.hub import Hub
from outpost_agent.local.answer import Reply
from outpost_agent.local.server import Call, Method, echo
from outpost_agent.tasks.chains import first_to_retry
from outpost_disk import Database
from outpost_sdk.channel import Attachment, Incoming
from outpost_sdk.handler import Language
from outpost_sdk.tasks import Refused, Task, TaskEngine
from outpost_wire.errors import BadInput, BadMessage
from outpost_wire.ids import TaskId
from outpost_wire.messages import TaskState

P = TypeVar("P", bound=msgspec.Struct)

LIST_LIMIT = 1000
FILES_LIMIT = 10
PAGE = 1000


class _List(msgspec.Struct, forbid_unknown_fields=True):
    states: tuple[TaskState, ...] = ()
    limit: Annotated[int, Meta(ge=1, le=LIST_LIMIT)] = 100


class _One(msgspec.Struct, forbid_unknown_fields=True):
    task: str


class _Ask(msgspec.Struct, forbid_unknown_fields=True):
    text: str = ""
    language: Language | None = None
    names: tuple[str, ...] = ()


class LocalMethods:
    """The methods, each `async (call) -> value`; `status` makes the answer of the method of that name."""

    def __init__(
        self,
        *,
        database: Database,
        engine: TaskEngine,
        content: ContentFolder,
        hub: Hub,
        accept: Callable[[Incoming], Awaitable[Any]],
        progress: Callable[[str], float | None],
        status: Callable[[], Awaitable[dict[str, Any]]],
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._engine = engine
        self._content = content
        self._hub = hub
        self._accept = accept
        self._progress = progress
        self._status = status
        self._new_id = new_id
        self._clock_ms = clock_ms

    def table(self) -> dict[str, Method]:
        """Return the methods by name."""
        return {
            "echo": echo,
            "status": self._tell_status,
            "tasks.list": self._list,
            "tasks.show": self._show,
            "tasks.cancel": self._cancel,
            "tasks.retry": self._retry,
            "ask": self._ask,
        }

    async def _tell_status(self, _call: Call) -> dict[str, Any]:
        return await self._status()

    async def _list(self, call: Call) -> list[dict[str, Any]]:
        wanted = params(call, _List)
        tasks = await self._engine.list(states=wanted.states, limit=wanted.limit)
        return [self._view(task) for task in tasks]

    async def _show(self, call: Call) -> dict[str, Any]:
        return await self._tree(await self._engine.get(TaskId(params(call, _One).task)))

    async def _cancel(self, call: Call) -> dict[str, Any]:
        return {"cancelled": list(await self._engine.cancel(TaskId(params(call, _One).task), self._clock_ms()))}

    async def _retry(self, call: Call) -> dict[str, Any]:
        task = await self._engine.get(TaskId(params(call, _One).task))
        first = await first_to_retry(self._engine, task)
        try:
            await self._engine.retry(first, self._clock_ms())
        except Refused as error:
            raise BadInput(f"This task cannot be tried again: {error}.", f"该任务无法重试：{error}。") from error
        return self._view(await self._engine.get(task.id))

    async def _tree(self, task: Task) -> dict[str, Any]:
        parents = [await self._tree(await self._engine.get(parent)) for parent in task.spec.parents]
        return {**self._view(task), "parents": parents}

    def _view(self, task: Task) -> dict[str, Any]:
        return task_view(task, self._progress(task.id), task.spec.language)

    async def _ask(self, call: Call) -> Reply:
        wanted = params(call, _Ask)
        if len(wanted.names) != len(call.fds) or len(wanted.names) > FILES_LIMIT:
            raise BadMessage(f"names: expected one for each file, at most {FILES_LIMIT}")
        chat = f"uid{call.uid}"
        attachments = [await self._keep(name, call.fds[index]) for index, name in enumerate(wanted.names)]
        incoming = Incoming(
            channel=CHANNEL,
            platform_id=self._new_id(),
            chat=chat,
            sender=chat,
            text=wanted.text,
            attachments=tuple(attachments),
            language=wanted.language,
        )
        with self._hub.listen(CHANNEL, chat) as listener:
            accepted = await self._accept(incoming)
            await call.update({"accepted": {"message_id": accepted.message_id, "task_id": accepted.task_id}})
            answer = await self._answer_to(chat, accepted.message_id)
            while answer is None:
                await listener.woken.wait()
                changed = [await self._engine.get(TaskId(task)) for task in listener.take()[0]]
                answer = await self._answer_to(chat, accepted.message_id)
                for task in changed:
                    if task.spec.message_id == accepted.message_id:
                        await call.update({"task": self._view(task)})
                    if answer is None and task.id == accepted.task_id and task.state == "cancelled":
                        raise BadInput("This task was cancelled.", "该任务已被取消。")
        await self._read(chat, answer.seq)
        files = [os.open(self._content.path(item.id), os.O_RDONLY | os.O_CLOEXEC) for item in answer.attachments]
        view = message_view(answer)
        shown = [{**attachment_view(item), "encoding": item.encoding} for item in answer.attachments]
        return Reply({"text": view["text"], "attachments": shown}, files=files)

    async def _answer_to(self, chat: str, message_id: str) -> Stored | None:
        asked = await self._database.read(lambda connection: get_message(connection, message_id))
        after = await self._database.read(lambda connection: page_after(connection, CHANNEL, chat, asked.seq, PAGE))
        return next((message for message in after if message.reply_to == message_id), None)

    async def _read(self, chat: str, seq: int) -> None:
        now_ms = self._clock_ms()
        await self._database.write(lambda connection: read_up_to(connection, CHANNEL, chat, seq, now_ms), durable=False)

    async def _keep(self, name: str, fd: int) -> Attachment:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise BadInput(f"{name} is not a file.", f"{name} 不是普通文件。")
        return await self._content.keep(name, "application/octet-stream", read_blocks(fd))


def params(call: Call, kind: type[P]) -> P:
    """Return what a caller gave, as `kind`; raises BadMessage that names the field at fault."""
    try:
        return msgspec.convert(call.params or {}, kind)
    except msgspec.ValidationError as error:
        raise BadMessage(str(error)) from error
