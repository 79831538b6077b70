"""The console's API as a browser, a script and an attacker see it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientError

from outpost_manager.access import issue_code
from outpost_manager.rows import LinkEvent
from outpost_manager.web import stream as stream_module
from tests.unit.outpost_manager.fleet import NOW_MS, BoxedDevice, result, sample, task
from tests.unit.outpost_manager.site import BEARER, SESSION_S, TOKEN, Site, code_of, running


class BigNews(msgspec.Struct):
    text: str


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>")
    (static / "assets" / "main-1a2b.js").write_text("start()")
    async with running(tmp_path, static) as opened:
        yield opened


@pytest.mark.parametrize("path", ["me", "devices", "devices/pi", "results/x", "stream", "nothing"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Cookie": "outpost_console_1=wrong"}])
async def test_nobody_gets_in_without_a_token_or_a_session(site: Site, path: str, headers: dict[str, str]) -> None:
    response = await site.client.get(f"/api/v1/{path}", headers=headers)
    assert response.status == 401
    assert await code_of(response) == "unauthorised"
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_code_becomes_a_session_once(site: Site) -> None:
    code = issue_code(site.state)
    first = await site.client.post("/api/v1/session", json={"code": code})
    assert first.status == 204
    cookie = first.headers["Set-Cookie"]
    assert all(part in cookie for part in ("outpost_console_1=", "HttpOnly", "SameSite=Strict", "Path=/"))
    me = await site.client.get("/api/v1/me")
    assert await me.json() == {"fleet": "home", "version": "0.1.0", "manager": {"id": "m1", "link": "up"}}
    again = await site.client.post("/api/v1/session", json={"code": code})
    assert (again.status, await code_of(again)) == (401, "bad_code")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"code": 7}', b"\xff"])
async def test_a_sign_in_that_is_none_is_refused(site: Site, body: bytes) -> None:
    response = await site.client.post("/api/v1/session", data=body)
    assert (response.status, await code_of(response)) == (400, "bad_request")


async def test_a_session_ends_in_time(site: Site) -> None:
    await site.sign_in()
    site.now_ms += SESSION_S * 1000 - 1
    assert (await site.client.get("/api/v1/devices")).status == 200
    site.now_ms += 1
    assert (await site.client.get("/api/v1/devices")).status == 401


async def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(site: Site) -> None:
    await site.sign_in()
    (cookie,) = (cookie.value for cookie in site.client.session.cookie_jar)
    out = await site.client.delete("/api/v1/session", headers={"Origin": site.origin})
    assert out.status == 204
    response = await site.client.get("/api/v1/me", headers={"Cookie": f"outpost_console_1={cookie}"})
    assert response.status == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7781", "127.0.0.1.evil.example", "192.168.1.9", "[::1"])
@pytest.mark.parametrize("path", ["/", "/api/v1/me", "/metrics"])
async def test_a_name_that_is_not_ours_gets_nothing(site: Site, host: str, path: str) -> None:
    response = await site.client.get(path, headers={**BEARER, "Host": host})
    assert (response.status, await code_of(response)) == (403, "bad_host")


@pytest.mark.parametrize("host", ["localhost:7781", "[::1]:7781", "127.0.0.1", "console.example"])
async def test_our_own_names_are_answered(site: Site, host: str) -> None:
    assert (await site.client.get("/api/v1/me", headers={**BEARER, "Host": host})).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "stream"), ("GET", "me"), ("DELETE", "session"), ("POST", "session")]
)
async def test_another_sites_page_cannot_use_a_browser_that_is_signed_in(
    site: Site, headers: dict[str, str], method: str, path: str
) -> None:
    await site.sign_in()
    response = await site.client.request(method, f"/api/v1/{path}", headers=headers)
    assert (response.status, await code_of(response)) == (403, "bad_origin")


async def test_an_unsafe_request_by_cookie_must_say_where_it_comes_from(site: Site) -> None:
    await site.sign_in()
    response = await site.client.delete("/api/v1/session")
    assert (response.status, await code_of(response)) == (403, "bad_origin")


@pytest.mark.parametrize(
    ("header", "language"), [("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("fr, en;q=0.5, zh;q=0.4", "en")]
)
async def test_errors_come_in_the_callers_language(site: Site, header: str, language: str) -> None:
    response = await site.client.get("/api/v1/results/none", headers={**BEARER, "Accept-Language": header})
    assert response.status == 404
    assert response.headers["Content-Language"] == language
    message = (await response.json())["error"]["message"]
    assert message == {"en": "There is no such result.", "zh": "没有该结果。"}[language]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("devices/none", 404, "no_device"),
        ("devices/none/tasks", 404, "no_device"),
        ("devices/none/results", 404, "no_device"),
        ("devices/none/telemetry", 404, "no_device"),
        ("devices/pi/telemetry?hours=0", 400, "bad_hours"),
        ("devices/pi/telemetry?hours=169", 400, "bad_hours"),
        ("devices/pi/telemetry?hours=%D9%A3", 400, "bad_hours"),
        ("devices/pi/tasks?limit=-1", 400, "bad_limit"),
        ("parade", 404, "not_found"),
    ],
)
async def test_what_is_not_there_is_said(site: Site, path: str, status: int, code: str) -> None:
    response = await site.client.get(f"/api/v1/{path}", headers=BEARER)
    assert (response.status, await code_of(response)) == (status, code)


async def test_a_method_that_does_not_fit_and_a_body_too_large_are_said(site: Site) -> None:
    wrong = await site.client.post("/api/v1/devices", headers=BEARER)
    assert (wrong.status, await code_of(wrong)) == (405, "bad_method")
    large = await site.client.post("/api/v1/session", data=b"x" * 70_000)
    assert (large.status, await code_of(large)) == (413, "too_large")


async def test_everything_known_of_a_device_is_told(site: Site) -> None:
    device = BoxedDevice()
    made = result()
    messages = [device.state(online=True), device.reported(), device.telemetry(sample())]
    messages += [device.event(1, task()), device.event(2, made)]
    await site.store.commit([message.read() for message in messages], NOW_MS)

    async def get(path: str) -> Any:
        response = await site.client.get(f"/api/v1/{path}", headers=BEARER)
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        return await response.json()

    (row,) = await get("devices")
    assert row["health"] == {"cpu": 0.5, "memory": 0.25, "disk": 0.75, "temperature": 41.0, "load": 1.5}
    assert row["tasks"] == {"running": 1, "waiting": 0, "failed": 0}
    detail = await get("devices/pi")
    assert detail["system"]["board"] == "Raspberry Pi 5"
    shared = row.keys() - {"requests", "channels"}
    assert {key: row[key] for key in shared} == {key: detail[key] for key in shared}
    series = await get("devices/pi/telemetry?hours=1")
    assert series["series"]["cpu"] == [0.5]
    assert series["time"] == [NOW_MS // 1000]
    (job,) = await get("devices/pi/tasks")
    assert (job["kind"], job["state"], job["parents"]) == ("log.analyse", "running", [])
    (found,) = await get("devices/pi/results")
    assert (found["title"], found["bytes"], found["message_id"]) == ("Log analysis", 1234, "m1")
    whole = await get(f"results/{found['id']}")
    assert whole["document"]["blocks"][0]["t"] == "p"
    assert whole["plots"][0]["svg"].startswith("<svg")
    assert whole["on_device"] == {"name": "events.jsonl", "bytes": 99_000}


async def test_pages_are_locked_down_and_cached_by_kind(site: Site) -> None:
    page = await site.client.get("/")
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-cache"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    asset = await site.client.get("/assets/main-1a2b.js")
    assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "javascript" in asset.headers["Content-Type"]


@pytest.mark.parametrize(
    "path", ["/assets/..%2f..%2fmanager.db", "/..%2fmanager.db", "/assets/", "/assets/none.js", "/.hidden"]
)
async def test_pages_lead_nowhere_else(site: Site, path: str) -> None:
    assert (await site.client.get(path)).status == 404


async def test_a_missing_web_build_is_one_sentence(tmp_path: Path) -> None:
    async with running(tmp_path, tmp_path / "static") as site:
        response = await site.client.get("/")
        assert response.status == 503
        assert "make setup" in await response.text()


async def test_health_and_metrics_need_no_session(site: Site) -> None:
    assert (await site.client.get("/healthz")).status == 200
    assert (await site.client.get("/readyz")).status == 200
    site.missing = ("there is no broker",)
    ready = await site.client.get("/readyz")
    assert (ready.status, await ready.json()) == (503, {"ready": False, "missing": ["there is no broker"]})
    await site.store.commit([BoxedDevice().state(online=True).read()], NOW_MS)
    text = await (await site.client.get("/metrics")).text()
    assert 'outpost_manager_devices{state="online"} 1.0' in text
    assert "outpost_manager_link_up 1.0" in text


async def test_the_stream_tells_what_happens_and_gives_signs_of_life(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "HEARTBEAT_S", 0.02)
    async with site.client.get("/api/v1/stream", headers=BEARER) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        await response.content.readuntil(b": still here\n\n")
        site.hub.publish("manager", LinkEvent(link="down"))
        heard = await response.content.readuntil(b'data: {"link":"down"}\n\n')
    assert b"id: run-1\nevent: manager\n" in heard


async def test_the_stream_ends_with_the_session(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "HEARTBEAT_S", 0.02)
    await site.sign_in()
    async with site.client.get("/api/v1/stream") as response:
        await response.content.readuntil(b": still here\n\n")
        site.now_ms += SESSION_S * 1000
        rest = await response.content.read()
    assert b"event:" not in rest
    assert len(site.hub) == 0


async def test_signing_out_cuts_the_stream(site: Site) -> None:
    await site.sign_in()
    async with site.client.get("/api/v1/stream") as response:
        await response.content.readuntil(b": hello\n\n")
        await site.client.delete("/api/v1/session", headers={"Origin": site.origin})
        with pytest.raises(ClientError):
            await response.content.read()
    assert len(site.hub) == 0


async def test_a_browser_that_does_not_read_is_let_go(site: Site) -> None:
    """A raw socket that never reads, so that the system's buffers fill up and then the queue."""
    with socket.create_connection(("127.0.0.1", site.client.port or 0)) as reader:
        reader.setblocking(False)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(
            reader,
            f"GET /api/v1/stream HTTP/1.1\r\nHost: {site.host}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode(),
        )
        async with asyncio.timeout(20):
            assert b"200 OK" in await loop.sock_recv(reader, 4096)
            while site.hub.dropped == 0:
                site.hub.publish("news", BigNews(text="x" * 20_000))
                await asyncio.sleep(0)
    assert len(site.hub) == 0
    assert (await site.client.get("/healthz")).status == 200


async def test_a_closed_tab_leaves_nothing_behind(site: Site) -> None:
    response = await site.client.get("/api/v1/stream", headers=BEARER)
    await response.content.readuntil(b": hello\n\n")
    response.close()
    async with asyncio.timeout(10):
        while len(site.hub):
            site.hub.publish("manager", LinkEvent(link="up"))
            await asyncio.sleep(0)
    assert (await site.client.get("/healthz")).status == 200
