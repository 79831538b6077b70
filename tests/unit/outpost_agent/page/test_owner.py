"""The owner's rooms: people, channels, chats, health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outpost_agent.page.history import SAMPLES, History
from outpost_agent.page.news import News
from tests.support.device_page import HEALTH, Browser, PageRig, device_page


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[PageRig]:
    async with device_page(tmp_path) as rig:
        yield rig


@pytest.fixture
async def owner(rig: PageRig) -> Browser:
    return await rig.owner()


async def test_people_are_listed_with_the_owner_first(rig: PageRig, owner: Browser) -> None:
    _, person = await rig.user("May")
    listed = await owner.get("/api/v1/people")
    assert [(each["id"], each["role"]) for each in listed["people"]] == [("owner", "owner"), (person, "user")]
    assert listed["requests"] == []


async def test_a_revoked_person_is_out_everywhere(rig: PageRig, owner: Browser) -> None:
    may, person = await rig.user("May")
    assert (await owner.ask("DELETE", f"/api/v1/people/{person}"))[0] == 204
    assert await may.error("GET", "/api/v1/me") == (401, "not_signed_in")
    assert await owner.error("DELETE", f"/api/v1/people/{person}") == (404, "no_such_person")


async def test_the_owner_cannot_be_revoked(owner: Browser) -> None:
    assert await owner.error("DELETE", "/api/v1/people/owner") == (409, "owner_stays")


@pytest.mark.parametrize("verb", ["approve", "refuse"])
async def test_a_request_that_is_not_there_is_said_so(owner: Browser, verb: str) -> None:
    path = f"/api/v1/people/requests/01K00000000000000000000000/{verb}"
    assert await owner.error("POST", path, {}) == (404, "no_such_request")


async def test_a_role_that_there_is_not_is_refused(rig: PageRig, owner: Browser) -> None:
    await rig.browser().ask("POST", "/api/v1/pair", {"name": "May"})
    (request,) = rig.people.requests()
    path = f"/api/v1/people/requests/{request.id}/approve"
    assert await owner.error("POST", path, {"role": "king"}) == (400, "bad_input")
    assert rig.people.requests() == (request,)


async def test_a_channel_is_added_tried_and_removed(rig: PageRig, owner: Browser) -> None:
    new = {"name": "tg", "kind": "telegram", "options": {"token": "good"}, "proxy": "socks5://127.0.0.1:1"}
    status, added = await owner.ask("POST", "/api/v1/channels", new)
    assert (status, added["name"], added["state"], added["removable"]) == (201, "tg", "connecting", True)
    assert rig.channels.proxies == ["socks5://127.0.0.1:1"]
    assert [(each["name"], each["removable"]) for each in await owner.get("/api/v1/channels")] == [
        ("web", False),
        ("tg", True),
    ]
    assert await owner.ask("POST", "/api/v1/channels/tg/test") == (200, {"account": "@tg_bot"})
    assert (await owner.ask("DELETE", "/api/v1/channels/tg"))[0] == 204
    for method, way in (("DELETE", ""), ("POST", "/test")):
        assert await owner.error(method, f"/api/v1/channels/tg{way}") == (404, "no_such_channel")


async def test_a_channel_whose_platform_says_no_is_refused_with_its_sentence(owner: Browser) -> None:
    status, refused = await owner.ask("POST", "/api/v1/channels", {"name": "tg", "options": {"token": "bad"}})
    assert (status, refused["error"]) == (502, {"code": "channel_down", "message": "The token is not good."})


async def test_a_token_is_in_no_answer(rig: PageRig, owner: Browser) -> None:
    new = {"name": "tg", "kind": "telegram", "options": {"token": "good"}, "proxy": 7}
    for body in (new, {**new, "proxy": ""}, {**new, "options": {"token": ["good"]}}):
        _, answered = await owner.ask("POST", "/api/v1/channels", body)
        assert "good" not in str(answered)


async def test_chats_are_listed_with_who_is_in_them(rig: PageRig, owner: Browser) -> None:
    _, person = await rig.user("May")
    await rig.person_says("hello", "777", "tg", "7", person)
    await rig.device_says("hi", "777", "tg", person=person)
    await rig.device_says("owner", "main")
    assert await owner.get("/api/v1/chats") == [
        {
            "channel": "web",
            "chat": "main",
            "person": None,
            "name": "",
            "last": "1970-01-01T00:00:01.500Z",
            "count": 1,
        },
        {
            "channel": "tg",
            "chat": "777",
            "person": person,
            "name": "May",
            "last": "1970-01-01T00:00:01.500Z",
            "count": 2,
        },
    ]


async def test_reading_another_chat_marks_nothing_as_read_and_is_counted_as_leaving(
    rig: PageRig, owner: Browser
) -> None:
    may, person = await rig.user("May")
    for number in range(5):
        await rig.device_says(f"{number}", person)
    path = f"/api/v1/chats/web/{person}/messages"
    newest = await owner.get(f"{path}?limit=2")
    assert [message["text"] for message in newest] == ["3", "4"]
    older = await owner.get(f"{path}?limit=9&before={newest[0]['seq']}")
    assert [message["text"] for message in older] == ["0", "1", "2"]
    assert {message["state"] for message in await may.get("/api/v1/messages")} == {"queued"}
    assert [left.chat for left in rig.departures[:5]] == [person] * 5


async def test_health_says_how_the_device_is(rig: PageRig, owner: Browser) -> None:
    await rig.chain("owner", "main")
    await rig.device_says("waits")
    await owner.get("/api/v1/messages")
    health = await owner.get("/api/v1/health")
    assert health["health"] == {
        "cpu": 0.25,
        "memory": 0.5,
        "disk": 0.75,
        "load": 1.5,
        "temperature": None,
        "rss": 1 << 20,
    }
    assert health["samples"] == [{"time_ms": 3_000, "cpu": 0.25, "memory": 0.5, "disk": 0.75, "temperature": None}]
    assert (health["release"], health["link"], health["address"]) == ("1.2", None, rig.url)
    assert (health["tasks"]["ready"], health["tasks"]["waiting"]) == (1, 2)
    assert health["undelivered"] == {"queued": 1}
    (left,) = health["egress"]
    assert (left["destination"], left["kind"], left["count"], left["bytes"] > 0) == ("web", "reply", 1, True)


def test_the_history_is_of_the_last_hour() -> None:
    times = iter(range(1_000))
    history = History(health=lambda: HEALTH, clock_ms=lambda: next(times))
    for _ in range(SAMPLES + 5):
        history.take()
    assert [sample.time_ms for sample in history.samples()] == list(range(5, SAMPLES + 5))


def test_news_are_heard_once_however_often_they_come() -> None:
    news, woken = News(), asyncio.Event()
    news.people_changed()
    with news.listen(woken) as heard:
        assert heard.take() == []
        for _ in range(1_000):
            news.people_changed()
        news.channels_changed()
        assert woken.is_set()
        assert heard.take() == ["channels", "people"]
        assert heard.take() == []
    assert news._listeners == set()
