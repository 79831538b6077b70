"""Messages that wait for others before their work is started: the files of an album, what comes while a chat is busy.

They are on the disk like every message; which work they become is decided when their time has come, in one transaction
with the start of that work. So a restart in between changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from outpost_agent import replies
from outpost_agent.chains import log_chain
from outpost_agent.conversation import Release, Reply, Stored, held_messages
from outpost_agent.language import language_of
from outpost_agent.router.core import ALBUM, BUSY, Held, due
from outpost_agent.tasks.chains import under_way
from outpost_disk import Database
from outpost_sdk.tasks import Effect, TaskEngine

ALBUM_LOOK_S = 0.5


class Gatherer:
    """Starts the work of held messages. `began(channel, chat)` hears of it."""

    def __init__(
        self,
        *,
        database: Database,
        engine: TaskEngine,
        files_at_once: int,
        device: str,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        began: Callable[[str, str], None],
    ) -> None:
        self._database = database
        self._engine = engine
        self._files_at_once = files_at_once
        self._device = device
        self._new_id = new_id
        self._clock_ms = clock_ms
        self._began = began
        self._poked = asyncio.Event()
        self._poked.set()

    def poke(self) -> None:
        """Say that a message is held, or that work has ended."""
        self._poked.set()

    async def run(self) -> None:
        """Start what is due until cancelled; first what a previous life held."""
        is_album = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ALBUM_LOOK_S if is_album else None):
                    await self._poked.wait()
            self._poked.clear()
            is_album = await self.start_due()

    async def start_due(self) -> bool:
        """Start the work of held messages whose time has come; return whether an album still waits to be whole."""
        stored = [message for message in await self._database.read(held_messages) if message.person]
        held = [_held(message) for message in stored]
        busy = {
            message.place: bool(await under_way(self._engine, *message.place))
            for message in held
            if message.why == BUSY
        }
        by_id = {message.id: message for message in stored}
        groups = due(held, busy, self._clock_ms())
        for group in groups:
            await self._start([by_id[message.message_id] for message in group])
        begun = {message.message_id for group in groups for message in group}
        return any(message.why.startswith(ALBUM) and message.message_id not in begun for message in held)

    async def _start(self, messages: Sequence[Stored]) -> None:
        """Make one piece of work of messages that belong together, or as many as their files need."""
        last, now_ms = messages[-1], self._clock_ms()
        words = [message.text.strip() for message in messages if message.text.strip()]
        language = language_of(" ".join(words), last.language)
        files = [attachment for message in messages for attachment in message.attachments]
        chains = [
            log_chain(
                files[start : start + self._files_at_once],
                new_id=self._new_id,
                principal=last.person or "",
                channel=last.channel,
                chat=last.chat,
                message_id=last.id,
                language=language,
                focus="\n".join(words),
            )
            for start in range(0, len(files), self._files_at_once)
        ]
        task_id = chains[-1][-1].id if chains else None
        effects: list[Effect] = [
            Release(message_ids=tuple(message.id for message in messages[:-1]), task_id=None),
            Release(message_ids=(last.id,), task_id=task_id),
        ]
        if not chains:
            said = replies.no_model(self._device, language)
            effects.append(
                Reply(
                    id=self._new_id(),
                    channel=last.channel,
                    chat=last.chat,
                    person=last.person,
                    text=said.text,
                    document=said.document,
                    reply_to=last.id,
                )
            )
        await self._engine.put([spec for chain in chains for spec in chain], now_ms, effects)
        self._began(last.channel, last.chat)


def _held(message: Stored) -> Held:
    return Held(
        place=(message.channel, message.chat, message.person or ""),
        message_id=message.id,
        why=message.held,
        created_ms=message.created_ms,
    )
