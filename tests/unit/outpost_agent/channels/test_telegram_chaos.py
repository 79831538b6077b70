"""Telegram on bad days: connections that break, floods, half-open sockets, restarts, a revoked token, another consumer.

People go on writing meanwhile. The adapter works with the real inbox and the real way out, and in the end each message
was taken once and each answer shown once; an answer that may have been shown stands as unknown, and at most once.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from outpost_agent.conversation import AlreadyAccepted, Receive, Reply, receive, reply
from outpost_agent.outbound.driver import Outbound
from outpost_disk import Database, open_database
from outpost_sdk.channel import Accepted, Attachment, ChannelHealth, Incoming
from outpost_wire.document import Document, Paragraph, Text
from tests.support.fake_telegram import FakeTelegram, Fault, Person
from tests.support.outbound_rig import SCHEMA, Rig, ids
from tests.support.telegram_rig import adapter

ROUNDS = 30
PEOPLE = (Person(1001, "Ann"), Person(1002, "小明", "zh"), Person(1003, "Bo"))
DEADLINE_S = 60.0


class Device:
    """The adapter between the real inbox and the real way out; it may be killed and started again."""

    def __init__(self, telegram: FakeTelegram, database: Database, folder: Path) -> None:
        self._telegram = telegram
        self._database = database
        self._folder = folder
        self._new_id = ids("M")
        self._tasks: list[asyncio.Task[None]] = []
        self._outbound: Outbound | None = None
        self.lives = 0
        self.offered: Counter[str] = Counter()
        self.health: list[ChannelHealth] = []
        self.changed = asyncio.Condition()

    async def start(self) -> None:
        """Begin a life."""
        self.lives += 1
        channel = adapter(self._telegram, poll_s=1, call_s=0.5)
        self._rig = Rig(self._database, self._folder / f"content-{self.lives}", channel)
        self._outbound = self._rig.outbound()
        self._tasks = [asyncio.create_task(channel.run(self)), asyncio.create_task(self._outbound.run())]

    async def stop(self) -> None:
        """End a life."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def admit(self, _: Incoming) -> bool:
        """Let everybody in."""
        return True

    def tell(self, health: ChannelHealth) -> None:
        """Note how the channel is."""
        self.health.append(health)

    async def keep(self, name: str, type_: str, content: AsyncIterator[bytes]) -> Attachment:
        """Keep a file on the disk."""
        return await self._rig.content.keep(name, type_, content)

    async def accept(self, incoming: Incoming) -> Accepted:
        """Write the message and its answer in one transaction, as the router does."""
        self.offered[incoming.platform_id] += 1
        effect = Receive(message_id=self._new_id(), task_id=None, incoming=incoming)
        answer = Reply(
            id=self._new_id(),
            channel=incoming.channel,
            chat=incoming.chat,
            text="",
            document=Document((Paragraph((Text(f"answer to [{incoming.text}] with {len(incoming.attachments)}"),)),)),
            reply_to=effect.message_id,
        )

        def take(connection: sqlite3.Connection) -> None:
            receive(connection, effect, 1)
            reply(connection, answer, 1)

        try:
            await self._database.write(take)
        except AlreadyAccepted as error:
            return error.accepted
        assert self._outbound is not None
        self._outbound.poke()
        return Accepted(effect.message_id, None)


