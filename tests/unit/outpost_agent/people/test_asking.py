"""Strangers who ask over a real database: what they are told, who waits, and what the clocks do to it."""

from __future__ import annotations

import pytest

from outpost_agent.people import OWNER, NoSuchRequest, People, shown_code
from outpost_wire.document import CodeSpan
from tests.support.reception import HOUR, MINUTE, YEARS, Reception, let_in, stranger


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
