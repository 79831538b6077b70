"""Calls over the local socket between real ends: answers, updates, refusals, and the ends of either side."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from pathlib import Path

import pytest

from outpost_agent.local.async_client import AsyncLocalClient
from outpost_agent.local.errors import CallFailed, ConnectionLost, NoAnswer, NobodyListens
from outpost_agent.local.server import LocalServer
from outpost_wire.errors import BadMessage
from outpost_wire.frames import DESCRIPTORS_LIMIT, FRAME_LIMIT, Fault
from tests.support.local_socket import BIG, Methods, call_blocking, open_descriptors, send_with_descriptors


async def test_a_value_comes_back(client: AsyncLocalClient) -> None:
    value = {"text": "你好", "numbers": [1, 2.5, None, True], "bytes": b"\0\xff"}

    assert (await client.call("echo", value)).value == value


async def test_calls_at_once_get_their_own_answers(client: AsyncLocalClient) -> None:
    answers = await asyncio.gather(*(client.call("echo", number) for number in range(500)))

    assert [answer.value for answer in answers] == list(range(500))


async def test_updates_come_before_the_answer(client: AsyncLocalClient) -> None:
    seen: list[int] = []

    answer = await client.call("count", 5, on_update=seen.append)

    assert (seen, answer.value) == ([0, 1, 2, 3, 4], 5)


async def test_a_frame_larger_than_the_socket_takes_comes_back(client: AsyncLocalClient) -> None:
    value = "x" * (FRAME_LIMIT - 64)

    assert (await client.call("echo", value)).value == value


@pytest.mark.parametrize("method", ["refuse", "refuse at once"])
async def test_our_errors_go_to_the_caller_as_they_are(client: AsyncLocalClient, method: str) -> None:
    with pytest.raises(CallFailed) as caught:
        await client.call(method)

    assert caught.value.fault == Fault("bad_input", "This file is empty.", "文件是空的。")


@pytest.mark.parametrize("method", ["break", "break at once"])
async def test_other_errors_tell_neither_caller_nor_log_their_text(
    client: AsyncLocalClient, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    with pytest.raises(CallFailed) as caught:
        await client.call(method)

    assert caught.value.fault.code == "internal"
    (record,) = caplog.records
    assert (record.method, record.error) == (method, "RuntimeError")  # type: ignore[attr-defined]
    assert "secret" not in caplog.text + str(caught.value)


@pytest.mark.parametrize(
    ("method", "code"),
    [("absent", "no_such_method"), ("unsendable", "bad_message"), ("unsendable at once", "bad_message")],
)
async def test_a_bad_call_leaves_the_connection_as_it_is(
    client: AsyncLocalClient, a_file: int, method: str, code: str
) -> None:
    with pytest.raises(CallFailed) as caught:
        await client.call(method, files=[a_file], bulk=[BIG])

    assert caught.value.fault.code == code
    assert (await client.call("echo", 1)).value == 1


async def test_what_cannot_be_sent_is_refused_here(client: AsyncLocalClient, a_file: int) -> None:
    with pytest.raises(BadMessage):
        await client.call("echo", object(), files=[a_file], bulk=[BIG])
    with pytest.raises(BadMessage):
        await client.call("echo", files=[a_file] * (DESCRIPTORS_LIMIT + 1))

    assert (await client.call("echo", 1)).value == 1


async def test_the_end_of_a_connection_ends_its_calls(local: LocalServer, methods: Methods) -> None:
    with AsyncLocalClient.connect(local.path) as client:
        call = asyncio.create_task(client.call("wait"))
        await methods.entered.wait()
        client.close()
        with pytest.raises(ConnectionLost):
            await call

    await methods.ended.wait()


async def test_the_end_of_the_server_ends_calls(path: Path, methods: Methods) -> None:
    async with LocalServer(path, methods.table()) as local:
        client = AsyncLocalClient.connect(local.path)
        call = asyncio.create_task(client.call("wait"))
        await methods.entered.wait()

    with pytest.raises(ConnectionLost):
        await call
    assert methods.ended.is_set()
    assert client.is_closed
    assert not path.exists()


async def test_the_blocking_client_speaks_the_same(local: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("one")
    number = os.open(tmp_path / "one", os.O_RDONLY)
    seen: list[int] = []

    echoed = await asyncio.to_thread(call_blocking, local.path, "echo", {"a": 1}, files=[number], bulk=[BIG, b"s"])
    counted = await asyncio.to_thread(call_blocking, local.path, "count", 3, on_update=seen.append)

    assert echoed == ({"a": 1}, [BIG, b"s"], [b"one"])
    assert (counted[0], seen) == (3, [0, 1, 2])
    os.close(number)


async def test_the_blocking_client_does_not_wait_for_ever(local: LocalServer) -> None:
    with pytest.raises(NoAnswer):
        await asyncio.to_thread(call_blocking, local.path, "wait", timeout_s=0.05)


async def test_the_blocking_client_says_that_the_daemon_left(path: Path, methods: Methods) -> None:
    async with LocalServer(path, methods.table()):
        asking = asyncio.create_task(asyncio.to_thread(call_blocking, path, "wait"))
        await methods.entered.wait()

    with pytest.raises(ConnectionLost):
        await asking


def test_where_nobody_listens_one_says_so(tmp_path: Path) -> None:
    before = open_descriptors()

    with pytest.raises(NobodyListens) as caught:
        call_blocking(tmp_path / "absent.sock", "echo")

    assert "outpost run" in str(caught.value)
    assert open_descriptors() == before


def test_a_server_that_speaks_nonsense_is_refused(tmp_path: Path) -> None:
    before = open_descriptors()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(os.fspath(tmp_path / "s"))
        listener.listen()

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1000)
                send_with_descriptors(peer, b"\xff\xff\xff\xff", 2)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(BadMessage):
            call_blocking(tmp_path / "s", "echo")
        thread.join()

    assert open_descriptors() == before
