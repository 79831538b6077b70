"""A reception and its people over a database of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outpost_agent.people import People
from outpost_disk import open_database
from tests.support.reception import SCHEMA, Reception


@pytest.fixture
async def reception(tmp_path: Path) -> AsyncIterator[Reception]:
    async with open_database(tmp_path / "device.sqlite", SCHEMA) as database:
        yield Reception(database)


@pytest.fixture
async def people(reception: Reception) -> People:
    return await reception.open()
