"""Every route of the device against everybody who should not get through: tables over all that there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from outpost_agent.channels.web import Access, Route
from outpost_sdk.channel import Attachment
from outpost_wire.ids import TaskId
from tests.support.device_page import BEARER, Browser, PageRig, device_page

BODIES: dict[str, Any] = {
    "/api/v1/claim": {"code": "AAAABBBB"},
    "/api/v1/recover": {"recovery": "no"},
    "/api/v1/session": {"code": "A" * 16},
    "/api/v1/pair": {"name": "Eve"},
    "/api/v1/channels": {"name": "tg", "options": {"token": "good"}},
    "/api/v1/people/requests/{id}/approve": {"role": "owner"},
}
OPEN = {
    ("GET", "/api/v1/gate"),
    ("POST", "/api/v1/claim"),
    ("POST", "/api/v1/recover"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/pair"),
}
OWNERS = {
    ("GET", "/api/v1/people"),
    ("POST", "/api/v1/people/requests/{id}/approve"),
    ("POST", "/api/v1/people/requests/{id}/refuse"),
    ("DELETE", "/api/v1/people/{person}"),
    ("GET", "/api/v1/channels"),
    ("POST", "/api/v1/channels"),
    ("DELETE", "/api/v1/channels/{name}"),
    ("POST", "/api/v1/channels/{name}/test"),
    ("GET", "/api/v1/health"),
    ("POST", "/api/v1/recovery"),
    ("POST", "/api/v1/invite"),
    ("GET", "/api/v1/chats"),
    ("GET", "/api/v1/chats/{channel}/{chat}/messages"),
}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[PageRig]:
    async with device_page(tmp_path) as rig:
        yield rig


class Things:
    """What belongs to one person: a message, a chain of tasks, an answer with a file."""

    def __init__(self, person: str, chat: str, tasks: list[str], file: Attachment, text: str) -> None:
        self.person = person
        self.chat = chat
        self.tasks = tasks
        self.file = file
        self.text = text

    def path(self, template: str) -> str:
        """Return the path of a route filled in with this person's things."""
        return (
            template.replace("tasks/{id}", f"tasks/{self.tasks[-1]}")
            .replace("{id}", "01K00000000000000000000000")
            .replace("{content}", self.file.id)
            .replace("{name}", self.file.name if "{content}" in template else "web")
            .replace("{person}", self.person)
            .replace("{channel}", "web")
            .replace("{chat}", self.chat)
        )


async def things_of(rig: PageRig, person: str, chat: str) -> Things:
    text = f"secret of {person}"
    tasks = await rig.chain(person, chat)
    file = await rig.file(f"{person}.log", text.encode())
    await rig.device_says(text, chat, task_id=rig.new_id(), person=person, attachments=(file,))
    return Things(person, chat, list(tasks), file, text)


async def ask(browser: Browser, route: Route, things: Things, **headers: str) -> tuple[int, str]:
    """Return status and text of a request to a route."""
    path = things.path(route.path)
    body = BODIES.get(route.path)
    async with browser.session.request(
        route.method, f"{browser.url}{path}", json=body, headers=headers or None
    ) as response:
        return response.status, await response.text()


async def test_every_route_is_for_whom_it_should_be(rig: PageRig) -> None:
    declared = {
        access: {(route.method, route.path) for route in rig.routes if route.access is access} for access in Access
    }
    assert declared[Access.OPEN] == OPEN
    assert declared[Access.OWNER] == OWNERS
    assert len({route.handler for route in rig.routes}) == len(rig.routes)


async def test_nobody_gets_through_any_route_that_is_not_open(rig: PageRig) -> None:
    await rig.owner()
    things = await things_of(rig, "owner", "main")
    stranger = rig.browser()
    for route in rig.routes:
        if route.access is not Access.OPEN:
            status, text = await ask(stranger, route, things)
            assert (status, "not_signed_in" in text) == (401, True), route
            assert things.text not in text
    for path in ("/api/v1/nothing", "/api/", "/api/v2/messages"):
        assert await stranger.error("GET", path) == (401, "not_signed_in")
    assert await stranger.error("PUT", "/api/v1/messages") == (401, "not_signed_in")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic b3duZXI6"},
        {"Cookie": "outpost_chat=x"},
        {"Cookie": "__Host-outpost_chat=x"},
    ],
)
async def test_nothing_that_looks_like_a_key_is_one(rig: PageRig, headers: dict[str, str]) -> None:
    await rig.owner()
    things = await things_of(rig, "owner", "main")
    stranger = rig.browser()
    for route in rig.routes:
        if route.access is not Access.OPEN:
            status, _ = await ask(stranger, route, things, **headers)
            assert status == 401, route


async def test_what_is_the_owners_is_refused_to_a_user(rig: PageRig) -> None:
    await rig.owner()
    things = await things_of(rig, "owner", "main")
    may, person = await rig.user("May")
    people = rig.people.facts()
    for route in rig.routes:
        if route.access is Access.OWNER:
            status, text = await ask(may, route, things)
            assert (status, "owner_only" in text) == (403, True), route
    assert rig.people.facts() == people
    assert rig.channels.names == {"web": "web"}
    assert await may.error("GET", "/api/v1/tasks?scope=all") == (403, "owner_only")
    assert await may.error("GET", "/api/v1/results?scope=all") == (403, "owner_only")
    assert await may.error("DELETE", f"/api/v1/people/{person}") == (403, "owner_only")


