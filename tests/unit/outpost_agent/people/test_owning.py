"""Claiming and recovering over a real database."""

from __future__ import annotations

from pathlib import Path

import pytest

from outpost_agent.people import (
    OWNER,
    AlreadyClaimed,
    ClaimRefused,
    Home,
    InviteRefused,
    NoSuchRequest,
    NotClaimed,
    People,
    RecoveryRefused,
    TooManyTries,
    shown_code,
)
from outpost_agent.people import core as rules
from outpost_disk import open_database
from tests.support.reception import SCHEMA, Reception, claimed, let_in, stranger


def wrong_code(people: People) -> str:
    return "22222222" if people.claim_code != "22222222" else "33333333"


async def test_the_claim_code_is_the_same_after_a_restart_until_it_is_used(
    people: People, reception: Reception
) -> None:
    code = people.claim_code
    assert code is not None
    assert len(code) == 8
    assert set(code) <= set(rules.ALPHABET)
    assert (await reception.open()).claim_code == code
    await people.claim(code)
    assert people.is_owned
    assert people.claim_code is None
    again = await reception.open()
    assert again.is_owned
    assert again.claim_code is None


async def test_whoever_knows_the_claim_code_is_the_owner(people: People, reception: Reception) -> None:
    code = shown_code(people.claim_code or "").lower()
    claimed = await people.claim(code, name="Firefox", language="zh")
    assert people.browser(claimed.session) == people.owner
    assert people.owner.is_owner
    assert people.homes(OWNER) == (Home("web", "main", "zh"),)
    (browser,) = people.browsers(OWNER)
    assert browser.name == "Firefox"
    assert "Kitchen" in claimed.recovery
    assert reception.changes == 1


async def test_a_second_claim_is_refused_whatever_its_code(people: People) -> None:
    code = people.claim_code or ""
    await people.claim(code)
    for again in (code, "ABCDEFGH", ""):
        with pytest.raises(AlreadyClaimed):
            await people.claim(again)


async def test_wrong_codes_are_limited_and_the_owner_waits_at_most_a_little(
    people: People, reception: Reception
) -> None:
    for _ in range(5):
        with pytest.raises(ClaimRefused) as caught:
            await people.claim(wrong_code(people), source="10.0.0.9")
        assert not isinstance(caught.value, TooManyTries)
    with pytest.raises(TooManyTries) as limited:
        await people.claim(people.claim_code or "", source="10.0.0.9")
    assert limited.value.after_s == 30
    reception.passes(30_000)
    await people.claim(people.claim_code or "", source="10.0.0.9")


async def test_one_who_guesses_does_not_keep_the_owner_out(people: People) -> None:
    for _ in range(6):
        with pytest.raises(ClaimRefused):
            await people.claim(wrong_code(people), source="10.0.0.9")
    await people.claim(people.claim_code or "", source="10.0.0.2")


async def test_what_cannot_be_a_code_costs_no_try(people: People) -> None:
    for _ in range(20):
        with pytest.raises(ClaimRefused, match="eight letters and digits"):
            await people.claim("my cat")
    assert await claimed(people)


async def test_the_recovery_file_works_once_and_ends_the_owners_other_browsers(people: People) -> None:
    ann = await let_in(people, "7")
    hers = await people.new_browser(ann)
    first = await claimed(people)
    invite = await people.invite()
    again = await people.recover(first.recovery)
    assert people.browser(first.session) is None
    assert people.browser(again.session) == people.owner
    assert people.browser(hers) == people.person(ann)
    with pytest.raises(InviteRefused):
        await people.redeem(invite)
    with pytest.raises(RecoveryRefused, match="not the one of this device"):
        await people.recover(first.recovery)
    await people.recover(again.recovery.splitlines()[-1].lower())


async def test_a_browser_that_was_approved_as_the_owner_does_not_outlive_a_recovery(people: People) -> None:
    owned = await claimed(people)
    code = await people.ask(stranger("thief", "web"))
    await people.approve(code or "", "owner")
    await people.recover(owned.recovery)
    with pytest.raises(NoSuchRequest):
        await people.enter("thief")


async def test_a_fresh_recovery_file_voids_the_old_one(people: People) -> None:
    first = await claimed(people)
    fresh = await people.fresh_recovery()
    with pytest.raises(RecoveryRefused):
        await people.recover(first.recovery)
    assert people.browser(first.session) == people.owner
    await people.recover(fresh)


async def test_without_an_owner_there_is_nothing_to_recover_and_nobody_to_invite(people: People) -> None:
    with pytest.raises(NotClaimed):
        await people.fresh_recovery()
    with pytest.raises(NotClaimed):
        await people.invite()


async def test_a_recovery_file_of_another_device_is_refused(people: People, tmp_path: Path) -> None:
    async with open_database(tmp_path / "other.sqlite", SCHEMA) as database:
        other = await claimed(await Reception(database).open())
    with pytest.raises(RecoveryRefused, match="another device"):
        await people.recover(other.recovery)
    await claimed(people)
    with pytest.raises(RecoveryRefused, match="another device"):
        await people.recover(other.recovery)


async def test_no_code_or_recovery_secret_is_stored_once_it_is_used(people: People, tmp_path: Path) -> None:
    owned = await claimed(people)
    invite = await people.invite()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    line = owned.recovery.splitlines()[-1]
    for secret in (invite, shown_code(invite), line, line.replace("-", "")):
        assert secret.encode() not in stored
