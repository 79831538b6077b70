"""What the commands of a chat answer. A person sees and steers their own work; the owner sees all of the device.

A command and its answer are one transaction, so one that comes in twice after a crash is carried out once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from outpost_agent import replies
from outpost_agent.conversation import Repeat, may_be_missing
from outpost_agent.people import Who
from outpost_agent.reporting import Reporter
from outpost_agent.router.core import Command, Intent, UnknownCommand
from outpost_agent.tasks.chains import first_to_retry, heads
from outpost_disk import Database
from outpost_sdk.handler import Language
from outpost_sdk.tasks import ENDED, Effect, NoSuchTask, Refused, Task, TaskEngine
from outpost_wire.ids import TaskId

LISTED = 20
DIGITS = 15


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks where, and the effects that take their message in with its answer."""

    channel: str
    chat: str
    who: Who
    language: Language
    answered: Callable[[replies.Said], tuple[Effect, ...]]


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
        self._answers: dict[str, Callable[[Asked, str], Awaitable[None]]] = {
            "status": self._status,
            "tasks": self._tasks,
            "cancel": self._cancel,
            "retry": self._retry,
            "again": self._again,
            "help": self._help,
        }

    async def answer(self, asked: Asked, intent: Intent) -> None:
        """Carry out a command, or answer free text."""
        match intent:
            case Command(name, argument):
                await self._answers[name](asked, argument)
            case UnknownCommand(name):
                await self._say(asked, replies.unknown_command(name, asked.language))
            case _:
                await self._say(asked, replies.no_model(self._reporter.name, asked.language))

    async def _say(self, asked: Asked, said: replies.Said, *more: Effect) -> None:
        await self._engine.put((), self._clock_ms(), (*asked.answered(said), *more))

    async def _help(self, asked: Asked, _argument: str) -> None:
        said = replies.help_text(self._reporter.name, asked.language, is_owner=asked.who.is_owner)
        await self._say(asked, said)

    async def _status(self, asked: Asked, _argument: str) -> None:
        reporter, counts = self._reporter, await self._engine.counts()
        said = replies.status(reporter.name, reporter.health(), counts, reporter.is_linked(), asked.language)
        await self._say(asked, said)

    async def _tasks(self, asked: Asked, argument: str) -> None:
        now_ms = self._clock_ms()
        if asked.who.is_owner and argument.lower() in ("all", "全部"):
            said = replies.all_tasks(_pieces(await self._engine.list(limit=LISTED * 4)), now_ms, asked.language)
        else:
            said = replies.tasks(await self._listed(asked), now_ms, asked.language)
        await self._say(asked, said)

    async def _cancel(self, asked: Asked, argument: str) -> None:
        if argument:
            task = await self._named(asked, argument)
            if task is None or task.state in ENDED:
                await self._say(asked, replies.no_such_number(asked.language))
                return
        else:
            task = next((task for task in await self._listed(asked) if task.state not in ENDED), None)
        said = replies.cancelled(task, asked.language)
        if task is None:
            await self._say(asked, said)
        else:
            await self._engine.cancel(task.id, self._clock_ms(), asked.answered(said))

    async def _retry(self, asked: Asked, argument: str) -> None:
        tried = ("failed", "cancelled")
        if argument:
            task = await self._named(asked, argument)
        else:
            task = next((task for task in await self._listed(asked) if task.state in tried), None)
        if task is not None and task.state in tried:
            first, said = await first_to_retry(self._engine, task), replies.retried(task, asked.language)
            try:
                await self._engine.retry(first, self._clock_ms(), asked.answered(said))
            except Refused:
                pass
            else:
                self._busy(task.spec.channel or asked.channel, task.spec.chat or asked.chat)
                return
        await self._say(asked, replies.nothing_to_retry(asked.language))

    async def _again(self, asked: Asked, argument: str) -> None:
        seq, person = _number(argument), None if asked.who.is_owner else asked.who.person
        may_be = seq is not None and await self._database.read(
            lambda connection: may_be_missing(connection, asked.channel, asked.chat, seq, person)
        )
        if seq is None or not may_be:
            await self._say(asked, replies.nothing_to_repeat(asked.language))
            return
        repeat = Repeat(id=self._new_id(), channel=asked.channel, chat=asked.chat, seq=seq, person=person)
        await self._say(asked, replies.said_again(asked.language), repeat)

    async def _named(self, asked: Asked, argument: str) -> Task | None:
        """Return the task that `argument` names by its number in the list or its id, None for one of others.

        The owner may name any of the device.
        """
        number = _number(argument)
        if number is not None:
            listed = await self._listed(asked)
            return listed[number - 1] if 1 <= number <= len(listed) else None
        try:
            task = await self._engine.get(TaskId(argument.upper()))
        except NoSuchTask:
            return None
        spec = task.spec
        is_own = (spec.principal, spec.channel, spec.chat) == (asked.who.person, asked.channel, asked.chat)
        return task if is_own or asked.who.is_owner else None

    async def _listed(self, asked: Asked) -> Sequence[Task]:
        """Return a person's work in the chat, newest first; the owner's list has all work of the chat."""
        principal = None if asked.who.is_owner else asked.who.person
        return _pieces(await self._engine.list(chat=(asked.channel, asked.chat), principal=principal, limit=LISTED * 4))


def _pieces(tasks: Sequence[Task]) -> list[Task]:
    """Return up to LISTED pieces of work: of a chain its last task, in the state of the step that it waits for."""
    by_id = {task.id: task for task in tasks}

    def step_of(task: Task) -> Task:
        parents = [by_id[parent] for parent in task.spec.parents if parent in by_id]
        pending = next((parent for parent in parents if parent.state not in ENDED), None)
        return step_of(pending) if pending is not None and task.state == "waiting" else task

    return [replace(task, state=step_of(task).state) for task in heads(tasks)[:LISTED]]


def _number(argument: str) -> int | None:
    """Return the number that `argument` is, or None."""
    return int(argument) if argument.isascii() and argument.isdigit() and len(argument) <= DIGITS else None
