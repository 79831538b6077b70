"""A session against servers that are not there, do not answer, or are no brokers; the real broker is in integration."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from outpost_link import LinkDown, Login, MqttSession, Outgoing, Received, SubscriptionRefused
from outpost_link.connection import Connection

MESSAGE = Outgoing(topic="a/b", payload=b"x")
CONNACK = bytes.fromhex("2003000000")
PUBACK = bytes.fromhex("40020001")
SURPRISE = bytes.fromhex("300500016100ff")  # a QoS 0 PUBLISH on topic "a" with one byte of payload, 0xff

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@asynccontextmanager
async def _server(*answers: bytes) -> AsyncIterator[int]:
    """Listen on a free port, and answer whatever is said with one of `answers` after the other."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(100)
            writer.write(answer)
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _login(port: int, **changes: object) -> Login:
    facts = {"host": "127.0.0.1", "port": port, "client_id": "tester", "timeout_s": 0.2} | changes
    return Login(**facts)  # type: ignore[arg-type]


def _ignore(_message: Received) -> None:
    """Take no notice."""


async def _ignore_async(_message: Received) -> None:
    """Take no notice."""


async def _failure(login: Login) -> str:
    with pytest.raises(LinkDown) as caught:
        await Connection(login, None, _ignore, lambda: True).open()
    return str(caught.value)


async def test_names_the_broker_that_is_not_there(unused_tcp_port: int) -> None:
    said = await _failure(_login(unused_tcp_port))
    assert said.startswith(f"no connection to the broker at 127.0.0.1:{unused_tcp_port}: ")
    assert "refused" in said


async def test_names_a_host_that_cannot_be_found() -> None:
    said = await _failure(_login(1883, host="nowhere.invalid"))
    assert said.startswith("no connection to the broker at nowhere.invalid:1883: ")


async def test_gives_up_on_a_broker_that_does_not_answer() -> None:
    async with _server(b"") as port:
        assert (await _failure(_login(port))).endswith("ended: it did not answer within 0.2 s")


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x03\x00\x00\x7f", b"\xff" * 20, b"\x20\x02\x00\x00"],
    ids=["http", "cut properties", "noise", "MQTT 3.1.1"],
)
async def test_ends_in_one_sentence_when_the_other_side_is_no_mqtt_5_broker(answer: bytes) -> None:
    async with _server(answer) as port:
        said = await _failure(_login(port))
    assert said.startswith(f"the connection to the broker at 127.0.0.1:{port} ended: ")


async def test_a_message_with_no_connection_is_refused_at_once() -> None:
    session = MqttSession(_login(1), _ignore_async)
    with pytest.raises(LinkDown, match="has not been connected yet"):
        await session.publish("a/b", b"x")


async def test_what_waits_for_an_answer_learns_that_the_connection_ended() -> None:
    async with _server(CONNACK) as port:
        connection = Connection(_login(port, window=2), None, _ignore, lambda: True)
        await connection.open()
        receipts = [connection.send(MESSAGE) for _ in range(5)]
        await connection.close()
    outcomes = await asyncio.gather(*receipts, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LinkDown] * 5
    with pytest.raises(LinkDown, match="Normal disconnection"):
        await connection.send(MESSAGE)


async def test_names_the_subscription_that_is_refused() -> None:
    async with _server(CONNACK, bytes.fromhex("90050001000187")) as port:
        connection = Connection(_login(port), None, _ignore, lambda: True)
        await connection.open()
        with pytest.raises(SubscriptionRefused, match=r"subscription to b/#: Not authorized; check its access rules"):
            await connection.subscribe([("a", 1), ("b/#", 1)])
        await connection.close()


async def test_a_message_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outpost_link.connection.WAITING_LIMIT", 2)
    async with _server(CONNACK) as port:
        connection = Connection(_login(port, window=1), None, _ignore, lambda: True)
        await connection.open()
        receipts = [connection.send(MESSAGE) for _ in range(4)]
        assert str(receipts[3].exception()).startswith("2 messages wait for the broker already")
        await connection.close()
    await asyncio.gather(*receipts, return_exceptions=True)


async def test_cancelling_the_open_leaves_nothing_behind() -> None:
    async with _server(b"") as port:
        connection = Connection(_login(port, timeout_s=30.0), None, _ignore, lambda: True)
        opening = asyncio.create_task(connection.open())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await opening
        assert "this end gave up" in str(await connection.ended())


async def test_reads_no_more_than_there_is_room_for_until_there_is_more() -> None:
    received: list[Received] = []
    room = 3
    is_full = asyncio.Event()

    def receive(message: Received) -> None:
        received.append(message)
        if len(received) == room:
            is_full.set()

    async with _server(CONNACK + SURPRISE * 10) as port:
        connection = Connection(_login(port), None, receive, lambda: len(received) < room)
        await connection.open()
        await is_full.wait()
        assert len(received) == 3
        room = 10
        is_full.clear()
        connection.adjust_reading()
        await is_full.wait()
        await connection.close()
    assert {message.payload for message in received} == {b"\xff"}


async def test_an_answer_that_stands_behind_more_messages_than_there_is_room_for_still_comes() -> None:
    handled = 0
    may_handle = asyncio.Event()
    is_done = asyncio.Event()

    async def handle(_message: Received) -> None:
        nonlocal handled
        await may_handle.wait()
        handled += 1
        if handled == 10:
            is_done.set()

    async def greet() -> None:
        await session.publish("a/b", b"x")
        may_handle.set()

    async with _server(CONNACK, SURPRISE * 10 + PUBACK) as port:
        session = MqttSession(_login(port, receive_maximum=3), handle, greet=greet)
        async with session.opened():
            await is_done.wait()


async def test_says_the_same_failure_once(caplog: pytest.LogCaptureFixture, unused_tcp_port: int) -> None:
    failures = 0

    def chance() -> float:
        nonlocal failures
        failures += 1
        if failures == 2:
            enough.set()
        return 0.0

    enough = asyncio.Event()
    session = MqttSession(_login(unused_tcp_port, password="hunter2"), _ignore_async, chance=chance)
    with caplog.at_level(logging.DEBUG):
        async with session.opened():
            await enough.wait()
            assert not session.is_connected
            assert session.down_because is not None
            assert session.down_because.startswith("no connection to the broker at ")
    levels = [record.levelname for record in caplog.records if record.name == "outpost_link.session"]
    assert levels == ["WARNING", "DEBUG"]
    assert "hunter2" not in caplog.text + repr(session._login)


async def test_an_error_of_the_handler_ends_the_session_with_it() -> None:
    async def handle(_message: Received) -> None:
        raise RuntimeError("disk on fire")

    async with _server(CONNACK + SURPRISE) as port:
        with pytest.raises(ExceptionGroup) as caught:
            async with MqttSession(_login(port), handle).opened():
                await asyncio.Event().wait()
    assert "disk on fire" in str(caught.value.exceptions[0])
