"""Random SIGKILLs of device, broker and manager under load: nothing accepted is lost, no reply is said twice.

People send logs and questions all the while; every message that was accepted must be answered exactly once, and every
result must stand in the console exactly once. 200 kills in `make test-long`, 20 otherwise.
"""

from __future__ import annotations

import asyncio
import collections
import os
import random
from pathlib import Path
from typing import Any

import pytest

from tests.support.demo import Client, Demo, client_of, running_demo

KILLS = 200 if os.environ.get("OUTPOST_LONG") else 20
ROLES = ("device", "broker", "manager")
SETTLE_S = 240.0
PEOPLE = 3
LOG = b"".join(
    b"2026-03-01 10:%02d:%02d %s pool: job %d took %d ms\n"
    % (n // 60 % 60, n % 60, b"ERROR" if n % 50 == 0 else b"INFO", n, n * 7 % 900)
    for n in range(1500)
)


class Load:
    """What people said and what they were told on acceptance."""

    def __init__(self) -> None:
        self.accepted: dict[str, dict[str, str | None]] = {}
        self.stopped = asyncio.Event()


async def person(number: int, client: Client, load: Load) -> None:
    chance = random.Random(number)
    count = 0
    while not load.stopped.is_set():
        count += 1
        key = f"person {number} message {count}"
        if chance.random() < 0.5:
            log = b"%s2026-03-01 11:00:00 INFO mark: %s\n" % (LOG, key.encode())
            load.accepted[key] = await client.say(key, "", ((f"{number}-{count}.log", log),))
        else:
            load.accepted[key] = await client.say(key, chance.choice(["/help", "/tasks", "/status", "hello"]))
        await asyncio.sleep(chance.uniform(0.05, 0.4))


async def kill_at_random(demo: Demo) -> collections.Counter[str]:
    chance = random.Random(7)
    killed: collections.Counter[str] = collections.Counter()
    victims = [ROLES[number % len(ROLES)] for number in range(KILLS)]
    chance.shuffle(victims)
    for role in victims:
        await asyncio.sleep(chance.uniform(0.2, 2.0))
        while not demo.kill(role):
            await asyncio.sleep(0.1)
        killed[role] += 1
    return killed


async def until_all_answered(client: Client, load: Load) -> list[dict[str, Any]]:
    wanted = {answer["message_id"] for answer in load.accepted.values()}
    async with asyncio.timeout(SETTLE_S):
        while True:
            messages = await client.all_messages()
            if wanted <= {message["reply_to"] for message in messages if message["direction"] == "out"}:
                return messages
            await asyncio.sleep(0.5)


async def until_all_in_console(client: Client, device: str, wanted: set[str]) -> list[str]:
    async with asyncio.timeout(SETTLE_S):
        while not wanted <= set(found := await all_results(client, device)):
            await asyncio.sleep(0.5)
    return found


async def all_results(client: Client, device: str) -> list[str]:
    """Return the tasks of all results that the console has, newest first."""
    found: list[str] = []
    before = ""
    while page := await client.get(f"devices/{device}/results?limit=500{before}", console=True):
        found += [result["task_id"] for result in page]
        before = f"&before={page[-1]['id']}"
    return found


@pytest.mark.broker
@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    async with running_demo(tmp_path / "state") as demo, client_of(demo) as client:
        load = Load()
        async with asyncio.TaskGroup() as group:
            for number in range(PEOPLE):
                group.create_task(person(number, client, load))
            killed = await kill_at_random(demo)
            load.stopped.set()
        messages = await until_all_answered(client, load)
        logs = {answer["task_id"] for answer in load.accepted.values() if answer["task_id"]}
        results = await until_all_in_console(client, demo.first_line["device"], logs)

    assert killed.total() == KILLS
    replies = collections.Counter(message["reply_to"] for message in messages if message["direction"] == "out")
    asked = {message["id"] for message in messages if message["direction"] == "in"}
    said = {answer["message_id"] for answer in load.accepted.values()}
    assert asked == said, "a message is missing, or was taken in twice"
    assert set(replies) == said
    assert set(replies.values()) == {1}, "something was answered twice"
    failed = [message for message in messages if message["direction"] == "out" and "failed" in message["text"][:80]]
    assert failed == []
    assert [message["seq"] for message in messages] == sorted({message["seq"] for message in messages})
    assert sorted(results) == sorted(logs), "a result stands twice, or one too many"
    print(f"\n{killed.total()} kills {dict(killed)}; {len(said)} messages, {len(logs)} results; 0 lost, 0 twice")
