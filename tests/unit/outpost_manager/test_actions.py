"""What the console does to devices, as a browser, a script and an attacker try it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outpost_manager.access import issue_code
from outpost_wire.ids import DeviceId
from outpost_wire.messages import Desired, PairRevoke, decode
from tests.unit.outpost_manager.fleet import NOW_MS, BoxedDevice, new_id, result, task
from tests.unit.outpost_manager.site import BEARER, Site, code_of, running

TASK = new_id()
CANCEL = {"verb": "task.cancel", "task": TASK}
REQUEST = {
    "id": new_id(),
    "code": "K7M29XQP",
    "channel": "telegram",
    "sender": "815",
    "name": "Anna",
    "created_ms": NOW_MS,
    "expires_ms": NOW_MS + 3_600_000,
}
OWNER = {"id": "owner", "name": "李雷", "role": "owner", "identities": [{"channel": "telegram", "sender": "4711"}]}
CHANNELS = [
    {"name": "web", "kind": "web", "state": "on"},
    {"name": "bot", "kind": "telegram", "state": "refused", "en": "Paste a new token.", "zh": "请粘贴新令牌。"},
]
ACTIONS = [
    ("POST", "devices/pi/commands", CANCEL),
    ("PUT", "devices/pi/settings", {"results": "none"}),
]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running(tmp_path, tmp_path / "static") as opened:
        device = BoxedDevice()
        doors = {"owned": True, "people": [OWNER], "requests": [REQUEST], "turned_away": 3, "channels": CHANNELS}
        messages = [device.state(online=True), device.reported(**doors, results="full")]
        messages += [BoxedDevice(id=DeviceId("mac")).state(online=False)]
        await opened.store.commit([message.read() for message in messages], NOW_MS)
        yield opened


async def post(site: Site, body: Any, *, device: str = "pi", **headers: str) -> Any:
    response = await site.client.post(f"/api/v1/devices/{device}/commands", json=body, headers={**BEARER, **headers})
    assert response.status == 200, await response.text()
    return await response.json()


async def get(site: Site, path: str) -> Any:
    response = await site.client.get(f"/api/v1/{path}", headers=BEARER)
    assert response.status == 200
    return await response.json()


@pytest.mark.parametrize(("method", "path", "body"), ACTIONS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Cookie": "outpost_console_1=wrong"}])
async def test_nobody_acts_without_a_session(
    site: Site, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    response = await site.client.request(method, f"/api/v1/{path}", json=body, headers=headers)
    assert (response.status, await code_of(response)) == (401, "unauthorised")
    assert site.sent == []


@pytest.mark.parametrize(("method", "path", "body"), ACTIONS)
@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}]
)
async def test_another_sites_page_cannot_act(
    site: Site, method: str, path: str, body: Any, headers: dict[str, str]
) -> None:
    await site.sign_in()
    response = await site.client.request(method, f"/api/v1/{path}", json=body, headers=headers)
    assert (response.status, await code_of(response)) == (403, "bad_origin")
    assert site.sent == []


@pytest.mark.parametrize(("method", "path", "body"), ACTIONS)
async def test_a_browser_that_is_signed_in_acts(site: Site, method: str, path: str, body: Any) -> None:
    await site.sign_in()
    response = await site.client.request(method, f"/api/v1/{path}", json=body, headers={"Origin": site.origin})
    assert response.status == 200
    assert len(site.sent) == 1


@pytest.mark.parametrize(("method", "path", "body"), ACTIONS)
async def test_a_device_that_there_is_not_is_said(site: Site, method: str, path: str, body: Any) -> None:
    elsewhere = f"/api/v1/{path.replace('/pi/', '/nobody/')}"
    response = await site.client.request(method, elsewhere, json=body, headers=BEARER)
    assert (response.status, await code_of(response)) == (404, "no_device")
    assert site.sent == []


async def test_a_command_is_answered_with_what_came_of_it(site: Site) -> None:
    row = await post(site, CANCEL)
    assert (row["device"], row["verb"], row["subject"], row["state"]) == ("pi", "task.cancel", TASK, "done")
    assert (row["code"], row["en"], row["zh"]) == ("ok", "Done.", "完成。")
    assert await get(site, "devices/pi/commands?limit=5") == [row]
    assert await get(site, "devices/mac/commands") == []


async def test_a_command_that_nobody_answers_is_sent_for_now(site: Site) -> None:
    site.answers = None
    row = await post(site, CANCEL)
    assert (row["state"], row["code"], row["en"]) == ("sent", None, None)


async def test_one_identity_of_a_person_can_be_named(site: Site) -> None:
    await post(site, {"verb": "pair.revoke", "person": "owner", "channel": "telegram", "sender": "4711"})
    sent = decode(site.sent[0].payload, PairRevoke)
    assert (sent.person, sent.channel, sent.sender) == ("owner", "telegram", "4711")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_request"),
        (b"[]", "bad_request"),
        (b"\xff", "bad_request"),
        (b"[" * 5000, "bad_request"),
        (b'{"verb":7}', "bad_request"),
        (b'{"verb":"reboot"}', "bad_command"),
        (b'{"verb":"task.cancel"}', "bad_command"),
        (b'{"verb":"task.cancel","task":"../.."}', "bad_command"),
        (b'{"verb":"pair.approve","request":"K7M29XQP"}', "bad_command"),
    ],
)
async def test_what_is_no_command_is_refused(site: Site, body: bytes, code: str) -> None:
    response = await site.client.post("/api/v1/devices/pi/commands", data=body, headers=BEARER)
    assert (response.status, await code_of(response)) == (400, code)
    assert site.sent == []


async def test_without_a_broker_a_command_is_refused_and_not_kept(site: Site) -> None:
    site.is_linked = False
    headers = {**BEARER, "Accept-Language": "zh"}
    response = await site.client.post("/api/v1/devices/pi/commands", json=CANCEL, headers=headers)
    assert (response.status, await code_of(response)) == (503, "no_link")
    assert "代理" in (await response.json())["error"]["message"]
    assert await get(site, "devices/pi/commands") == []


async def test_a_device_that_answers_nothing_is_not_asked_without_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outpost_manager.orders.OPEN_PER_DEVICE", 1)
    site.answers = None
    await post(site, CANCEL)
    response = await site.client.post("/api/v1/devices/pi/commands", json=CANCEL, headers=BEARER)
    assert (response.status, await code_of(response)) == (429, "too_many_commands")


async def test_a_setting_is_told_with_what_the_device_makes_of_it(site: Site) -> None:
    response = await site.client.put("/api/v1/devices/pi/settings", json={"results": "summary"}, headers=BEARER)
    wanted = {"results": {"desired": "summary", "reported": "full", "version": 1, "followed": False}}
    assert await response.json() == wanted
    assert (await get(site, "devices/pi"))["settings"] == wanted
    assert decode(site.sent[0].payload, Desired).results == "summary"
    left = await site.client.put("/api/v1/devices/pi/settings", json={"results": None}, headers=BEARER)
    assert (await left.json())["results"] == {"desired": None, "reported": "full", "version": 2, "followed": False}


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"results":"all"}', b'{"results":1}', b'{"results":"none","mood":1}']
)
async def test_what_is_no_setting_is_refused(site: Site, body: bytes) -> None:
    response = await site.client.put("/api/v1/devices/pi/settings", data=body, headers=BEARER)
    assert (response.status, await code_of(response)) == (400, "bad_settings")
    assert site.sent == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("devices/nobody/commands", 404, "no_device"),
        ("devices/pi/commands?limit=0", 400, "bad_commands_limit"),
        ("devices/pi/commands?limit=201", 400, "bad_commands_limit"),
        ("devices/nobody/tasks/x", 404, "no_device"),
        ("devices/pi/tasks/none", 404, "no_task"),
    ],
)
async def test_what_is_not_there_is_said(site: Site, path: str, status: int, code: str) -> None:
    response = await site.client.get(f"/api/v1/{path}", headers=BEARER)
    assert (response.status, await code_of(response)) == (status, code)


@pytest.mark.parametrize("path", ["people", "channels", "devices/pi/commands", "devices/pi/tasks/x"])
async def test_nobody_reads_without_a_session(site: Site, path: str) -> None:
    response = await site.client.get(f"/api/v1/{path}")
    assert (response.status, await code_of(response)) == (401, "unauthorised")


async def test_the_list_says_who_waits_and_how_the_channels_are(site: Site) -> None:
    mac, pi = await get(site, "devices")
    assert (pi["owned"], pi["requests"], pi["results"]) == (True, 1, "full")
    assert pi["channels"] == [
        {"name": "web", "kind": "web", "state": "on"},
        {"name": "bot", "kind": "telegram", "state": "refused"},
    ]
    assert (mac["owned"], mac["requests"], mac["results"], mac["channels"]) == (False, 0, None, [])


async def test_a_device_tells_its_people_requests_and_channels(site: Site) -> None:
    pi = await get(site, "devices/pi")
    assert [person["name"] for person in pi["people"]] == ["李雷"]
    assert pi["requests"] == [REQUEST]
    assert pi["channels"][1]["zh"] == "请粘贴新令牌。"
    assert (pi["turned_away"], pi["cut"]) == (3, False)
    mac = await get(site, "devices/mac")
    assert mac["settings"]["results"] == {"desired": None, "reported": None, "version": 0, "followed": True}


async def test_people_and_channels_are_listed_over_the_fleet(site: Site) -> None:
    people = await get(site, "people")
    assert people["requests"] == [{"device": "pi", "device_name": "Kitchen", "online": True, **REQUEST}]
    (person,) = people["people"]
    assert (person["device"], person["id"], person["role"]) == ("pi", "owner", "owner")
    assert person["identities"] == [{"channel": "telegram", "sender": "4711", "name": "", "since_ms": 0}]
    channels = await get(site, "channels")
    assert [(row["device"], row["name"], row["state"]) for row in channels] == [
        ("pi", "web", "on"),
        ("pi", "bot", "refused"),
    ]


async def test_a_task_is_shown_with_its_chain_and_its_result(site: Site) -> None:
    first = new_id()
    made = result(task_id=TASK, title="Report")
    device = BoxedDevice()
    events = [device.event(1, task(id=first)), device.event(2, task(id=TASK, parents=(first,))), device.event(3, made)]
    await site.store.commit([event.read() for event in events], NOW_MS)
    shown = await get(site, f"devices/pi/tasks/{TASK}")
    (row,) = [row for row in await get(site, "devices/pi/tasks") if row["id"] == TASK]
    assert {key: shown[key] for key in row} == row
    assert [step["id"] for step in shown["chain"]] == [first, TASK]
    assert shown["result"] == {"id": made.result_id, "title": "Report"}


async def test_over_tls_the_cookie_never_travels_in_the_clear(tmp_path: Path) -> None:
    async with running(tmp_path, tmp_path / "static", is_secure=True) as site:
        signed_in = await site.client.post("/api/v1/session", json={"code": issue_code(site.state)})
    cookie = signed_in.headers["Set-Cookie"]
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"))
    assert "Domain" not in cookie
