"""Processes killed at work: nothing is lost and nothing is done twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_disk import open_database
from outpost_sdk.suites.tasks import NOW, spec
from outpost_sdk.tasks import Retry
from tests.support.drain_tasks import RESULTS, ignore, write_result

TASKS_PER_KILL = 100
ROOT = Path(__file__).parents[4]


@pytest.mark.long
async def test_tasks_survive_the_death_of_their_process(tmp_path: Path) -> None:
    kills = 50 if os.environ.get("OUTPOST_LONG") == "1" else 5
    tasks = kills * TASKS_PER_KILL
    chance = random.Random(kills)
    path = tmp_path / "tasks.db"
    async with open_database(path, [TASK_SCHEMA, RESULTS]) as database:
        engine = SqliteEngine(database, apply=write_result, changed=ignore)
        retry = Retry(attempts=100)
        # Every third task is the child of the one before it.
        names = [f"t{number:04}" for number in range(tasks)]
        parents = [(names[number - 1],) if number % 3 == 2 else () for number in range(tasks)]
        await engine.put([spec(n, parents=p, retry=retry) for n, p in zip(names, parents, strict=True)], NOW)

    answered: list[str] = []
    for _ in range(kills):
        answered += drain(path, until=chance.randrange(1, TASKS_PER_KILL // 2))
    answered += drain(path, until=None)

    assert len(answered) == len(set(answered))
    async with open_database(path, [TASK_SCHEMA, RESULTS]) as database:
        engine = SqliteEngine(database, apply=write_result, changed=ignore)
        assert (await engine.counts())["done"] == tasks
        results = await database.read(lambda c: c.execute("SELECT task FROM result ORDER BY task").fetchall())
        assert results == [(name,) for name in names]
        assert await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]


def drain(path: Path, until: int | None) -> list[str]:
    """Work off tasks in another process and return those answered for; SIGKILL it after `until` of them."""
    command = [sys.executable, "-m", "tests.support.drain_tasks", str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        answered = []
        for line in process.stdout:
            answered.append(line.strip())
            if len(answered) == until:
                process.kill()
    assert process.returncode == (0 if until is None else -9)
    return answered
