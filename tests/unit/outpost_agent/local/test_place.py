"""The place of the local socket: whose it is, and what stands there before."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from outpost_agent.local.async_client import AsyncLocalClient
from outpost_agent.local.errors import SocketHeld
from outpost_agent.local.server import LocalServer
from tests.support.local_socket import Methods


async def test_the_socket_is_for_its_owner_alone(local: LocalServer) -> None:
    assert stat.S_IMODE(local.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(local.path.parent.stat().st_mode) == 0o700


async def test_a_dead_daemons_socket_is_replaced(path: Path, methods: Methods) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(os.fspath(path))
        dead.listen()

    async with LocalServer(path, methods.table()):
        with AsyncLocalClient.connect(path) as client:
            assert (await client.call("echo", 1)).value == 1


async def test_a_living_daemons_socket_is_left_alone(local: LocalServer, client: AsyncLocalClient) -> None:
    with pytest.raises(SocketHeld):
        async with LocalServer(local.path, {}):
            pass

    assert (await client.call("echo", 1)).value == 1


async def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")

    with pytest.raises(SocketHeld):
        async with LocalServer(path, {}):
            pass

    assert path.read_text() == "precious"
