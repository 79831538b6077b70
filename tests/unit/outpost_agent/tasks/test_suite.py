"""The one suite, against every engine there is."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_disk import open_database
from outpost_sdk.suites.tasks import REFUSED, Note, NoteRefused, Notes, TaskEngineSuite
from outpost_sdk.tasks import Effect, Task, TaskEngine
from tests.support.memory_engine import MemoryEngine

NOTES = "CREATE TABLE note (text TEXT NOT NULL);"


@dataclass(frozen=True)
class Bench:
    """An engine and the notes that it kept."""

    engine: TaskEngine
    notes: Notes


def write_note(connection: sqlite3.Connection, effect: Effect, _now_ms: int) -> None:
    assert isinstance(effect, Note)
    if effect.text == REFUSED:
        raise NoteRefused
    connection.execute("INSERT INTO note (text) VALUES (?)", (effect.text,))


def ignore(_connection: sqlite3.Connection, _task: Task) -> None:
    """Nobody listens."""


def memory_bench() -> Bench:
    kept: list[str] = []

    def keep(effects: Sequence[Effect]) -> None:
        texts = [effect.text for effect in effects if isinstance(effect, Note)]
        if REFUSED in texts:
            raise NoteRefused
        kept.extend(texts)

    async def notes() -> list[str]:
        return kept

    return Bench(MemoryEngine(keep), notes)


@pytest.fixture(params=["sqlite", "memory"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield memory_bench()
        return
    async with open_database(tmp_path / "tasks.db", [TASK_SCHEMA, NOTES]) as database:

        async def notes() -> list[str]:
            rows = await database.read(lambda c: c.execute("SELECT text FROM note ORDER BY rowid").fetchall())
            return [text for (text,) in rows]

        yield Bench(SqliteEngine(database, apply=write_note, changed=ignore), notes)


@pytest.fixture
def engine(bench: Bench) -> TaskEngine:
    return bench.engine


@pytest.fixture
def notes(bench: Bench) -> Notes:
    return bench.notes


class TestEngines(TaskEngineSuite):
    """Every engine passes the suite."""
