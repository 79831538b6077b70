"""The router with what it stands on, real but for workers, platforms and the clock."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outpost_agent.app import SCHEMA
from outpost_agent.config import Config, ConversationConfig
from outpost_agent.content import ContentFolder
from outpost_agent.conversation import Stored, page_after
from outpost_agent.files import AllowedFiles
from outpost_agent.ledger import Ledger
from outpost_agent.people import People, Stranger, Who
from outpost_agent.reporting import Reporter
from outpost_agent.router.commands import Commands
from outpost_agent.router.core import WhenBusy
from outpost_agent.router.gather import Gatherer
from outpost_agent.router.router import Router
from outpost_agent.tasks import SqliteEngine
from outpost_agent.tasks.chains import heads
from outpost_disk import Database, open_database
from outpost_sdk.channel import Accepted, Attachment, Incoming, Unfetched
from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import Task
from outpost_wire.ids import encode

CHANNEL = "telegram"
PAGE = "http://device.test:7780"
LEASE_MS = 60_000


class RouterRig:
    """A device as far as the router goes; `now` is its clock, in milliseconds."""

    def __init__(self, folder: Path, database: Database, when_busy: WhenBusy, roots: tuple[str, ...]) -> None:
        self.now = 1_000_000
        self.folder = folder
        self.database = database
        self.when_busy: WhenBusy = when_busy
        self.began: list[tuple[str, str]] = []
        self._roots = roots
        self._ids = itertools.count(1)
        self._numbers = itertools.count(1)
        ledger = Ledger(new_id=self.new_id, poke=lambda *_: None, tells_manager=False)
        self.engine = SqliteEngine(database, apply=ledger.apply, changed=ledger.changed)

    def new_id(self) -> str:
        """Return an id larger than every one before."""
        return encode(next(self._ids))

    def clock_ms(self) -> int:
        """Return the time."""
        return self.now

    async def begin(self) -> None:
        """Join the parts, as a new life of the device does."""
        config = Config(conversation=ConversationConfig(when_busy=self.when_busy))
        shared: dict[str, Any] = {"new_id": self.new_id, "clock_ms": self.clock_ms}
        self.people = await People.open(
            self.database, monotonic_ms=self.clock_ms, said=lambda *_: None, changed=lambda: None, **shared
        )
        reporter = Reporter(config, self.folder, release="1", boot_id="b", **shared)
        self.content = ContentFolder(self.folder / "content", limit_bytes=1 << 20, high_water=1.0, new_id=self.new_id)
        self.router = Router(
            database=self.database,
            engine=self.engine,
            content=self.content,
            people=self.people,
            files=AllowedFiles(self._roots, self.folder / "state"),
            commands=Commands(
                database=self.database, engine=self.engine, reporter=reporter, busy=lambda *_: None, **shared
            ),
            metrics=reporter.metrics,
            limits=config.limits,
            conversation=config.conversation,
            address=lambda: PAGE,
            said=lambda *_: None,
            busy=lambda *_: None,
            held=lambda: None,
            **shared,
        )
        self.gatherer = Gatherer(
            database=self.database,
            engine=self.engine,
            people=self.people,
            files_at_once=config.limits.attachments_per_message,
            is_collecting=self.when_busy == "collect",
            device="device",
            coming=self.router.coming,
            began=lambda *chat: self.began.append(chat),
            **shared,
        )

    async def let_in(self, sender: str, *, is_owner: bool = False) -> Who:
        """Let somebody in who writes in a chat named as they are."""
        stranger = Stranger(channel=CHANNEL, sender=sender, name=sender, chat=sender, language="en")
        code = await self.people.ask(stranger)
        assert code is not None
        return (await self.people.approve(code, "owner" if is_owner else "user")).person

    async def file(self, name: str) -> Attachment:
        """Keep a file."""

        async def pieces() -> AsyncIterator[bytes]:
            yield name.encode()

        return await self.content.keep(name, "text/plain", pieces())

    async def incoming(
        self,
        sender: str,
        text: str = "",
        *files: str,
        channel: str = CHANNEL,
        unfetched: tuple[str, ...] = (),
        **more: Any,
    ) -> Incoming:
        """Return a message of somebody's."""
        facts: dict[str, Any] = {"chat": sender, "platform_id": f"p{next(self._numbers)}", "language": "en", **more}
        return Incoming(
            channel=channel,
            sender=sender,
            text=text,
            attachments=tuple([await self.file(name) for name in files]),
            unfetched=tuple(Unfetched(name=name) for name in unfetched),
            **facts,
        )

    async def says(self, sender: str, text: str = "", *files: str, **more: Any) -> Accepted:
        """Have somebody say something, as an adapter hands it over."""
        return await self.router.accept(await self.incoming(sender, text, *files, **more))

    async def asks(self, sender: str, text: str, **more: Any) -> str:
        """Have somebody say something, and return what answers it, "" when nothing does."""
        accepted = await self.says(sender, text, **more)
        said = await self.messages(more.get("chat", sender), more.get("channel", CHANNEL))
        return next((each.text for each in said if each.reply_to == accepted.message_id), "")

    async def messages(self, chat: str, channel: str = CHANNEL) -> list[Stored]:
        """Return all that was said in a chat."""
        return await self.database.read(lambda connection: page_after(connection, channel, chat, 0, 1_000))

    async def answers(self, chat: str, channel: str = CHANNEL) -> list[str]:
        """Return what the device said in a chat."""
        return [each.text for each in await self.messages(chat, channel) if each.direction == "out"]

    async def work(self) -> list[Task]:
        """Return the open pieces of work, oldest first."""
        return heads(await self.engine.list(states=("waiting", "ready", "running")))[::-1]

    async def titles(self) -> list[str]:
        """Return the files of the open pieces of work, oldest first."""
        return [task.spec.title.partition(": ")[2] for task in await self.work()]

    async def step(self, count: int = 1, *, stay: bool = False) -> None:
        """Carry out the next steps of work; the last one stays under way if asked to."""
        for number in range(count):
            (task,) = await self.engine.claim(["log.standardise", "log.analyse", "log.report"], 1, LEASE_MS, self.now)
            if not (stay and number == count - 1):
                await self.engine.finish(task.id, task.epoch, Outcome(), (), self.now)


@asynccontextmanager
async def router_rig(
    folder: Path, when_busy: WhenBusy = "steer", *, roots: tuple[str, ...] = ()
) -> AsyncIterator[RouterRig]:
    """Give a rig, in whose chats `ann`, `bob` and the owner `olive` are known."""
    (folder / "state").mkdir()
    async with open_database(folder / "state" / "device.sqlite", SCHEMA) as database:
        rig = RouterRig(folder, database, when_busy, roots)
        await rig.begin()
        for sender in ("ann", "bob", "olive"):
            await rig.let_in(sender, is_owner=sender == "olive")
        await rig.database.write(lambda connection: connection.execute("DELETE FROM message"))
        yield rig
