"""What goes out: the table of states, and the driver with a channel that does what a test says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from outpost_agent.conversation import CONVERSATION_2_SCHEMA, CONVERSATION_SCHEMA, Reply, get_message, reply
from outpost_agent.outbound.core import NEXT, Event, Out, UnexpectedMove, step
from outpost_agent.outbound.driver import Outbound
from outpost_agent.outbound.rows import move
from outpost_disk import Database, open_database
from outpost_sdk.channel import Caps, ChannelContext, Delivery, Outgoing, SendLater, SendRefused, SendUnknown
from outpost_wire.document import Document


@pytest.mark.parametrize(("state", "event"), list(itertools.product(Out, Event)))
def test_a_move_is_in_the_table_or_an_error(state: Out, event: Event) -> None:
    if (state, event) in NEXT:
        assert step(state, event) is NEXT[state, event]
    else:
        with pytest.raises(UnexpectedMove, match=f"{event.value} while {state.value}"):
            step(state, event)


def test_what_may_have_been_shown_is_never_called_again() -> None:
    ends = {Out.DELIVERED, Out.UNKNOWN, Out.REFUSED}
    assert all(state not in ends for state, _ in NEXT)
    assert NEXT[Out.SENDING, Event.RESTARTED] is Out.UNKNOWN
    assert NEXT[Out.SENDING, Event.BROKE_OFF] is Out.UNKNOWN


class Scripted:
    """A channel that answers each call with the next of `script`, then with success."""

    id = "scripted"
    caps = Caps(delivery=Delivery.BY_CALL)

    def __init__(self) -> None:
        self.script: list[Exception | None] = []
        self.called: list[str] = []
        self.states: list[str] = []
        self.database: Database | None = None
        self.gates: dict[str, asyncio.Event] = {}

    async def run(self, context: ChannelContext) -> None:
        del context

    async def send(self, outgoing: Outgoing) -> str | None:
        assert self.database is not None
        stored = await self.database.read(lambda connection: get_message(connection, outgoing.id))
        self.called.append(outgoing.text)
        self.states.append(stored.state)
        if outgoing.chat in self.gates:
            await self.gates[outgoing.chat].wait()
        answer = self.script.pop(0) if self.script else None
        if answer is not None:
            raise answer
        return f"sent {outgoing.text}"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path / "d.sqlite", [CONVERSATION_SCHEMA, CONVERSATION_2_SCHEMA]) as database:
        yield database


@pytest.fixture
async def channel(database: Database) -> Scripted:
    channel = Scripted()
    channel.database = database
    return channel


async def say(database: Database, text: str, chat: str = "c", state: str = "queued") -> None:
    answer = Reply(id=text, channel="scripted", chat=chat, text=text, document=Document(), state=state)  # type: ignore[arg-type]
    await database.write(lambda connection: reply(connection, answer, 1))


async def drive(channel: Scripted, database: Database, until: dict[str, str]) -> None:
    """Run the driver until the messages of `until` have the states it names."""
    outbound = Outbound(channel, database, lambda: 2)
    running = asyncio.create_task(outbound.run())
    try:
        async with asyncio.timeout(10):
            while await states(database, *until) != until:
                outbound.poke()
                await asyncio.sleep(0.005)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def states(database: Database, *messages: str) -> dict[str, str]:
    found = {}
    for message in messages:
        stored = await database.read(partial(get_message, message_id=message))
        found[message] = stored.state
    return found


async def test_the_state_is_written_before_the_platform_is_called(channel: Scripted, database: Database) -> None:
    await say(database, "a")
    await drive(channel, database, {"a": "delivered"})
    assert channel.states == ["sending"]


async def test_messages_of_a_chat_go_out_once_and_in_order(channel: Scripted, database: Database) -> None:
    for text in "abcdef":
        await say(database, text)
    await drive(channel, database, dict.fromkeys("abcdef", "delivered"))
    assert channel.called == list("abcdef")


async def test_a_call_that_was_put_off_is_made_again(channel: Scripted, database: Database) -> None:
    channel.script = [SendLater("busy", 0.0), SendLater("busy", 0.0), None]
    await say(database, "a")
    await say(database, "b")
    await drive(channel, database, {"a": "delivered", "b": "delivered"})
    assert channel.called == ["a", "a", "a", "b"]


@pytest.mark.parametrize("error", [SendUnknown("cut"), RuntimeError("a bug"), OSError("reset")])
async def test_a_call_that_broke_off_is_not_repeated(channel: Scripted, database: Database, error: Exception) -> None:
    channel.script = [error]
    await say(database, "a")
    await say(database, "b")
    await drive(channel, database, {"a": "unknown", "b": "delivered"})
    assert channel.called == ["a", "b"]


async def test_a_call_that_was_refused_ends_there(channel: Scripted, database: Database) -> None:
    channel.script = [SendRefused("blocked")]
    await say(database, "a")
    await drive(channel, database, {"a": "refused"})
    assert channel.called == ["a"]


async def test_what_was_being_sent_when_the_device_stopped_is_unknown(channel: Scripted, database: Database) -> None:
    await say(database, "a", state="sending")
    await say(database, "b", state="prepared")
    await drive(channel, database, {"a": "unknown", "b": "delivered"})
    assert channel.called == ["b"]


async def test_a_chat_that_waits_does_not_hold_up_another(channel: Scripted, database: Database) -> None:
    channel.gates["slow"] = asyncio.Event()
    await say(database, "a", chat="slow")
    await say(database, "b", chat="fast")
    await drive(channel, database, {"a": "sending", "b": "delivered"})


async def test_a_move_from_a_state_that_has_passed_changes_nothing(database: Database) -> None:
    await say(database, "a")
    stored = await database.read(lambda connection: get_message(connection, "a"))
    assert await database.write(lambda connection: move(connection, stored.seq, ("queued", "sending"), 2))
    assert not await database.write(lambda connection: move(connection, stored.seq, ("queued", "sending"), 3))
    assert await states(database, "a") == {"a": "sending"}
