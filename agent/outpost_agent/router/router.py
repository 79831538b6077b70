"""Takes messages in: each is committed together with its answer or its work, then the platform may be told.

Whom the device does not know is asked to pair, or not heard at all. What a message becomes is decided in `core`, what a
command answers in `commands`; messages that wait for others are started by `gather`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from outpost_agent import replies
from outpost_agent.announce import sign_in_link
from outpost_agent.chains import log_chain
from outpost_agent.channels.local import CHANNEL as LOCAL
from outpost_agent.channels.web import CHANNEL as WEB
from outpost_agent.config import ConversationConfig, LimitsConfig
from outpost_agent.content import ContentFolder, read_blocks
from outpost_agent.conversation import AlreadyAccepted, Receive, Reply, find_received, held_messages
from outpost_agent.files import AllowedFiles
from outpost_agent.language import language_of
from outpost_agent.metrics import Metrics
from outpost_agent.parting import part_with_strangers
from outpost_agent.people import People, Stranger, Who
from outpost_agent.router.commands import Asked, Commands
from outpost_agent.router.core import ALBUM, BUSY, Analyse, Coming, Command, Course, Place, course_of, parse_intent
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
        self._coming = Coming()

    async def admit(self, incoming: Incoming, groups: frozenset[str] = NO_GROUPS) -> bool:
        """Say whether this person may talk here, and deal with whom the device does not know."""
        who = self._people.who(incoming.channel, incoming.sender)
        if incoming.is_group:
            is_open = incoming.chat in groups or (who is not None and who.is_owner)
            is_heard = who is not None and incoming.is_addressed and is_open
        else:
            is_heard = who is not None
        if who is not None and is_heard and incoming.album:
            self._coming.expect(_place(incoming, who), _album(incoming), self._clock_ms())
        if who is None and not incoming.is_group:
            await self._people.ask(
                Stranger(
                    channel=incoming.channel,
                    sender=incoming.sender,
                    name=incoming.sender_name,
                    chat=incoming.chat,
                    language=language_of(incoming.text, incoming.language),
                )
            )
        return is_heard

    def coming(self) -> frozenset[tuple[Place, str]]:
        """Return the albums of which a message was admitted that is not here yet."""
        return self._coming.waited_for(self._clock_ms())

    async def keep(self, name: str, type_: str, content: AsyncIterator[bytes]) -> Attachment:
        """Stream a file to the disk; see `ChannelContext.keep`."""
        return await self._content.keep(name, type_, content)

    async def accept(self, incoming: Incoming, groups: frozenset[str] = NO_GROUPS) -> Accepted:
        """Commit a message and what it asks for; see `ChannelContext.accept`."""
        who = self._people.who(incoming.channel, incoming.sender)
        if who is None or (incoming.is_group and incoming.chat not in groups and not who.is_owner):
            raise NotPaired("This device does not know you here.", "本设备在这里不认识您。")
        try:
            accepted = await self._accept(incoming, who, is_closed=incoming.is_group and incoming.chat not in groups)
        except AlreadyAccepted as known:
            return known.accepted
        finally:
            self._coming.came(_place(incoming, who), _album(incoming))
        self._metrics.messages.labels(incoming.channel, "in").inc()
        self._said(incoming.channel, incoming.chat)
        if accepted.task_id is not None:
            self._busy(incoming.channel, incoming.chat)
        if self._people.who(incoming.channel, incoming.sender) is None:
            # They were let out while their message was being written.
            await part_with_strangers(self._database, self._engine, self._people, self._clock_ms())
        return accepted

    async def _accept(self, incoming: Incoming, who: Who, *, is_closed: bool) -> Accepted:
        known = await self._database.read(
            lambda connection: find_received(connection, incoming.channel, incoming.platform_id, incoming.digest)
        )
        if known:
            raise AlreadyAccepted(known)
        await self._check_limits(incoming)
        language = language_of(incoming.text, incoming.language)
        if is_closed:
            return await self._answer(incoming, who, replies.group_not_open(incoming.chat, language))
        intent = parse_intent(incoming.text, has_files=bool(incoming.attachments))
        if isinstance(intent, Command) and intent.name == "analyse":
            return await self._analyse_path(incoming, who, intent.argument, language)
        if incoming.unfetched and not incoming.attachments:
            said = await self._too_large(incoming, who, language)
            held = _album(incoming) if incoming.album and incoming.text else ""
            return await self._answer(incoming, who, said, held=held)
        open_work = await under_way(self._engine, incoming.channel, incoming.chat, who.person)
        waiting = () if isinstance(intent, Command) else await self._held_there(incoming, who)
        album = next((why for why in reversed(waiting) if why.startswith(ALBUM)), "")
        # Who asks at this machine's own socket waits for an answer of their own.
        when_busy = "queue" if incoming.channel == LOCAL else self._when_busy
        course = course_of(intent, when_busy, is_busy=bool(open_work or album))
        ended = await self._interrupt(open_work, language) if course is Course.INTERRUPT else None
        told = replies.gathered(language) if course is Course.GATHER else ended
        if incoming.album and incoming.attachments:
            return await self._answer(incoming, who, None if waiting else told, held=_album(incoming))
        match course:
            case Course.STEER if album:
                return await self._answer(incoming, who, None, held=album)
            case Course.STEER:
                return await self._steer(incoming, who, open_work, language)
            case Course.GATHER:
                return await self._answer(incoming, who, None if waiting else told, held=BUSY)
        if isinstance(intent, Analyse):
            return await self._start(incoming, who, intent.focus, language, ended)
        if ended is not None:
            return await self._answer(incoming, who, ended)
        message_id = self._new_id()
        answered = partial(self._answered, incoming, who, message_id)
        await self._commands.answer(Asked(incoming.channel, incoming.chat, who, language, answered), intent)
        return Accepted(message_id, None)

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

    async def _too_large(self, incoming: Incoming, who: Who, language: Language) -> replies.Said:
        """Say where a person can hand over what was not fetched: a user, whom the page knows not, is signed in there.

        In a group others would see the code, and the owner has a browser of their own.
        """
        is_once = not (incoming.is_group or who.is_owner or incoming.channel == WEB)
        link = f"{self._address()}/"
        if is_once:
            link = sign_in_link(self._address(), await self._people.invite(who.person))
        return replies.too_large_to_fetch(incoming.unfetched, link, language, is_once=is_once)

    async def _start(
        self, incoming: Incoming, who: Who, focus: str, language: Language, told: replies.Said | None = None
    ) -> Accepted:
        message_id = self._new_id()
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
        effects: list[Effect] = [Receive(message_id=message_id, task_id=task_id, incoming=incoming, person=who.person)]
        if told is not None:
            effects.append(self._reply(incoming, who, message_id, told))
        if incoming.unfetched:
            said = await self._too_large(incoming, who, language)
            effects.append(self._reply(incoming, who, message_id, said))
        await self._engine.put(specs, self._clock_ms(), effects)
        return Accepted(message_id, task_id)

    async def _answer(
        self, incoming: Incoming, who: Who, said: replies.Said | None, *, held: str = "", joins: str | None = None
    ) -> Accepted:
        """Take a message in and say something or nothing; one that is `held` has its work started later."""
        message_id = self._new_id()
        effects = self._answered(incoming, who, message_id, said, held=held, joins=joins)
        await self._engine.put((), self._clock_ms(), effects)
        if held:
            self._held()
        return Accepted(message_id, None)

    async def _interrupt(self, work: Sequence[Task], language: Language) -> replies.Said | None:
        """End the work under way; return what is to be said of that, None when there was none."""
        for task in work:
            await self._engine.cancel(task.id, self._clock_ms())
        return replies.interrupted(work, language) if work else None

    async def _steer(self, incoming: Incoming, who: Who, work: Sequence[Task], language: Language) -> Accepted:
        """Let words join the newest work under way whose last step has not begun: that one will know them."""
        task = next((task for task in work if task.state != "running"), None)
        if task is None:
            return await self._answer(incoming, who, replies.too_late(work[0].spec.title, language))
        said = replies.steered(task.spec.title, language)
        return await self._answer(incoming, who, said, joins=task.spec.message_id)

    async def _held_there(self, incoming: Incoming, who: Who) -> Sequence[str]:
        """Return why each of a person's messages waits in a chat, in order; the first was told that it does."""
        held = await self._database.read(lambda connection: held_messages(connection, incoming.channel))
        return [each.held for each in held if (each.chat, each.person) == (incoming.chat, who.person)]

    async def _analyse_path(self, incoming: Incoming, who: Who, argument: str, language: Language) -> Accepted:
        """Analyse a file of the machine itself, for its owner."""
        if not who.is_owner:
            return await self._answer(incoming, who, replies.owner_only(language))
        named, _, focus = argument.partition("\n")
        path = named.strip()
        try:
            with ExitStack() as stack:
                descriptor = await asyncio.to_thread(stack.enter_context, self._files.open(path))
                kept = await self._content.keep(Path(path).name, "application/octet-stream", read_blocks(descriptor))
        except BadInput as error:
            return await self._answer(incoming, who, replies.refused(error, language))
        return await self._start(replace(incoming, attachments=(kept,)), who, focus.strip(), language)

    def _answered(
        self,
        incoming: Incoming,
        who: Who,
        message_id: str,
        said: replies.Said | None,
        *,
        held: str = "",
        joins: str | None = None,
    ) -> tuple[Effect, ...]:
        """Return the effects that take a message in, and answer it by what is `said`."""
        received = Receive(
            message_id=message_id, task_id=None, incoming=incoming, person=who.person, held=held, joins=joins
        )
        return (received, self._reply(incoming, who, message_id, said)) if said else (received,)

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


def _place(incoming: Incoming, who: Who) -> Place:
    return (incoming.channel, incoming.chat, who.person)


def _album(incoming: Incoming) -> str:
    return f"{ALBUM}{incoming.album}"[:200]
