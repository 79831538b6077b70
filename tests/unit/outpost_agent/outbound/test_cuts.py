"""The way out is cut at every edge: before and after each write and each call. Nothing is shown twice, nothing lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outpost_agent.conversation import counts, say_again
from outpost_disk import Database, Transaction
from outpost_sdk.channel import Caps, ChannelContext, Delivery, Outgoing
from tests.support.inline_database import InlineDatabase
from tests.support.outbound_rig import SCHEMA, Rig, ids

T = TypeVar("T")

CHATS = ("c", "d")
EDGES = 100


class PowerCut(BaseException):
    """Everything stops here."""


class Edges:
    """Counts the edges that are passed, and cuts at the one that was asked for."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.is_cut = False
        self.count = 0

    def arm(self, edge: int | None) -> None:
        """Cut at the `edge`-th edge from here, or not at all."""
        self.left, self.is_cut = edge, False

    def passed(self) -> None:
        """Pass one; after a cut nothing goes on."""
        self.count += 1
        if self.left is not None:
            self.left -= 1
            self.is_cut = self.is_cut or self.left < 0
        if self.is_cut:
            raise PowerCut


class CutDatabase(InlineDatabase):
    """A database with an edge before and after each transaction."""

    def __init__(self, edges: Edges) -> None:
        super().__init__(SCHEMA)
        self.edges = edges

    async def write(self, transaction: Transaction[T], *, durable: bool = True) -> T:
        self.edges.passed()
        value = await super().write(transaction, durable=durable)
        self.edges.passed()
        return value


class CountingPlatform:
    """A channel with an edge before and after the platform shows a message."""

    id = "counting"
    caps = Caps(delivery=Delivery.BY_CALL, text_limit=40, buttons_limit=8)

    def __init__(self, edges: Edges) -> None:
        self.edges = edges
        self.shown: list[tuple[str, str, int]] = []
        self.texts: list[str] = []

    async def run(self, context: ChannelContext) -> None:
        del context

    async def send(self, outgoing: Outgoing) -> str | None:
        self.edges.passed()
        self.shown.append((outgoing.chat, outgoing.id, outgoing.part))
        self.texts.append(outgoing.file.name if outgoing.file else outgoing.text)
        self.edges.passed()
        return str(len(self.shown))


class World:
    """A device with two messages of several calls in each of two chats."""

    def __init__(self, folder: Path) -> None:
        self.edges = Edges()
        self.store = CutDatabase(self.edges)
        self.platform = CountingPlatform(self.edges)
        self.rig = Rig(cast("Database", self.store), folder, self.platform)
        self.again = ids("again")
        self.said: list[str] = []

    async def prepare(self) -> None:
        """Write what is to be said."""
        for chat in CHATS:
            for number in (1, 2):
                name = f"{chat}{number}"
                file = await self.rig.keep(f"{name}.log", b"1")
                words = [f"{name} {part} of the answer, which is long" for part in ("first", "second")]
                await self.rig.say(name, chat=chat, paragraphs=words, files=(file,))
                self.said += [*words, file.name]

    async def live(self, edge: int | None = None) -> None:
        """Live until there is nothing to send, or until a cut at `edge`."""
        self.edges.arm(edge)
        running = asyncio.create_task(self.rig.outbound().run())
        async with asyncio.timeout(20):
            while not running.done() and self._is_open():
                await asyncio.sleep(0.0005)
        running.cancel()
        with suppress(asyncio.CancelledError, PowerCut, BaseExceptionGroup):
            await running
        self.edges.arm(None)

    def _is_open(self) -> bool:
        states = counts(self.store.connection)
        return bool(states.get("queued", 0) or states.get("sending", 0))

    def unknown(self) -> list[tuple[str, int]]:
        """Return chat and seq of what may not have arrived."""
        rows = self.store.connection.execute(
            "SELECT chat, seq FROM message WHERE direction = 'out' AND state = 'unknown' ORDER BY seq"
        )
        return [(chat, seq) for chat, seq in rows]

    def states(self) -> Counter[str]:
        """Return how many messages are in each state."""
        return Counter(counts(self.store.connection))


async def play(world: World, edges: list[int]) -> None:
    await world.prepare()
    for edge in edges:
        await world.live(edge)
    await world.live()


def check(world: World) -> None:
    """Check what holds however often the device was cut."""
    assert max(Counter(world.platform.shown).values()) == 1
    for chat in CHATS:
        order = [int(message[1:]) for where, message, _ in world.platform.shown if where == chat]
        assert order == sorted(order)
    assert set(world.states()) <= {"unknown"}
    parts: dict[str, list[int]] = {}
    for _, message, part in world.platform.shown:
        parts.setdefault(message, []).append(part)
    assert all(numbers == sorted(numbers) for numbers in parts.values())


@pytest.mark.parametrize("edge", range(EDGES))
async def test_a_cut_at_any_edge_shows_nothing_twice_and_loses_nothing(edge: int, tmp_path: Path) -> None:
    world = World(tmp_path)
    await play(world, [edge])
    check(world)
    assert len(world.unknown()) <= len(CHATS)


async def test_the_edges_that_are_cut_are_all_there_are(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.prepare()
    world.edges.count = 0
    await world.live()
    assert world.edges.count <= EDGES
    assert world.states() == {}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edges=st.lists(st.integers(0, EDGES), min_size=2, max_size=6))
def test_cuts_in_life_after_life_show_nothing_twice_and_lose_nothing(
    edges: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("cuts"))
    asyncio.run(play(world, edges))
    check(world)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edges=st.lists(st.integers(0, EDGES), min_size=1, max_size=4))
def test_what_is_asked_for_again_brings_all_that_was_said(
    edges: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("cuts"))
    asyncio.run(play(world, edges))
    doubted = world.unknown()
    for chat, seq in doubted:
        assert say_again(world.store.connection, "counting", chat, seq, world.again, 3)
        assert not say_again(world.store.connection, "counting", chat, seq, world.again, 3)
    asyncio.run(world.live())
    assert world.states() == {}
    everything = " ".join(world.platform.texts)
    times = [everything.count(words) for words in world.said]
    assert min(times) == 1
    assert sum(times) - len(times) <= len(doubted)


def test_an_offer_stays_the_same_over_restarts(tmp_path: Path) -> None:
    world = World(tmp_path)
    asyncio.run(world.prepare())
    connection: sqlite3.Connection = world.store.connection
    connection.execute("UPDATE message SET state = 'unknown' WHERE id = 'c1'")
    asyncio.run(world.live(12))
    first = connection.execute("SELECT offers FROM message WHERE id = 'c2'").fetchone()
    asyncio.run(world.live())
    assert first == connection.execute("SELECT offers FROM message WHERE id = 'c2'").fetchone()
    (offering,) = connection.execute("SELECT seq FROM message WHERE id = 'c2'").fetchone()
    assert connection.execute("SELECT offered_by FROM message WHERE id = 'c1'").fetchone() == (offering,)
