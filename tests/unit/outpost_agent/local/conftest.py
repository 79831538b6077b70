"""A local socket, whose end leaves no descriptor open, and a client on it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from outpost_agent.local.async_client import AsyncLocalClient
from outpost_agent.local.server import LocalServer
from tests.support.local_socket import Methods, open_descriptors


@pytest.fixture
async def methods() -> Methods:
    return Methods()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "device.sock"


@pytest.fixture
async def local(path: Path, methods: Methods) -> AsyncIterator[LocalServer]:
    before = open_descriptors()
    async with LocalServer(path, methods.table()) as running:
        yield running
    assert open_descriptors() == before


@pytest.fixture
async def client(local: LocalServer) -> AsyncIterator[AsyncLocalClient]:
    with AsyncLocalClient.connect(local.path) as client:
        yield client


@pytest.fixture
def a_file() -> Iterator[int]:
    number = os.open(__file__, os.O_RDONLY)
    yield number
    os.close(number)
