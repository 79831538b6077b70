"""A chat platform in memory for the way out: it answers each call with what a test says, and counts what was shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

from outpost_agent.content import ContentFolder
from outpost_agent.conversation import CONVERSATION_2_SCHEMA, CONVERSATION_SCHEMA, Reply, Stored, get_message, reply
from outpost_agent.egress import Egress
from outpost_agent.outbound.driver import Outbound
from outpost_agent.tasks import TASK_SCHEMA
from outpost_disk import Database
from outpost_sdk.channel import Attachment, Caps, ChannelContext, Delivery, Outgoing
from outpost_sdk.tasks import TaskEngine
from outpost_wire.document import Document, Paragraph, Text
from outpost_wire.egress import Departure

SCHEMA = (CONVERSATION_SCHEMA, TASK_SCHEMA, CONVERSATION_2_SCHEMA)
PAGE = "http://device.test:8080"


class Scripted:
    """A channel that answers each call with the next of `script`, then with success."""

    id = "scripted"

    def __init__(self, caps: Caps | None = None) -> None:
        self.caps = caps or Caps(delivery=Delivery.BY_CALL, buttons_limit=8)
        self.script: list[Exception | None] = []
        self.calls: list[Outgoing] = []
        self.files: dict[str, bytes] = {}
        self.states: list[str] = []
        self.database: Database | None = None
        self.gates: dict[str, asyncio.Event] = {}

    async def run(self, context: ChannelContext) -> None:
        del context

    async def send(self, outgoing: Outgoing) -> str | None:
        self.calls.append(outgoing)
        if self.database:
            stored = await self.database.read(partial(get_message, message_id=outgoing.id))
            self.states.append(stored.state)
        if outgoing.chat in self.gates:
            await self.gates[outgoing.chat].wait()
        answer = self.script.pop(0) if self.script else None
        if answer is not None:
            raise answer
        if outgoing.file:
            self.files[outgoing.file.name] = b"".join([piece async for piece in outgoing.file.read()])
        return f"sent {outgoing.id} {outgoing.part}"

    def texts(self) -> list[str]:
        """Return what was said, in order; of a file its name."""
        return [call.file.name if call.file else call.text for call in self.calls]


class Rig:
    """A channel, its way out, and what is to be said."""

    def __init__(self, database: Database, folder: Path, channel: Any = None, engine: Any = None) -> None:
        self.database = database
        self.channel = channel or Scripted()
        self.departures: list[Departure] = []
        self.content = ContentFolder(folder, limit_bytes=1 << 30, high_water=1.0, new_id=iter(_names()).__next__)
        self.engine = cast("TaskEngine", engine)

    def outbound(self) -> Outbound:
        """Return a new way out, as a new life of the device has it."""
        return Outbound(
            self.channel,
            self.database,
            content=self.content,
            egress=Egress(self.departures.append),
            engine=self.engine,
            progress=lambda _: 0.4,
            address=lambda: PAGE,
            clock_ms=lambda: 2,
        )

    async def say(
        self,
        text: str,
        chat: str = "c",
        state: str = "queued",
        paragraphs: Sequence[str] = (),
        files: tuple[Attachment, ...] = (),
    ) -> None:
        """Have the device say something; its id is `text`."""
        document = Document(tuple(Paragraph((Text(words),)) for words in paragraphs))
        answer = Reply(
            id=text,
            channel=self.channel.id,
            chat=chat,
            text=text,
            document=document,
            attachments=files,
            state=state,  # type: ignore[arg-type]
        )
        await self.database.write(lambda connection: reply(connection, answer, 1))

    async def stored(self, message: str) -> Stored:
        """Return a message as it stands."""
        return await self.database.read(partial(get_message, message_id=message))

    async def states(self, *messages: str) -> dict[str, str]:
        """Return the states of messages."""
        return {message: (await self.stored(message)).state for message in messages}

    async def keep(self, name: str, data: bytes) -> Attachment:
        """Keep a file that is to be sent."""

        async def pieces() -> AsyncIterator[bytes]:
            yield data

        return await self.content.keep(name, "text/plain", pieces())

    async def drive(self, until: dict[str, str]) -> None:
        """Let the device live until the messages of `until` have the states it names."""
        async with self.living() as outbound:
            while await self.states(*until) != until:
                outbound.poke()
                await asyncio.sleep(0.002)

    @asynccontextmanager
    async def living(self) -> AsyncIterator[Outbound]:
        """Let the device live for as long as the context lasts."""
        outbound = self.outbound()
        running = asyncio.create_task(outbound.run())
        try:
            async with asyncio.timeout(10):
                yield outbound
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


def ids(prefix: str) -> Callable[[], str]:
    """Return what makes ids."""
    return iter(_names(prefix)).__next__


def _names(prefix: str = "n") -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"{prefix}{number}"
