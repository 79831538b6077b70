"""Takes messages in: each is committed together with its answer or its work, then the platform may be told.

Whom the device does not know is asked to pair, or not heard at all. What a message becomes is decided in `core`, what a
command answers in `commands`; messages that wait for others are started by `gather`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from msgspec.structs import replace

from outpost_agent import replies
from outpost_agent.chains import log_chain
from outpost_agent.config import ConversationConfig, LimitsConfig
from outpost_agent.content import ContentFolder, read_blocks
from outpost_agent.conversation import AlreadyAccepted, Receive, Reply, find_received, held_messages, receive, reply
from outpost_agent.files import AllowedFiles
from outpost_agent.language import language_of
from outpost_agent.metrics import Metrics
from outpost_agent.people import People, Stranger, Who
from outpost_agent.router.commands import Commands
from outpost_agent.router.core import ALBUM, BUSY, Analyse, Command, Course, course_of, parse_intent
from outpost_agent.tasks.chains import under_way
from outpost_disk import Database
from outpost_sdk.channel import Accepted, Attachment, DeviceFull, Incoming, NotPaired
from outpost_sdk.handler import Language
from outpost_sdk.tasks import Effect, Task, TaskEngine
from outpost_wire.errors import BadInput

NO_GROUPS: frozenset[str] = frozenset()


class Router:
    """Decides what becomes of a message.

    `said(channel, chat)` hears that something was said, `busy` that work began there, `held` that a message waits for
    others. `address()` is where files of any size can be handed over: the device's page.
    """

    def __init__(
        self,
        *,
        database: Database,
        engine: TaskEngine,
        content: ContentFolder,
        people: People,
        files: AllowedFiles,
        commands: Commands,
        metrics: Metrics,
        limits: LimitsConfig,
        conversation: ConversationConfig,
        address: Callable[[], str],
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        said: Callable[[str, str], None],
        busy: Callable[[str, str], None],
        held: Callable[[], None],
    ) -> None:
        self._database = database
        self._engine = engine
        self._content = content
        self._people = people
        self._files = files
        self._commands = commands
        self._metrics = metrics
        self._limits = limits
        self._when_busy = conversation.when_busy
        self._address = address
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._said = said
        self._busy = busy
        self._held = held

    async def admit(self, incoming: Incoming, groups: frozenset[str] = NO_GROUPS) -> bool:
        """Say whether this person may talk here, and deal with whom the device does not know."""
        who = self._people.who(incoming.channel, incoming.sender)
        if incoming.is_group:
            is_open = incoming.chat in groups or (who is not None and who.is_owner)
            return who is not None and incoming.is_addressed and is_open
        if who is not None:
            return True
        await self._people.ask(
            Stranger(
                channel=incoming.channel,
                sender=incoming.sender,
                name=incoming.sender_name,
                chat=incoming.chat,
                language=language_of(incoming.text, incoming.language),
            )
        )
        return False

    async def keep(self, name: str, type_: str, content: AsyncIterator[bytes]) -> Attachment:
        """Stream a file to the disk; see `ChannelContext.keep`."""
        return await self._content.keep(name, type_, content)

    async def accept(self, incoming: Incoming, groups: frozenset[str] = NO_GROUPS) -> Accepted:
        """Commit a message and what it asks for; see `ChannelContext.accept`."""
        who = self._people.who(incoming.channel, incoming.sender)
        if who is None or (incoming.is_group and incoming.chat not in groups and not who.is_owner):
            raise NotPaired("This device does not know you here.", "本设备在这里不认识您。")
        known = await self._database.read(
            lambda connection: find_received(connection, incoming.channel, incoming.platform_id, incoming.digest)
        )
        if known:
            return known
        await self._check_limits(incoming)
        language = language_of(incoming.text, incoming.language)
        try:
            if incoming.is_group and incoming.chat not in groups:
                accepted = await self._answer(incoming, who, replies.group_not_open(incoming.chat, language))
            else:
                accepted = await self._take(incoming, who, language)
        except AlreadyAccepted as known_meanwhile:
            return known_meanwhile.accepted
        self._metrics.messages.labels(incoming.channel, "in").inc()
        self._said(incoming.channel, incoming.chat)
        if accepted.task_id is not None:
            self._busy(incoming.channel, incoming.chat)
        return accepted

    async def _take(self, incoming: Incoming, who: Who, language: Language) -> Accepted:
        if incoming.unfetched and not incoming.attachments:
            said = replies.too_large_to_fetch(incoming.unfetched, self._address(), language)
            return await self._answer(incoming, who, said)
        if incoming.album and incoming.attachments:
            return await self._hold(incoming, who, f"{ALBUM}{incoming.album}"[:200])
        intent = parse_intent(incoming.text, has_files=bool(incoming.attachments))
        if isinstance(intent, Command) and intent.name == "analyse":
            return await self._analyse_path(incoming, who, intent.argument, language)
        open_work = await under_way(self._engine, incoming.channel, incoming.chat, who.person)
        match course_of(intent, self._when_busy, is_busy=bool(open_work)):
            case Course.STEER:
                return await self._steer(incoming, who, open_work[0], language)
            case Course.GATHER:
                return await self._hold(incoming, who, BUSY, replies.gathered(language))
            case Course.INTERRUPT:
                for task in open_work:
                    await self._engine.cancel(task.id, self._clock_ms())
        if isinstance(intent, Analyse):
            return await self._start(incoming, who, intent.focus, language)
        return await self._answer(incoming, who, await self._commands.answer(incoming, who, intent, language))

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

    async def _start(self, incoming: Incoming, who: Who, focus: str, language: Language) -> Accepted:
        message_id, now_ms = self._new_id(), self._clock_ms()
        specs = log_chain(
            incoming.attachments,
            new_id=self._new_id,
            principal=who.person,
            channel=incoming.channel,
            chat=incoming.chat,
            message_id=message_id,
            language=language,
            focus=focus,
        )
        task_id = specs[-1].id
        received = Receive(message_id=message_id, task_id=task_id, incoming=incoming, person=who.person)
        effects: list[Effect] = [received]
        if incoming.unfetched:
            said = replies.too_large_to_fetch(incoming.unfetched, self._address(), language)
            effects.append(self._reply(incoming, who, message_id, said))
        await self._engine.put(specs, now_ms, effects)
        return Accepted(message_id, task_id)

    async def _answer(
        self, incoming: Incoming, who: Who, said: replies.Said, *, held: str = "", joins: str | None = None
    ) -> Accepted:
        message_id, now_ms = self._new_id(), self._clock_ms()
        received = Receive(
            message_id=message_id, task_id=None, incoming=incoming, person=who.person, held=held, joins=joins
        )
        answer = self._reply(incoming, who, message_id, said)

        def commit(connection: sqlite3.Connection) -> None:
            receive(connection, received, now_ms)
            reply(connection, answer, now_ms)

        await self._database.write(commit)
        self._metrics.messages.labels(incoming.channel, "out").inc()
        return Accepted(message_id, None)

    async def _hold(self, incoming: Incoming, who: Who, why: str, said: replies.Said | None = None) -> Accepted:
        """Take a message in and start its work later, with what belongs to it; the first one is answered by `said`."""
        if said is not None and not await self._is_held(incoming, who, why):
            accepted = await self._answer(incoming, who, said, held=why)
        else:
            accepted, now_ms = Accepted(self._new_id(), None), self._clock_ms()
            received = Receive(
                message_id=accepted.message_id, task_id=None, incoming=incoming, person=who.person, held=why
            )
            await self._database.write(lambda connection: receive(connection, received, now_ms))
        self._held()
        return accepted

    async def _is_held(self, incoming: Incoming, who: Who, why: str) -> bool:
        place = (incoming.channel, incoming.chat, who.person)
        held = await self._database.read(held_messages)
        return any((message.channel, message.chat, message.person) == place and message.held == why for message in held)

    async def _steer(self, incoming: Incoming, who: Who, task: Task, language: Language) -> Accepted:
        """Let words join the work under way: its steps that begin from now on know them."""
        said = replies.steered(task.spec.title or task.spec.kind, language)
        return await self._answer(incoming, who, said, joins=task.spec.message_id)

    async def _analyse_path(self, incoming: Incoming, who: Who, argument: str, language: Language) -> Accepted:
        """Analyse a file of the machine itself, for its owner."""
        if not who.is_owner:
            return await self._answer(incoming, who, replies.owner_only(language))
        path, _, focus = argument.partition("\n")
        try:
            with self._files.open(path.strip()) as descriptor:
                name = Path(path.strip()).name
                kept = await self._content.keep(name, "application/octet-stream", read_blocks(descriptor))
        except BadInput as error:
            return await self._answer(incoming, who, replies.refused(error, language))
        return await self._start(replace(incoming, attachments=(kept,)), who, focus.strip(), language)

    def _reply(self, incoming: Incoming, who: Who, message_id: str, said: replies.Said) -> Reply:
        return Reply(
            id=self._new_id(),
            channel=incoming.channel,
            chat=incoming.chat,
            person=who.person,
            text=said.text,
            document=said.document,
            reply_to=message_id,
        )
