"""Letting people in and out over a real database, and what is there after a restart."""

from __future__ import annotations

import pytest

from outpost_agent.people import OWNER, Home, NoSuchPerson, NoSuchRequest, OwnerStays, People, TooManyPeople, shown_code
from outpost_agent.people import core as rules
from outpost_wire.document import Button, Buttons
from tests.support.reception import HOUR, Reception, let_in, stranger


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
