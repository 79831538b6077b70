"""People over a real database: asking, letting in and out, claiming, recovering, and the browsers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from outpost_agent.people import (
    OWNER,
    AlreadyClaimed,
    Claimed,
    ClaimRefused,
    Home,
    InviteRefused,
    NoSuchBrowser,
    NoSuchPerson,
    NoSuchRequest,
    NotClaimed,
    OwnerStays,
    People,
    RecoveryRefused,
    TooManyPeople,
    TooManyTries,
    shown_code,
)
from outpost_agent.people import core as rules
from outpost_disk import Database, DatabaseFailed, open_database
from outpost_wire.document import Button, Buttons, CodeSpan
from outpost_wire.errors import OutpostError
from tests.support.reception import DAY, HOUR, MINUTE, SCHEMA, YEARS, Reception, stranger


@pytest.fixture
async def reception(tmp_path: Path) -> AsyncIterator[Reception]:
    async with open_database(tmp_path / "device.sqlite", SCHEMA) as database:
        yield Reception(database)


@pytest.fixture
async def people(reception: Reception) -> People:
    return await reception.open()


async def let_in(people: People, sender: str, channel: str = "telegram") -> str:
    """Return the id of a user who asked and was approved."""
    code = await people.ask(stranger(sender, channel))
    assert code is not None
    return (await people.approve(code)).person.person


async def claimed(people: People) -> Claimed:
    assert people.claim_code is not None
    return await people.claim(people.claim_code)


def wrong_code(people: People) -> str:
    return "22222222" if people.claim_code != "22222222" else "33333333"


# Asking.


async def test_nobody_is_known_but_the_owner(people: People) -> None:
    assert people.who("telegram", "7") is None
    assert people.who("telegram", OWNER) is None
    assert people.who("web", "7") is None
    assert people.who("web", OWNER) == people.who("local", "whoever") == people.owner
    assert [person.id for person in people.facts()] == [OWNER]


async def test_a_stranger_is_told_a_code_and_nothing_else(people: People, reception: Reception) -> None:
    code = await people.ask(stranger("7", name="Ann"))
    assert code is not None
    (said,) = await reception.heard("telegram", "chat 7")
    assert shown_code(code) in said.text
    assert said.document is not None
    assert CodeSpan(shown_code(code)) in said.document.blocks[0].children  # type: ignore[union-attr]
    assert said.state == "queued"
    assert said.person is None
    assert reception.said == [("telegram", "chat 7")]
    assert "Kitchen" not in said.text
    assert "Outpost" not in said.text
    assert people.who("telegram", "7") is None
    (request,) = people.requests()
    assert (request.code, request.channel, request.sender, request.name) == (code, "telegram", "7", "Ann")
    assert request.expires_ms == reception.now + HOUR
    assert reception.changes == 1


async def test_a_stranger_is_spoken_to_in_their_language_or_in_both(people: People, reception: Reception) -> None:
    await people.ask(stranger("1", language="zh"))
    await people.ask(stranger("2", language=None))
    (chinese,) = await reception.heard("telegram", "chat 1")
    (both,) = await reception.heard("telegram", "chat 2")
    assert "一小时内有效" in chinese.text
    assert "one hour" not in chinese.text
    assert "一小时内有效" in both.text
    assert "one hour" in both.text


async def test_one_who_writes_again_hears_the_same_code_every_five_minutes(
    people: People, reception: Reception
) -> None:
    code = await people.ask(stranger("7"))
    assert await people.ask(stranger("7")) is None
    reception.passes(5 * MINUTE - 1)
    assert await people.ask(stranger("7")) is None
    reception.passes(1)
    assert await people.ask(stranger("7")) == code
    assert await people.ask(stranger("7")) is None
    assert len(await reception.heard("telegram", "chat 7")) == 2
    assert len(people.requests()) == 1
    assert reception.changes == 1


async def test_three_wait_on_a_channel_and_the_others_are_turned_away(people: People, reception: Reception) -> None:
    codes = [await people.ask(stranger(sender)) for sender in "12345"]
    assert [code is not None for code in codes] == [True, True, True, False, False]
    assert await people.ask(stranger("4")) is None
    assert people.turned_away == 2
    assert await reception.heard("telegram", "chat 4") == []
    assert await people.ask(stranger("4", "wechat")) is not None
    await people.refuse(codes[0] or "")
    assert await people.ask(stranger("4")) is not None


async def test_an_hour_later_a_code_is_void_and_the_sender_gets_another(people: People, reception: Reception) -> None:
    code = await people.ask(stranger("7"))
    reception.passes(HOUR)
    assert people.requests() == ()
    with pytest.raises(NoSuchRequest, match="hour"):
        await people.approve(code or "")
    other = await people.ask(stranger("7"))
    assert other not in (None, code)
    assert [request.code for request in people.requests()] == [other]


async def test_codes_are_given_at_a_limited_rate(people: People, reception: Reception) -> None:
    for sender in range(10):
        code = await people.ask(stranger(f"{sender}"))
        await people.refuse(code or "")
    assert await people.ask(stranger("late")) is None
    reception.passes(5 * MINUTE)
    assert await people.ask(stranger("late")) is not None


async def test_somebody_who_is_known_gets_no_code(people: People) -> None:
    await let_in(people, "7")
    assert await people.ask(stranger("7")) is None
    assert people.turned_away == 0


async def test_a_sender_of_any_length_is_never_cut(people: People) -> None:
    assert await people.ask(stranger("7" * 256)) is not None
    assert await people.ask(stranger("7" * 257)) is None
    assert people.who("telegram", "7" * 256) is None


# Letting in.


async def test_an_approved_person_is_known_and_told(people: People, reception: Reception) -> None:
    code = await people.ask(stranger("7", name="Ann"))
    approved = await people.approve(f" {shown_code(code or '').lower()} ")
    assert people.who("telegram", "7") == approved.person == people.person(approved.person.person)
    assert (approved.person.name, approved.person.role) == ("Ann", "user")
    assert people.who("telegram", "8") is None
    assert people.who("wechat", "7") is None
    assert people.requests() == ()
    told = (await reception.heard("telegram", "chat 7"))[-1]
    assert told.text.startswith("**You are in.**")
    assert told.person == approved.person.person
    assert told.document is not None
    assert told.document.blocks[-1] == Buttons((Button("Help", "/help"),))
    assert reception.said == [("telegram", "chat 7")] * 2


async def test_a_request_is_approved_by_its_id_too_and_under_another_name(people: People) -> None:
    await people.ask(stranger("7"))
    (request,) = people.requests()
    approved = await people.approve(request.id.lower(), name="Ann  Lee")
    assert approved.person.name == "Ann Lee"
    assert approved.request == request


async def test_a_code_approves_once(people: People, reception: Reception) -> None:
    code = await people.ask(stranger("7"))
    await people.approve(code or "")
    with pytest.raises(NoSuchRequest, match="approved already"):
        await people.approve(code or "")
    with pytest.raises(NoSuchRequest, match="approved already"):
        await people.refuse(code or "")
    assert len(people.facts()) == 2
    assert len(await reception.heard("telegram", "chat 7")) == 2


@pytest.mark.parametrize("code", ["", "ABCDEFGH", "nonsense", "0" * 26])
async def test_a_code_that_was_never_given_is_no_request(people: People, code: str) -> None:
    with pytest.raises(NoSuchRequest, match="no pairing request"):
        await people.approve(code)


async def test_as_owner_a_sender_becomes_the_owner_on_one_more_channel(people: People) -> None:
    code = await people.ask(stranger("7", name="Kim", language="zh"))
    approved = await people.approve(code or "", "owner")
    assert people.who("telegram", "7") == approved.person == people.owner
    assert (people.owner.person, people.owner.name, people.owner.role) == (OWNER, "Kim", "owner")
    assert people.homes(OWNER) == (Home("web", "main", "zh"), Home("telegram", "chat 7", "zh"))
    assert len(people.facts()) == 1


async def test_a_refused_sender_hears_nothing_until_the_hour_is_over(people: People, reception: Reception) -> None:
    code = await people.ask(stranger("7"))
    refused = await people.refuse(code or "")
    assert refused.sender == "7"
    assert people.requests() == ()
    with pytest.raises(NoSuchRequest, match="refused"):
        await people.approve(code or "")
    reception.passes(HOUR - 1)
    assert await people.ask(stranger("7")) is None
    assert len(await reception.heard("telegram", "chat 7")) == 1
    reception.passes(1)
    assert await people.ask(stranger("7")) is not None


async def test_the_device_knows_so_many_people_and_no_more(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "PEOPLE_LIMIT", 2)
    monkeypatch.setattr(rules, "IDENTITIES_LIMIT", 1)
    ann = await let_in(people, "1")
    code = await people.ask(stranger("2"))
    with pytest.raises(TooManyPeople, match="2 people"):
        await people.approve(code or "")
    assert [request.code for request in people.requests()] == [code]
    await people.approve(code or "", "owner")
    other = await people.ask(stranger("3"))
    with pytest.raises(TooManyPeople, match="1 places"):
        await people.approve(other or "", "owner")
    await people.revoke(ann)
    await people.approve(other or "")


# Letting out.


async def test_a_revoked_person_is_known_nowhere(people: People) -> None:
    ann = await let_in(people, "7")
    session = await people.new_browser(ann)
    assert people.browser(session) == people.person(ann)
    gone = await people.revoke(ann)
    assert gone.person == ann
    assert people.who("telegram", "7") is people.who("web", ann) is people.person(ann) is None
    assert people.browser(session) is None
    assert people.homes(ann) == ()
    with pytest.raises(NoSuchPerson):
        await people.revoke(ann)
    with pytest.raises(NoSuchPerson):
        await people.new_browser(ann)
    assert await people.ask(stranger("7")) is not None


async def test_the_owner_loses_a_channel_but_stays(people: People) -> None:
    code = await people.ask(stranger("7"))
    await people.approve(code or "", "owner")
    with pytest.raises(OwnerStays):
        await people.revoke(OWNER)
    with pytest.raises(NoSuchPerson):
        await people.revoke(OWNER, "telegram", "8")
    session = await people.new_browser(OWNER)
    await people.revoke(OWNER, "telegram", "7")
    assert people.who("telegram", "7") is None
    assert people.browser(session) == people.owner
    assert people.homes(OWNER) == (Home("web", "main", "en"),)


async def test_a_user_who_loses_the_last_identity_is_gone(people: People) -> None:
    ann = await let_in(people, "7")
    with pytest.raises(NoSuchPerson):
        await people.revoke(ann, "wechat")
    await people.revoke(ann, "telegram", "7")
    assert people.person(ann) is None


# Browsers that ask.


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


# Claiming and recovering.


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


# Browsers.


async def test_a_session_secret_has_256_bits_and_is_not_stored(people: People, tmp_path: Path) -> None:
    secret = await people.new_browser(OWNER)
    assert len(bytes.fromhex(secret)) == 32
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert secret.encode() not in stored
    assert bytes.fromhex(secret) not in stored


async def test_no_code_or_recovery_secret_is_stored_once_it_is_used(people: People, tmp_path: Path) -> None:
    owned = await claimed(people)
    invite = await people.invite()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    line = owned.recovery.splitlines()[-1]
    for secret in (invite, shown_code(invite), line, line.replace("-", "")):
        assert secret.encode() not in stored


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


@pytest.mark.parametrize("jump", [-YEARS, YEARS])
async def test_a_clock_that_is_set_ends_a_request_and_whoever_asked_may_ask_again(
    people: People, reception: Reception, jump: int
) -> None:
    codes = [await people.ask(stranger(sender)) for sender in "123"]
    reception.now += jump
    assert people.requests() == ()
    with pytest.raises(NoSuchRequest):
        await people.approve(codes[0] or "")
    again = await people.ask(stranger("1"))
    assert again not in (None, codes[0])
    await people.approve(again or "")


async def test_a_clock_that_is_set_back_makes_no_more_wait_than_may(people: People, reception: Reception) -> None:
    for sender in "123":
        await people.ask(stranger(sender))
    reception.passes(HOUR)
    await people.ask(stranger("4"))
    reception.now -= MINUTE
    assert [request.sender for request in people.requests()] == ["4"]


async def test_a_clock_that_is_put_right_by_a_little_ends_nothing(people: People, reception: Reception) -> None:
    code = await people.ask(stranger("7"))
    reception.now -= MINUTE
    await people.approve(code or "")


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


# What is told, and what is there after a restart.


async def test_the_end_of_a_request_is_told_when_the_device_tidies(people: People, reception: Reception) -> None:
    await people.ask(stranger("7"))
    await people.tidy()
    assert reception.changes == 1
    reception.passes(HOUR)
    await people.tidy()
    await people.tidy()
    assert reception.changes == 2


async def test_a_flood_of_strangers_is_told_seldom(people: People, reception: Reception) -> None:
    for sender in range(103):
        await people.ask(stranger(f"{sender}"))
    assert people.turned_away == 100
    assert reception.changes == 3 + 7


async def test_all_is_there_after_a_restart(people: People, reception: Reception) -> None:
    ann = await let_in(people, "7")
    secret = await people.new_browser(ann)
    waiting = await people.ask(stranger("8"))
    refused = await people.ask(stranger("9"))
    await people.refuse(refused or "")
    again = await reception.open()
    assert again.facts() == people.facts()
    assert again.homes(ann) == people.homes(ann)
    assert again.requests() == people.requests()
    assert again.browser(secret) == people.browser(secret)
    assert await again.ask(stranger("8")) is None
    assert await again.ask(stranger("9")) is None
    with pytest.raises(NoSuchRequest, match="refused"):
        await again.approve(refused or "")
    await again.approve(waiting or "")


# At the same time.


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
