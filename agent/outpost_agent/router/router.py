"""Takes messages in: each is committed together with its answer or its work, then the platform may be told."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable

from outpost_agent import replies
from outpost_agent.chains import log_chain
from outpost_agent.config import LimitsConfig
from outpost_agent.content import ContentFolder
from outpost_agent.conversation import AlreadyAccepted, Receive, Reply, find_received, receive, reply
from outpost_agent.language import language_of
from outpost_agent.reporting import Reporter
from outpost_agent.router.core import Analyse, Command, Intent, UnknownCommand, parse_intent
from outpost_disk import Database
from outpost_sdk.channel import Accepted, Attachment, DeviceFull, Incoming
from outpost_sdk.handler import Language
from outpost_sdk.tasks import ENDED, Task, TaskEngine
from outpost_wire.errors import BadInput

LISTED = 20


class Router:
    """The `ChannelContext` of every channel."""

    def __init__(
        self,
        *,
        database: Database,
        engine: TaskEngine,
        content: ContentFolder,
        reporter: Reporter,
        limits: LimitsConfig,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        said: Callable[[str, str], None],
    ) -> None:
        self._database = database
        self._engine = engine
        self._content = content
        self._reporter = reporter
        self._limits = limits
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._said = said
        self._answers: dict[str, Callable[[Incoming, str, Language], Awaitable[replies.Said]]] = {
            "status": self._status,
            "tasks": self._tasks,
            "cancel": self._cancel,
            "help": self._help,
        }

    async def keep(self, name: str, type_: str, content: AsyncIterator[bytes]) -> Attachment:
        """Stream a file to the disk; see `ChannelContext.keep`."""
        return await self._content.keep(name, type_, content)

    async def accept(self, incoming: Incoming) -> Accepted:
        """Commit a message and what it asks for; see `ChannelContext.accept`."""
        known = await self._database.read(
            lambda connection: find_received(connection, incoming.channel, incoming.platform_id, incoming.digest)
        )
        if known:
            return known
        await self._check_limits(incoming)
        language = language_of(incoming.text, incoming.language)
        intent = parse_intent(incoming.text, has_files=bool(incoming.attachments))
        try:
            if isinstance(intent, Analyse):
                accepted = await self._start(incoming, intent, language)
            else:
                accepted = await self._answer(incoming, intent, language)
        except AlreadyAccepted as known_meanwhile:
            return known_meanwhile.accepted
        self._reporter.metrics.messages.labels(incoming.channel, "in").inc()
        self._said(incoming.channel, incoming.chat)
        return accepted

    async def _check_limits(self, incoming: Incoming) -> None:
        if len(incoming.text) > self._limits.text_characters:
            raise BadInput(
                f"The text is longer than {self._limits.text_characters:,} characters: send it as a file.",
                f"文字超过 {self._limits.text_characters:,} 个字符：请作为文件发送。",
            )
        if len(incoming.attachments) > self._limits.attachments_per_message:
            raise BadInput(
                f"More than {self._limits.attachments_per_message} files in one message: send the rest in another.",
                f"一条消息最多 {self._limits.attachments_per_message} 个文件：其余请另发一条。",
            )
        counts = await self._engine.counts() if incoming.attachments else {}
        if counts.get("waiting", 0) + counts.get("ready", 0) >= self._limits.tasks_waiting:
            raise DeviceFull(
                f"{self._limits.tasks_waiting:,} tasks wait already: try again when some are done.",
                f"已有 {self._limits.tasks_waiting:,} 个任务在等待：请稍后再试。",
            )
        self._content.check_room()

    async def _start(self, incoming: Incoming, intent: Analyse, language: Language) -> Accepted:
        message_id, now_ms = self._new_id(), self._clock_ms()
        specs = log_chain(
            incoming.attachments,
            new_id=self._new_id,
            principal=f"{incoming.channel}:{incoming.sender}",
            channel=incoming.channel,
            chat=incoming.chat,
            message_id=message_id,
            language=language,
            focus=intent.focus,
        )
        task_id = specs[-1].id
        await self._engine.put(specs, now_ms, (Receive(message_id=message_id, task_id=task_id, incoming=incoming),))
        return Accepted(message_id, task_id)

    async def _answer(self, incoming: Incoming, intent: Intent, language: Language) -> Accepted:
        said = await self._say(incoming, intent, language)
        message_id, reply_id, now_ms = self._new_id(), self._new_id(), self._clock_ms()
        received = Receive(message_id=message_id, task_id=None, incoming=incoming)
        answer = Reply(
            id=reply_id,
            channel=incoming.channel,
            chat=incoming.chat,
            text=said.text,
            document=said.document,
            reply_to=message_id,
        )

        def commit(connection: sqlite3.Connection) -> None:
            receive(connection, received, now_ms)
            reply(connection, answer, now_ms)

        await self._database.write(commit)
        self._reporter.metrics.messages.labels(incoming.channel, "out").inc()
        return Accepted(message_id, None)

    async def _say(self, incoming: Incoming, intent: Intent, language: Language) -> replies.Said:
        match intent:
            case Command(name, argument):
                return await self._answers[name](incoming, argument, language)
            case UnknownCommand(name):
                return replies.unknown_command(name, language)
            case _:
                return replies.no_model(self._reporter.name, language)

    async def _help(self, _incoming: Incoming, _argument: str, language: Language) -> replies.Said:
        return replies.help_text(self._reporter.name, language)

    async def _status(self, _incoming: Incoming, _argument: str, language: Language) -> replies.Said:
        counts = await self._engine.counts()
        return replies.status(
            self._reporter.name, self._reporter.health(), counts, self._reporter.is_linked(), language
        )

    async def _tasks(self, incoming: Incoming, _argument: str, language: Language) -> replies.Said:
        return replies.tasks(await self._listed(incoming), self._clock_ms(), language)

    async def _cancel(self, incoming: Incoming, argument: str, language: Language) -> replies.Said:
        listed = await self._listed(incoming)
        if argument:
            task = _pick(listed, argument)
            if task is None or task.state in ENDED:
                return replies.no_such_number(language)
        else:
            task = next((task for task in listed if task.state not in ENDED), None)
        if task is not None:
            await self._engine.cancel(task.id, self._clock_ms())
        return replies.cancelled(task, language)

    async def _listed(self, incoming: Incoming) -> list[Task]:
        """Return the chat's work, newest first: of a chain only its last task, which stands for all."""
        tasks = await self._engine.list(chat=(incoming.channel, incoming.chat), limit=LISTED * 4)
        parents = {parent for task in tasks for parent in task.spec.parents}
        return [task for task in tasks if task.id not in parents][:LISTED]


def _pick(listed: list[Task], argument: str) -> Task | None:
    """Return the task that `argument` names by its number in the list or its id."""
    if argument.isdigit() and 1 <= int(argument) <= len(listed):
        return listed[int(argument) - 1]
    return next((task for task in listed if task.id == argument.upper()), None)
