"""Messages that wait for others before their work is started: the files of an album, what comes while a chat is busy.

They are on the disk like every message; which work they become is decided when their time has come, in one transaction
with the start of that work. So a restart in between changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Collection, Sequence

from outpost_agent import replies
from outpost_agent.chains import log_chain
from outpost_agent.conversation import Release, Reply, Stored, held_messages, page_after
from outpost_agent.language import language_of
from outpost_agent.parting import may_hear, part_with_strangers
from outpost_agent.people import People
from outpost_agent.router.core import ALBUM, BUSY, Held, Place, due
from outpost_agent.tasks.chains import under_way
from outpost_disk import Database
from outpost_sdk.tasks import Effect, TaskEngine

log = logging.getLogger(__name__)

ALBUM_LOOK_S = 0.5
RETRY_S = 5.0
ANSWERS_SEEN = 100


class Gatherer:
    """Starts the work of held messages. `began(channel, chat)` hears of it.

    `coming()` names the albums that are not whole yet for certain. A device that `is_collecting` makes one piece of
    work of all that came while a chat was busy.
    """

    def __init__(
        self,
        *,
        database: Database,
        engine: TaskEngine,
        people: People,
        files_at_once: int,
        is_collecting: bool,
        device: str,
        coming: Callable[[], Collection[tuple[Place, str]]],
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        began: Callable[[str, str], None],
    ) -> None:
        self._database = database
        self._engine = engine
        self._people = people
        self._files_at_once = files_at_once
        self._is_collecting = is_collecting
        self._device = device
        self._coming = coming
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._began = began
        self._since_ms = clock_ms()
        self._poked = asyncio.Event()
        self._poked.set()

    def poke(self) -> None:
        """Say that a message is held, or that work has ended."""
        self._poked.set()

    async def run(self) -> None:
        """Start what is due until cancelled; first what a previous life held."""
        self._since_ms = self._clock_ms()
        look_s: float | None = None
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(look_s):
                    await self._poked.wait()
            self._poked.clear()
            try:
                look_s = ALBUM_LOOK_S if await self.start_due() else None
            except Exception:
                log.exception("held messages wait", extra={"again_in_s": RETRY_S})
                look_s = RETRY_S

    async def start_due(self) -> bool:
        """Start the work of held messages whose time has come; return whether an album still waits to be whole.

        One group that cannot be started leaves the others alone, and is raised when they have been.
        """
        stored = [message for message in await self._database.read(held_messages) if message.person]
        held = [_held(message) for message in stored]
        places = {message.place for message in held if message.why == BUSY or self._is_collecting}
        groups = due(
            held,
            {place: bool(await under_way(self._engine, *place)) for place in places},
            self._clock_ms(),
            is_collecting=self._is_collecting,
            coming=self._coming(),
            since_ms=self._since_ms,
        )
        by_id = {message.id: message for message in stored}
        failed: Exception | None = None
        for group in groups:
            try:
                await self._start([by_id[message.message_id] for message in group])
            except Exception as error:
                failed = error
        if failed is not None:
            raise failed
        begun = {message.message_id for group in groups for message in group}
        return any(message.why.startswith(ALBUM) and message.message_id not in begun for message in held)

    async def _start(self, messages: Sequence[Stored]) -> None:
        """Make one piece of work of messages that belong together, or as many as their files need."""
        last, person = messages[-1], messages[-1].person or ""
        words = [message.text.strip() for message in messages if message.text.strip()]
        language = language_of(" ".join(words), last.language)
        files = [attachment for message in messages for attachment in message.attachments]
        chains = [
            log_chain(
                files[start : start + self._files_at_once],
                new_id=self._new_id,
                principal=person,
                channel=last.channel,
                chat=last.chat,
                message_id=last.id,
                language=language,
                focus="\n".join(words),
            )
            for start in range(0, len(files), self._files_at_once)
        ]
        effects: list[Effect] = [
            Release(message_ids=tuple(message.id for message in messages[:-1]), task_id=None),
            Release(message_ids=(last.id,), task_id=chains[-1][-1].id if chains else None),
        ]
        if not chains and not await self._is_answered(last):
            said = replies.no_model(self._device, language)
            effects.append(
                Reply(
                    id=self._new_id(),
                    channel=last.channel,
                    chat=last.chat,
                    person=person,
                    text=said.text,
                    document=said.document,
                    reply_to=last.id,
                )
            )
        await self._engine.put([spec for chain in chains for spec in chain], self._clock_ms(), effects)
        if may_hear(self._people, person, last.channel):
            self._began(last.channel, last.chat)
        else:
            await part_with_strangers(self._database, self._engine, self._people, self._clock_ms())

    async def _is_answered(self, message: Stored) -> bool:
        """Say whether a message of an album was answered already, as one is whose file the platform does not give."""
        if message.held == BUSY:
            return False

        def find(connection: sqlite3.Connection) -> bool:
            after = page_after(connection, message.channel, message.chat, message.seq, ANSWERS_SEEN)
            return any(each.reply_to == message.id and each.direction == "out" for each in after)

        return await self._database.read(find)


def _held(message: Stored) -> Held:
    return Held(
        place=(message.channel, message.chat, message.person or ""),
        message_id=message.id,
        why=message.held,
        created_ms=message.created_ms,
    )