class Day:
    """One bad day: what people said, and what went wrong."""

    def __init__(self, telegram: FakeTelegram, device: Device, database: Database, seed: int) -> None:
        self.telegram = telegram
        self.device = device
        self.database = database
        self.chance = random.Random(seed)
        self.said: list[tuple[str, str]] = []

    def people_write(self) -> None:
        """Have one to four messages come, some of them with a file."""
        for _ in range(self.chance.randint(1, 4)):
            person = self.chance.choice(PEOPLE)
            words = f"message {len(self.said)}"
            files = ((f"{words}.log", words.encode() * 100),) if self.chance.random() < 0.2 else ()
            self.telegram.person_says(words, files, person=person)
            self.said.append((str(person.id), words))

    async def breath(self) -> None:
        """Let things happen for a short and uneven while."""
        await asyncio.sleep(self.chance.uniform(0, 0.05))

    async def server_gone(self) -> None:
        await self.telegram.stop()
        self.people_write()
        await self.breath()
        await self.telegram.start()

    async def connections_cut(self) -> None:
        self.telegram.cut_connections()
        self.people_write()

    async def flood(self) -> None:
        self.telegram.fail("getUpdates", *[Fault("flood", retry_after=0)] * 3)
        self.telegram.fail("sendMessage", *[Fault("flood", retry_after=1)] * 2)
        self.people_write()
        self.telegram.cut_connections()

    async def half_open(self) -> None:
        self.telegram.fail("getUpdates", Fault("hang"))
        self.telegram.fail("sendMessage", Fault(self.chance.choice(["hang", "hang_after"])))
        self.people_write()

    async def answers_lost(self) -> None:
        ways = [Fault("abort"), Fault("abort_after"), Fault("status"), Fault("status_after")]
        self.telegram.fail("sendMessage", *self.chance.sample(ways, 2))
        self.telegram.fail("getUpdates", Fault("abort_after"), Fault("status_after"))
        self.telegram.fail("file", Fault("abort_after"))
        self.people_write()

    async def device_killed(self) -> None:
        """Kill the device at some point of what people write."""
        self.people_write()
        await self.breath()
        await self.telegram.stop()
        await self.device.stop()
        await self.telegram.start()
        await self.device.start()

    async def device_killed_before_it_confirms(self) -> None:
        """Kill the device when it has taken all and confirmed none of it, so that all of it comes again."""
        await self.telegram.until(lambda: self.telegram.is_polled)
        self.telegram.fail("getUpdates", *[Fault("status")] * 1_000)
        self.people_write()
        async with asyncio.timeout(DEADLINE_S):
            while len(await self.taken()) < len(self.said):
                await asyncio.sleep(0.005)
        await self.device.stop()
        self.telegram.forgive("getUpdates")
        await self.device.start()

    async def token_revoked(self) -> None:
        self.telegram.token_works = False
        self.telegram.cut_connections()
        self.people_write()
        seen = self.states_now()
        async with asyncio.timeout(DEADLINE_S):
            while "refused" not in self.states_since(seen):
                await asyncio.sleep(0.005)
        self.telegram.token_works = True

    async def other_consumer(self) -> None:
        """Have another program poll with the same token; it confirms nothing."""
        await self.telegram.until(lambda: not self.telegram.updates)
        url = f"{self.telegram.url}/bot{self.telegram.token}/getUpdates"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            seen = self.states_now()
            async with asyncio.timeout(DEADLINE_S):
                while "contested" not in self.states_since(seen):
                    await self.breath()
                    with suppress(aiohttp.ClientError, TimeoutError):
                        async with session.post(url, json={"timeout": 0}) as response:
                            await response.read()
        self.people_write()

    def states_now(self) -> int:
        """Return a point in the story of the channel's health: the state that it is in."""
        return max(0, len(self.device.health) - 1)

    def states_since(self, point: int) -> set[str]:
        """Return the states from that point on."""
        return {health.state for health in self.device.health[point:]}

    async def settled(self) -> None:
        """Wait until every message was taken and every answer has met its fate."""
        async with asyncio.timeout(DEADLINE_S):
            while self.telegram.acknowledged() < len(self.said) or await self.open_answers():
                assert self.device._outbound is not None
                self.device._outbound.poke()
                await asyncio.sleep(0.02)

    async def open_answers(self) -> int:
        """Return how many answers have not met their fate."""
        query = "SELECT count(*) FROM message WHERE direction = 'out' AND state IN ('prepared', 'queued', 'sending')"
        rows: list[tuple[int]] = await self.database.read(lambda connection: connection.execute(query).fetchall())
        return rows[0][0]

    async def taken(self) -> list[tuple[str, str]]:
        """Return what the device took, in order."""
        query = "SELECT chat, text FROM message WHERE direction = 'in' ORDER BY seq"
        return await self.database.read(lambda connection: connection.execute(query).fetchall())

    async def fates(self) -> dict[str, str]:
        """Return what became of the answer to each message, by its words."""
        query = (
            "SELECT came.text, went.state FROM message AS went JOIN message AS came ON went.reply_to = came.id"
            " WHERE went.direction = 'out'"
        )
        return dict(await self.database.read(lambda connection: connection.execute(query).fetchall()))

    def shown(self) -> Counter[str]:
        """Return how often the answer to each message is shown, by its words."""
        texts = [text for person in PEOPLE for text in self.telegram.texts(person.id)]
        return Counter(words for _, words in self.said for text in texts if f"answer to [{words}]" in text)


@asynccontextmanager
async def a_day(tmp_path: Path, seed: int) -> AsyncIterator[Day]:
    async with open_database(tmp_path / "d.sqlite", SCHEMA) as database, FakeTelegram() as telegram:
        device = Device(telegram, database, tmp_path)
        await device.start()
        try:
            yield Day(telegram, device, database, seed)
        finally:
            await device.stop()


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path, seed: int) -> None:
    async with a_day(tmp_path, seed) as day:
        troubles: list[Callable[[], Awaitable[None]]] = [
            day.server_gone,
            day.connections_cut,
            day.flood,
            day.half_open,
            day.answers_lost,
            day.device_killed,
            day.token_revoked,
            day.other_consumer,
        ]
        order = [troubles[number % len(troubles)] for number in range(ROUNDS)]
        day.chance.shuffle(order)
        for trouble in order:
            await trouble()
            await day.breath()
        await day.settled()
        await day.device_killed_before_it_confirms()
        await day.settled()

        assert sorted(await day.taken()) == sorted(day.said)
        for person in PEOPLE:
            mine = [words for chat, words in day.said if chat == str(person.id)]
            assert [words for chat, words in await day.taken() if chat == str(person.id)] == mine
        fates, shown = await day.fates(), day.shown()
        assert fates.keys() == {words for _, words in day.said}
        assert set(fates.values()) <= {"delivered", "unknown"}
        assert {words: shown[words] for words, fate in fates.items() if fate == "delivered" and shown[words] != 1} == {}
        assert {words: shown[words] for words, fate in fates.items() if fate == "unknown" and shown[words] > 1} == {}
        # The day was as bad as it was meant to be.
        assert {health.state for health in day.device.health} >= {"on", "unreachable", "refused", "contested"}
        assert max(day.device.offered.values()) > 1
        assert day.device.lives > 2
