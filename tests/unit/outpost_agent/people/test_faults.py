"""Faults: a change that is cut at any statement, and a process that is killed, leave all of it or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from outpost_agent.people import OWNER, People
from outpost_agent.people.store import load
from outpost_disk import open_database
from tests.support.inline_database import Cut, InlineDatabase
from tests.support.reception import DAY, HOUR, MINUTE, SCHEMA, Reception, stranger

ROOT = Path(__file__).parents[4]

Call = Callable[[People, "Lobby"], Awaitable[object]]


class Lobby:
    """A device with an owner, a user with a browser, requests of every standing, an invite and a recovery file."""

    def __init__(self) -> None:
        self.store = InlineDatabase(SCHEMA)
        self.reception = Reception(self.store.database)

    async def furnish(self) -> People:
        self.people = people = await self.reception.open()
        self.recovery = (await people.claim(people.claim_code or "")).recovery
        self.user = (await people.approve(await self.code("approved"))).person.person
        self.browser = await people.new_browser(self.user)
        await people.approve(await self.code("browser", "web"))
        await people.refuse(await self.code("refused"))
        self.waiting = await self.code("waiting")
        self.invite = await people.invite()
        await people.approve(await self.code("owner", "wechat"), "owner")
        self.reception.said.clear()
        self.reception.changes = 0
        return people

    async def code(self, sender: str, channel: str = "telegram") -> str:
        return await self.people.ask(stranger(sender, channel)) or ""

    async def ask_later(self, people: People, milliseconds: int) -> None:
        self.reception.now += milliseconds
        try:
            await people.ask(stranger("waiting"))
        finally:
            self.reception.now -= milliseconds

    async def renew_later(self, people: People) -> None:
        self.reception.up += DAY
        try:
            await people.renew(self.browser)
        finally:
            self.reception.up -= DAY

    async def tidy_later(self, people: People) -> None:
        self.reception.up += HOUR
        try:
            await people.tidy()
        finally:
            self.reception.up -= HOUR


CALLS: dict[str, Call] = {
    "ask": lambda people, _: people.ask(stranger("new")),
    "ask again": lambda people, lobby: lobby.ask_later(people, 5 * MINUTE),
    "ask anew": lambda people, lobby: lobby.ask_later(people, 2 * DAY),
    "approve": lambda people, lobby: people.approve(lobby.waiting),
    "approve as owner": lambda people, lobby: people.approve(lobby.waiting, "owner", name="Kim"),
    "refuse": lambda people, lobby: people.refuse(lobby.waiting),
    "revoke": lambda people, lobby: people.revoke(lobby.user),
    "revoke the owner's": lambda people, _: people.revoke(OWNER, "wechat", "owner"),
    "recover": lambda people, lobby: people.recover(lobby.recovery, language="zh"),
    "fresh recovery": lambda people, _: people.fresh_recovery(),
    "new browser": lambda people, _: people.new_browser(OWNER, language="zh"),
    "enter": lambda people, _: people.enter("browser"),
    "renew": lambda people, lobby: lobby.renew_later(people),
    "sign out": lambda people, lobby: people.sign_out(lobby.browser),
    "invite": lambda people, _: people.invite(),
    "redeem": lambda people, lobby: people.redeem(lobby.invite),
    "tidy": lambda people, lobby: lobby.tidy_later(people),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_fault_at_any_statement_leaves_all_as_it_was(name: str) -> None:
    """Cut a change at its first statement, its second and so on, until it is through."""
    lobby = Lobby()
    people = await lobby.furnish()
    before, known, cuts = lobby.store.dump(), people._book.register, 0
    while True:
        lobby.store.fail_at = cuts + 1
        try:
            await CALLS[name](people, lobby)
        except Cut:
            assert lobby.store.dump() == before
            assert people._book.register == known == load(lobby.store.connection)
            assert lobby.reception.said == []
            assert lobby.reception.changes == 0
            cuts += 1
        else:
            break
    lobby.store.fail_at = None
    assert cuts >= 7
    assert lobby.store.dump() != before
    assert people._book.register == load(lobby.store.connection) != known


async def test_a_claim_that_is_cut_leaves_the_device_to_be_claimed() -> None:
    store = InlineDatabase(SCHEMA)
    people = await Reception(store.database).open()
    code, cuts = people.claim_code or "", 0
    while not people.is_owned:
        assert people.claim_code == code
        assert people.browsers(OWNER) == ()
        store.fail_at = cuts + 1
        try:
            await people.claim(code)
        except Cut:
            cuts += 1
    assert cuts >= 7


async def test_only_the_time_that_passes_may_be_lost_with_the_power() -> None:
    lobby = Lobby()
    await lobby.furnish()
    lost = set()
    for name, call in CALLS.items():
        again = Lobby()
        people = await again.furnish()
        again.store.durable.clear()
        await call(people, again)
        if not again.store.durable[-1]:
            lost.add(name)
    assert lost == {"renew", "tidy"}


@pytest.mark.long
async def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    """Kill a process that lets people in, again and again: whoever it said is in, is in, and nobody half."""
    kills = 20 if os.environ.get("OUTPOST_LONG") == "1" else 3
    path = tmp_path / "device.sqlite"
    answered = [sender for life in range(kills) for sender in let_in_until_killed(path, f"life {life}", 1 + life % 8)]
    async with open_database(path, SCHEMA) as database:
        reception = Reception(database)
        people = await reception.open()
        assert answered
        for sender in answered:
            who = people.who("telegram", sender)
            assert who is not None
            assert {home.chat for home in people.homes(who.person)} == {who.person, f"chat {sender}"}
            assert len(await reception.heard("telegram", f"chat {sender}")) == 2
        for person in people.facts()[1:]:
            assert len(person.identities) == 1
        assert await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]


def let_in_until_killed(path: Path, name: str, until: int) -> list[str]:
    command = [sys.executable, "-m", "tests.support.let_people_in", str(path), name]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        answered = []
        for line in process.stdout:
            answered.append(line.strip())
            if len(answered) == until:
                process.kill()
                break
        answered += [line.strip() for line in process.stdout if line.endswith("\n")]
    assert process.returncode == -9
    return answered