@pytest.mark.parametrize("victim", ["owner", "user"])
async def test_two_people_try_every_read_and_cancel_across(rig: PageRig, victim: str) -> None:
    await rig.owner()
    may, mays = await rig.user("May")
    _, rays = await rig.user("Ray")
    theirs = await things_of(rig, "owner", "main") if victim == "owner" else await things_of(rig, rays, rays)
    own = await things_of(rig, mays, mays)
    refused = set()
    for route in rig.routes:
        if route.access is not Access.PERSON or route.method == "DELETE" or route.path.endswith("/ws"):
            continue
        status, text = await ask(may, route, theirs)
        assert theirs.text not in text, route
        assert not any(task in text for task in theirs.tasks[:-1]), route
        if "{" in route.path:
            assert status == 404, route
            refused.add((route.method, route.path))
            mine, _ = await ask(may, route, own)
            assert mine in (200, 409), route
    assert refused == {
        ("GET", "/api/v1/tasks/{id}"),
        ("POST", "/api/v1/tasks/{id}/cancel"),
        ("POST", "/api/v1/tasks/{id}/retry"),
        ("GET", "/api/v1/attachments/{content}/{name}"),
    }
    for task in map(TaskId, theirs.tasks):
        for method, way in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
            assert await may.error(method, f"/api/v1/tasks/{task}{way}") == (404, "no_such_task")
        assert (await rig.engine.get(task)).state in ("ready", "waiting")
    assert await may.error("GET", f"/api/v1/tasks?before={theirs.tasks[-1]}") == (404, "no_such_task")
    listed = [task["id"] for task in await may.get("/api/v1/tasks")]
    assert listed == [own.tasks[-1]]
    assert [result["person"] for result in await may.get("/api/v1/results")] == [mays]


async def test_what_is_not_ones_own_looks_like_what_is_not_there(rig: PageRig) -> None:
    await rig.owner()
    may, _ = await rig.user("May")
    theirs = await things_of(rig, "owner", "main")
    absent = "01K0000000000000000000000Z"
    for method, way in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        there = await may.ask(method, f"/api/v1/tasks/{theirs.tasks[-1]}{way}")
        not_there = await may.ask(method, f"/api/v1/tasks/{absent}{way}")
        assert str(there).replace(theirs.tasks[-1], absent) == str(not_there)
    one = await may.ask("GET", f"/api/v1/attachments/{theirs.file.id}/{theirs.file.name}")
    other = await may.ask("GET", f"/api/v1/attachments/{'0' * 32}/{theirs.file.name}")
    assert str(one).replace(theirs.file.id, "0" * 32) == str(other)


async def test_the_line_of_one_tells_nothing_of_another(rig: PageRig) -> None:
    await rig.owner()
    may, mays = await rig.user("May")
    _, rays = await rig.user("Ray")
    async with may.session.ws_connect(f"{rig.url}/api/v1/ws?after=0") as line:
        theirs = await things_of(rig, rays, rays)
        await things_of(rig, "owner", "main")
        for task in theirs.tasks:
            rig.hub.task("web", rays, task)
        await line.send_json({"type": "ack", "seq": 1000})
        own = await things_of(rig, mays, mays)
        said = await line.receive_json(timeout=10)
        assert said["message"]["text"] == own.text
        with pytest.raises(asyncio.TimeoutError):
            await line.receive_json(timeout=0.05)


async def test_the_owner_sees_and_ends_everybodys(rig: PageRig) -> None:
    owner = await rig.owner()
    _, rays = await rig.user("Ray")
    theirs = await things_of(rig, rays, rays)
    task = await owner.get(f"/api/v1/tasks/{theirs.tasks[-1]}")
    assert (task["person"], task["channel"], task["chat"]) == (rays, "web", rays)
    assert (await owner.ask("GET", f"/api/v1/attachments/{theirs.file.id}/{theirs.file.name}"))[0] == 200
    status, cancelled = await owner.ask("POST", f"/api/v1/tasks/{theirs.tasks[-1]}/cancel")
    assert (status, cancelled["state"]) == (200, "cancelled")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1", ""])
async def test_another_sites_page_changes_nothing_with_the_owners_cookie(rig: PageRig, origin: str) -> None:
    owner = await rig.owner()
    things = await things_of(rig, "owner", "main")
    people, unsafe = rig.people.facts(), 0
    for route in rig.routes:
        if route.method != "GET":
            status, text = await ask(owner, route, things, Origin=origin)
            assert (status, "not_allowed" in text) == (403, True), route
            unsafe += 1
    assert rig.guard.refusals.origin == unsafe
    assert rig.people.facts() == people
    assert (await rig.engine.get(TaskId(things.tasks[-1]))).state == "waiting"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await owner.session.ws_connect(f"{rig.url}/api/v1/ws", origin=origin or "http://evil.example")
    assert refused.value.status == 403


async def test_the_devices_own_page_may(rig: PageRig) -> None:
    owner = await rig.owner()
    status, _ = await owner.ask("POST", "/api/v1/invite", Origin=rig.url)
    assert status == 200


async def test_a_name_that_is_not_ours_reaches_nothing(rig: PageRig) -> None:
    owner = await rig.owner()
    things = await things_of(rig, "owner", "main")
    for route in rig.routes:
        status, text = await ask(owner, route, things, Host="evil.example")
        assert (status, "not_allowed" in text) == (403, True), route
    for path in ("/", "/healthz", "/metrics", "/assets/x.js"):
        async with owner.session.get(f"{rig.url}{path}", headers={"Host": "evil.example"}) as response:
            assert response.status == 403


async def test_the_token_acts_as_the_owner_on_every_route(rig: PageRig) -> None:
    await rig.owner()
    program = rig.browser()
    for path in ("/api/v1/people", "/api/v1/channels", "/api/v1/health", "/api/v1/chats", "/api/v1/tasks?scope=all"):
        assert (await program.ask("GET", path, **BEARER))[0] == 200
