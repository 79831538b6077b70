"""Peers of the local socket that do not read, flood it, are strangers or send nonsense."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outpost_agent.local import server
from outpost_agent.local.async_client import AsyncLocalClient
from outpost_agent.local.errors import CallFailed
from outpost_agent.local.server import LocalServer
from outpost_agent.local.transport import HIGH_WATER
from outpost_wire.frames import DESCRIPTORS_LIMIT, FRAME_LIMIT, Body, encode
from tests.support.local_socket import Methods, call_blocking, last_words, local_peers, raw_peer, send_with_descriptors


async def test_a_peer_that_does_not_read_stops_the_method(local: LocalServer, methods: Methods) -> None:
    async with raw_peer(local) as peer:
        await asyncio.get_running_loop().sock_sendall(peer, encode(Body(id=1, method="flood")))
        await methods.entered.wait()
        (connection,) = [one._connection for one in local._peers]
        for _ in range(200):
            await asyncio.sleep(0)
        held = connection._unsent_bytes
        assert 0 < held < 2 * 1024 * 1024 + 65_536

    await methods.ended.wait()


@pytest.mark.parametrize(("method", "size", "count"), [("echo", 65_536, 500), ("absent", 0, 500_000)])
async def test_a_peer_that_does_not_read_stops_what_is_answered_at_once(
    local: LocalServer, method: str, size: int, count: int
) -> None:
    request = encode(Body(id=1, method=method, params=b"x" * size))
    async with raw_peer(local) as peer:
        flood = asyncio.create_task(asyncio.get_running_loop().sock_sendall(peer, request * count))
        (one,) = await local_peers(local)
        while one._connection._is_reading:
            await asyncio.sleep(0)
        assert HIGH_WATER <= one._connection._unsent_bytes < HIGH_WATER + server.CALLS_LIMIT * 66_000
        assert not flood.done()
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)


async def test_a_flood_of_calls_is_taken_a_few_at_a_time(local: LocalServer, methods: Methods) -> None:
    async with raw_peer(local) as peer:
        flood = b"".join(encode(Body(id=number, method="wait")) for number in range(1, 2001))
        await asyncio.get_running_loop().sock_sendall(peer, flood)
        await methods.entered.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        (one,) = local._peers
        assert len(one._calls) == server.CALLS_LIMIT


async def test_a_peer_beyond_the_limit_is_told_to_come_back(
    local: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_LIMIT", 2)
    async with raw_peer(local), raw_peer(local), raw_peer(local) as third:
        assert (await last_words(third)).code == "too_many_connections"


async def test_a_stranger_is_refused_with_a_sentence(path: Path, methods: Methods) -> None:
    async with LocalServer(path, methods.table(), allowed_uids=[os.getuid() + 1]) as local:
        with AsyncLocalClient.connect(local.path) as client, pytest.raises(CallFailed) as caught:
            await client.call("echo")
        assert caught.value.fault.code == "peer_refused"
        assert str(os.getuid()) in caught.value.fault.message

        with pytest.raises(CallFailed) as caught:
            await asyncio.to_thread(call_blocking, path, "echo")
        assert caught.value.fault.code == "peer_refused"


@pytest.mark.parametrize(
    ("send", "words"),
    [
        (lambda peer: peer.send(struct.pack(">I", FRAME_LIMIT + 1)), "a frame of 8388609 bytes"),
        (lambda peer: peer.send(b"GET / HTTP/1.1\r\n\r\n"), "a frame of"),
        (lambda peer: peer.send(encode(Body(id=1, result=1))), "a request is expected"),
        (lambda peer: peer.send(encode(Body(id=0, method="echo"))), "with an id from 1"),
        (lambda peer: send_with_descriptors(peer, encode(Body(id=1, result=1, descriptors=3)), 3), "a request is"),
        (lambda peer: send_with_descriptors(peer, encode(Body(id=1, method="echo")), 3), "no frame declares"),
        (lambda peer: send_with_descriptors(peer, struct.pack(">I", 2**30), 3), "a frame of"),
        (lambda peer: send_with_descriptors(peer, b"\0\0", DESCRIPTORS_LIMIT + 1), "descriptors were lost"),
        (lambda peer: send_with_descriptors(peer, encode(Body(id=1, method="echo", descriptors=4)), 3), "fds is 4"),
    ],
)
async def test_what_is_no_request_ends_the_connection_with_a_sentence(
    local: LocalServer, send: Callable[[socket.socket], Any], words: str
) -> None:
    async with raw_peer(local) as peer:
        send(peer)
        fault = await last_words(peer)

    assert fault.code == "bad_message"
    assert words in fault.message


async def test_a_call_that_nonsense_follows_leaves_nothing(local: LocalServer, methods: Methods) -> None:
    async with raw_peer(local) as peer:
        send_with_descriptors(peer, encode(Body(id=1, method="wait", descriptors=3)) + b"\0\0\0\0", 3)
        assert (await last_words(peer)).code == "bad_message"

    assert not methods.entered.is_set()


async def test_a_peer_that_leaves_in_the_middle_of_a_frame_leaves_nothing(local: LocalServer, methods: Methods) -> None:
    frame = encode(Body(id=1, method="echo", descriptors=3))
    async with raw_peer(local) as peer:
        send_with_descriptors(peer, frame[:-1], 3)
        with AsyncLocalClient.connect(local.path) as other:
            assert (await other.call("echo", 1)).value == 1


async def test_a_peer_that_only_hangs_about_disturbs_nobody(local: LocalServer, client: AsyncLocalClient) -> None:
    async with raw_peer(local) as one, raw_peer(local) as two:
        one.send(b"\0")
        two.shutdown(socket.SHUT_WR)
        assert (await client.call("echo", "still here")).value == "still here"
        assert (await last_words(two)).code == "none"
