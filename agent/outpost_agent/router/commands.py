"""What the commands of a chat answer. A person sees and steers their own work; the owner sees all of the device."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from outpost_agent import replies
from outpost_agent.conversation import say_again
from outpost_agent.people import Who
from outpost_agent.reporting import Reporter
from outpost_agent.router.core import Command, Intent, UnknownCommand
from outpost_agent.tasks.chains import first_to_retry, heads
from outpost_disk import Database
from outpost_sdk.channel import Incoming
from outpost_sdk.handler import Language
from outpost_sdk.tasks import ENDED, NoSuchTask, Refused, Task, TaskEngine
from outpost_wire.ids import TaskId

LISTED = 20


class Commands:
    """Answers what needs no work. `busy(channel, chat)` hears that work began again."""

    def __init__(
        self,
        *,
        database: Database,
        engine: TaskEngine,
        reporter: Reporter,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        busy: Callable[[str, str], None],
    ) -> None:
        self._database = database
        self._engine = engine
        self._reporter = reporter
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._busy = busy
        self._answers: dict[str, Callable[[Incoming, Who, str, Language], Awaitable[replies.Said]]] = {
            "status": self._status,
            "tasks": self._tasks,
            "cancel": self._cancel,
            "retry": self._retry,
            "again": self._again,
            "help": self._help,
        }

    async def answer(self, incoming: Incoming, who: Who, intent: Intent, language: Language) -> replies.Said:
        """Carry out a command, or answer free text, and return what is to be said."""
        match intent:
            case Command(name, argument):
                return await self._answers[name](incoming, who, argument, language)
            case UnknownCommand(name):
                return replies.unknown_command(name, language)
            case _:
                return replies.no_model(self._reporter.name, language)

    async def _help(self, _incoming: Incoming, _who: Who, _argument: str, language: Language) -> replies.Said:
        return replies.help_text(self._reporter.name, language)

    async def _status(self, _incoming: Incoming, _who: Who, _argument: str, language: Language) -> replies.Said:
        counts = await self._engine.counts()
        return replies.status(
            self._reporter.name, self._reporter.health(), counts, self._reporter.is_linked(), language
        )

    async def _tasks(self, incoming: Incoming, who: Who, argument: str, language: Language) -> replies.Said:
        everywhere = who.is_owner and argument.lower() in ("all", "全部")
        return replies.tasks(await self._listed(incoming, who, everywhere=everywhere), self._clock_ms(), language)

    async def _cancel(self, incoming: Incoming, who: Who, argument: str, language: Language) -> replies.Said:
        listed = await self._listed(incoming, who)
        if argument:
            task = await self._named(argument, listed, who)
            if task is None or task.state in ENDED:
                return replies.no_such_number(language)
        else:
            task = next((task for task in listed if task.state not in ENDED), None)
        if task is not None:
            await self._engine.cancel(task.id, self._clock_ms())
        return replies.cancelled(task, language)

    async def _retry(self, incoming: Incoming, who: Who, argument: str, language: Language) -> replies.Said:
        listed = await self._listed(incoming, who)
        tried = ("failed", "cancelled")
        if argument:
            task = await self._named(argument, listed, who)
        else:
            task = next((task for task in listed if task.state in tried), None)
        if task is None or task.state not in tried:
            return replies.nothing_to_retry(language)
        try:
            await self._engine.retry(await first_to_retry(self._engine, task), self._clock_ms())
        except Refused:
            return replies.nothing_to_retry(language)
        self._busy(incoming.channel, incoming.chat)
        return replies.retried(task, language)

    async def _again(self, incoming: Incoming, _who: Who, argument: str, language: Language) -> replies.Said:
        if not argument.isascii() or not argument.isdigit() or len(argument) > 15:
            return replies.nothing_to_repeat(language)
        seq, now_ms = int(argument), self._clock_ms()
        is_said = await self._database.write(
            lambda connection: say_again(connection, incoming.channel, incoming.chat, seq, self._new_id, now_ms)
        )
        return replies.said_again(language) if is_said else replies.nothing_to_repeat(language)

    async def _named(self, argument: str, listed: Sequence[Task], who: Who) -> Task | None:
        """Return the task that `argument` names by its number in the list or its id; the owner may name any."""
        if argument.isdigit() and 1 <= int(argument) <= len(listed):
            return listed[int(argument) - 1]
        found = next((task for task in listed if task.id == argument.upper()), None)
        if found is None and who.is_owner:
            try:
                return await self._engine.get(TaskId(argument.upper()))
            except NoSuchTask:
                return None
        return found

    async def _listed(self, incoming: Incoming, who: Who, *, everywhere: bool = False) -> list[Task]:
        """Return a person's work in the chat, newest first: of a chain only its last task, which stands for all.

        The owner's list has all work of the chat, or `everywhere` all of the device.
        """
        tasks = await self._engine.list(
            chat=None if everywhere else (incoming.channel, incoming.chat),
            principal=None if who.is_owner else who.person,
            limit=LISTED * 4,
        )
        return heads(tasks)[:LISTED]
