"""The delivery contract under SIGKILL at every edge: nothing accepted is lost, nothing is shown twice.

Each case lets a device die at one edge, starts it again and looks at what a platform that is called to send has shown
the person: every message is answered once, or its answer is visible as `unknown` in the device's database.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.fake_platform import FakePlatform
from tests.support.paired import pair

ROOT = Path(__file__).parents[2]
LONG = bool(os.environ.get("OUTPOST_LONG"))
EDGES = 66
"""A run passes 56 to 65 edges, depending on which commits were shared; the last cases see the end of a run."""
CERTAIN = 48
STRIDE = 1 if LONG else 8
DEADLINE_S = 60.0
LOG = b"".join(b"2026-01-01 00:00:%02d ERROR disk: read of block %d failed\n" % (n % 60, n) for n in range(200))
QUESTIONS = ("/help", "/status", "hello there")


def write_config(folder: Path, url: str) -> Path:
    path = folder / "device.toml"
    path.write_text(
        f"""
        [device]
        id = "crash"
        state = "{folder / "state"}"
        [web]
        listen = "127.0.0.1:0"
        [channels.push]
        adapter = "tests.support.fake_platform:PushChannel"
        options = {{ url = "{url}" }}
        """,
        encoding="utf-8",
    )
    return path


@asynccontextmanager
async def device(config: Path, fatal_edge: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.crash_device", str(config), str(fatal_edge), cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def rows(folder: Path) -> list[tuple[str, str, str]]:
    """Return (question, answer, state) of every message that was answered on the push channel."""
    with sqlite3.connect(folder / "state" / "device.sqlite") as database:
        found = database.execute(
            "SELECT i.platform_id, o.text, o.state FROM message i LEFT JOIN message o ON o.reply_to = i.id"
            " AND o.direction = 'out' WHERE i.channel = 'push' AND i.direction = 'in' ORDER BY i.seq"
        ).fetchall()
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return found


async def until_settled(folder: Path, platform: FakePlatform, messages: int) -> list[tuple[str, str, str]]:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if platform.taken >= messages:
                found = rows(folder)
                if len(found) == messages and all(state in ("delivered", "unknown") for _, _, state in found):
                    return found
            await asyncio.sleep(0.1)


def check(found: list[tuple[str, str, str]], platform: FakePlatform, messages: int) -> int:
    """Assert the contract; return how many answers are unknown."""
    assert [question for question, _, _ in found] == [str(number) for number in range(messages)]
    shown = Counter((message["id"], message["part"]) for message in platform.shown)
    assert all(count == 1 for count in shown.values()), f"shown twice: {shown}"
    answered = {message.get("reply_to") for message in platform.shown}
    lost = [question for question, _, state in found if state == "delivered" and question not in answered]
    assert lost == []
    return sum(state == "unknown" for _, _, state in found)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("edge", range(1, EDGES, STRIDE))
async def test_a_kill_at_an_edge_loses_and_repeats_nothing(tmp_path: Path, edge: int) -> None:
    async with FakePlatform() as platform:
        config = write_config(tmp_path, platform.url)
        await pair(tmp_path / "state", "push", "ann", "c1")
        platform.say(QUESTIONS[0])
        platform.say("look", (("disk.log", LOG),))
        platform.say(QUESTIONS[1])
        async with device(config, edge) as doomed:
            dying = asyncio.create_task(doomed.wait())
            settling = asyncio.create_task(until_settled(tmp_path, platform, 3))
            done, pending = await asyncio.wait({dying, settling}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            assert dying not in done or doomed.returncode == -signal.SIGKILL
            assert dying in done or edge > CERTAIN, "this edge was never reached"
        platform.say(QUESTIONS[2])
        async with device(config, 0):
            unknown = check(await until_settled(tmp_path, platform, 4), platform, 4)
    assert unknown <= 1
