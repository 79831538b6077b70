"""Browsers over a real database: those that ask, their sessions, and invites."""

from __future__ import annotations

from pathlib import Path

import pytest

from outpost_agent.people import OWNER, Home, InviteRefused, NoSuchBrowser, NoSuchRequest, People, shown_code
from outpost_agent.people import core as rules
from tests.support.reception import DAY, HOUR, MINUTE, YEARS, Reception, claimed, let_in, stranger


async def test_a_browser_asks_is_shown_its_code_and_enters_once(people: People, reception: Reception) -> None:
    asking = stranger("browser 1", "web", name="Kim's phone", language="zh")
    code = await people.ask(asking)
    assert await people.ask(asking) == code
    asked = people.asks("web", "browser 1")
    assert asked is not None
    assert (asked.state, asked.request.code, asked.person) == ("pending", code, None)
    with pytest.raises(NoSuchRequest, match="still waits"):
        await people.enter("browser 1")
    approved = await people.approve(code or "")
    asked = people.asks("web", "browser 1")
    assert asked is not None
    assert (asked.state, asked.person) == ("approved", approved.person.person)

    session = await people.enter("browser 1", name="Firefox")
    assert people.browser(session) == approved.person
    assert people.who("web", approved.person.person) == approved.person
    assert people.homes(approved.person.person) == (Home("web", approved.person.person, "zh"),)
    assert people.asks("web", "browser 1") is None
    with pytest.raises(NoSuchRequest):
        await people.enter("browser 1")
    assert reception.said == []
    assert await reception.heard("web", "chat browser 1") == []


async def test_the_name_of_a_browser_that_asks_lets_nobody_in(people: People) -> None:
    code = await people.ask(stranger("browser 1", "web"))
    await people.approve(code or "")
    assert people.who("web", "browser 1") is None


async def test_taking_the_page_from_a_user_signs_their_browsers_out(people: People) -> None:
    code = await people.ask(stranger("browser 1", "web"))
    ann = (await people.approve(code or "")).person.person
    session = await people.new_browser(ann)
    await people.revoke(ann, "web")
    assert people.browser(session) is None
    assert people.asks("web", "browser 1") is None


async def test_a_browser_that_asks_may_become_the_owners(people: People) -> None:
    code = await people.ask(stranger("browser 1", "web", name="Kim"))
    await people.approve(code or "", "owner")
    session = await people.enter("browser 1")
    assert people.browser(session) == people.owner
    assert people.facts()[0].identities == ()


@pytest.mark.parametrize(("later", "state"), [(HOUR, "expired"), (DAY - 1, "expired"), (DAY, None)])
async def test_a_browser_is_told_that_its_hour_is_over(
    people: People, reception: Reception, later: int, state: str | None
) -> None:
    await people.ask(stranger("browser 1", "web"))
    reception.passes(later)
    asked = people.asks("web", "browser 1")
    assert (asked.state if asked else None) == state


async def test_a_session_secret_has_256_bits_and_is_not_stored(people: People, tmp_path: Path) -> None:
    secret = await people.new_browser(OWNER)
    assert len(bytes.fromhex(secret)) == 32
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert bytes.fromhex(secret) not in stored


@pytest.mark.parametrize("secret", ["", "0" * 64, "é", "\udcff", "x" * 10_000])
async def test_another_secret_signs_nobody_in(people: People, secret: str) -> None:
    await people.new_browser(OWNER)
    assert people.browser(secret) is None
    await people.sign_out(secret)
    assert not await people.renew(secret)


async def test_a_session_lasts_thirty_days_and_begins_anew_when_it_is_used(
    people: People, reception: Reception
) -> None:
    secret = await people.new_browser(OWNER)
    assert not await people.renew(secret)
    reception.passes(DAY)
    assert await people.renew(secret)
    assert not await people.renew(secret)
    reception.passes(30 * DAY - 1)
    assert people.browser(secret) is not None
    reception.passes(1)
    assert people.browser(secret) is None
    assert people.browsers(OWNER) == ()
    assert not await people.renew(secret)


@pytest.mark.parametrize("jump", [-YEARS, YEARS])
async def test_a_clock_that_is_set_neither_ends_nor_prolongs_a_session(
    people: People, reception: Reception, jump: int
) -> None:
    secret = await people.new_browser(OWNER)
    invite = await people.invite(await let_in(people, "7"))
    reception.now += jump
    assert people.browser(secret) is not None
    assert people.browser(await people.redeem(invite)) is not None
    reception.passes(30 * DAY)
    assert people.browser(secret) is None


async def test_running_time_is_counted_over_restarts(people: People, reception: Reception) -> None:
    secret = await people.new_browser(OWNER)
    for _ in range(30):
        reception.up += DAY - HOUR
        await people.tidy()
        reception.up, reception.now = 5, reception.now + 100 * DAY
        people = await reception.open()
        assert people.browser(secret) is not None
    reception.up += 2 * DAY
    assert people.browser(secret) is None


async def test_the_browsers_of_a_person_are_listed_and_ended(people: People, reception: Reception) -> None:
    first = await people.new_browser(OWNER, name="Firefox")
    reception.passes(MINUTE)
    second = await people.new_browser(OWNER, name="Safari\n")
    listed = people.browsers(OWNER)
    assert [browser.name for browser in listed] == ["Safari", "Firefox"]
    ann = await let_in(people, "7")
    with pytest.raises(NoSuchBrowser):
        await people.end_browser(ann, listed[0].id)
    await people.end_browser(OWNER, listed[0].id)
    assert people.browser(second) is None
    await people.sign_out(first)
    assert people.browser(first) is None
    with pytest.raises(NoSuchBrowser):
        await people.end_browser(OWNER, listed[1].id)


async def test_of_too_many_browsers_the_one_not_used_for_longest_goes(people: People, reception: Reception) -> None:
    secrets = []
    for _ in range(rules.BROWSERS_LIMIT):
        secrets.append(await people.new_browser(OWNER))
        reception.passes(HOUR)
    reception.passes(DAY)
    await people.renew(secrets[0])
    await people.new_browser(OWNER)
    assert people.browser(secrets[0]) is not None
    assert people.browser(secrets[1]) is None
    assert len(people.browsers(OWNER)) == rules.BROWSERS_LIMIT


async def test_an_invite_signs_one_browser_in_within_ten_minutes(people: People, reception: Reception) -> None:
    await claimed(people)
    first, second = await people.invite(), await people.invite()
    session = await people.redeem(shown_code(first).lower(), name="Phone")
    assert people.browser(session) == people.owner
    with pytest.raises(InviteRefused):
        await people.redeem(first)
    reception.passes(10 * MINUTE)
    with pytest.raises(InviteRefused):
        await people.redeem(second)
    with pytest.raises(InviteRefused):
        await people.redeem("nonsense")


async def test_only_so_many_invites_are_open(people: People) -> None:
    await claimed(people)
    codes = [await people.invite() for _ in range(rules.INVITES_LIMIT + 1)]
    with pytest.raises(InviteRefused):
        await people.redeem(codes[0])
    await people.redeem(codes[1])
