"""People over a real database when several act at the same time, give up, or the database fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from outpost_agent.people import OWNER, AlreadyClaimed, InviteRefused, NoSuchRequest, People, RecoveryRefused
from outpost_disk import Database, DatabaseFailed
from outpost_wire.errors import OutpostError
from tests.support.reception import SCHEMA, Reception, claimed, let_in, stranger


async def outcomes(*calls: Awaitable[object]) -> list[object]:
    """Return what each call gave, an error of ours by its type."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    return [type(answer) if isinstance(answer, OutpostError) else answer for answer in answers]


async def test_of_two_claims_at_once_exactly_one_wins(people: People) -> None:
    code = people.claim_code or ""
    answers = await outcomes(*(people.claim(code, source=f"{number}") for number in range(8)))
    assert answers.count(AlreadyClaimed) == 7
    assert len(people.browsers(OWNER)) == 1


async def test_a_request_answered_twice_at_once_is_answered_once(people: People, reception: Reception) -> None:
    code = await people.ask(stranger("7")) or ""
    answers = await outcomes(people.approve(code), people.refuse(code), people.approve(code, "owner"))
    assert answers.count(NoSuchRequest) == 2
    assert len(await reception.heard("telegram", "chat 7")) == 2


async def test_a_crowd_that_asks_at_once_gets_three_codes(people: People, reception: Reception) -> None:
    codes = await asyncio.gather(*(people.ask(stranger(f"{number}")) for number in range(20)))
    assert len({code for code in codes if code}) == 3
    assert people.turned_away == 17
    assert len(reception.said) == 3


async def test_one_who_writes_twice_at_once_gets_one_code(people: People, reception: Reception) -> None:
    codes = await asyncio.gather(*(people.ask(stranger("7")) for _ in range(5)))
    assert [code is not None for code in codes].count(True) == 1
    assert len(await reception.heard("telegram", "chat 7")) == 1


async def test_an_invite_and_a_recovery_file_are_used_once(people: People) -> None:
    first = await claimed(people)
    invite = await people.invite()
    answers = await outcomes(people.redeem(invite), people.redeem(invite))
    assert answers.count(InviteRefused) == 1
    answers = await outcomes(people.recover(first.recovery), people.recover(first.recovery))
    assert answers.count(RecoveryRefused) == 1


async def test_a_change_whose_caller_gives_up_is_in_memory_as_on_the_disk(people: People, reception: Reception) -> None:
    ann = await let_in(people, "7")
    revoking = asyncio.ensure_future(people.revoke(ann))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    revoking.cancel()
    revoking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await revoking
    assert people.person(ann) is None
    assert people.facts() == (await reception.open()).facts()


async def test_a_database_that_fails_leaves_all_as_it_was(reception: Reception, tmp_path: Path) -> None:
    database = Database(tmp_path / "lost.sqlite")
    database.start(SCHEMA)
    reception.database = database
    people = await reception.open()
    code = await people.ask(stranger("7"))
    await database.close()
    reception.said.clear()
    with pytest.raises(DatabaseFailed):
        await people.approve(code or "")
    with pytest.raises(DatabaseFailed):
        await people.claim(people.claim_code or "")
    assert people.who("telegram", "7") is None
    assert not people.is_owned
    assert len(people.requests()) == 1
    assert reception.said == []
