"""The web chat: the channel suite over its real interface, and what is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from outpost_agent.channels.web import CHANNEL, Access
from outpost_sdk.channel import Accepted, Incoming
from outpost_sdk.suites.channel import ChannelSuite
from tests.support.device_page import BEARER, CommittingContext, PageRig, device_page


class WebRig:
    """The web chat behind a real server, and the owner with an HTTP client."""

    def __init__(self, page: PageRig) -> None:
        self.page = page
        self.channel = page.channel
        self.context: CommittingContext = page.context
        self.url = page.url
        self.answered = 0
        self.session = page.browser().session

    async def post(self, text: str, key: str, files: tuple[tuple[str, bytes], ...] = (), **headers: str) -> Any:
        form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        form.add_field("text", text)
        for name, data in files:
            form.add_field("file", data, filename=name, content_type="text/plain")
        return await self.session.post(
            f"{self.url}/api/v1/messages", data=form, headers={**BEARER, "Idempotency-Key": key, **headers}
        )

    async def get(self, path: str, **headers: str) -> Any:
        async with self.session.get(f"{self.url}{path}", headers={**BEARER, **headers}) as response:
            return await response.json()

    async def person_says(self, text: str, files: tuple[tuple[str, bytes], ...] = ()) -> None:
        response = await self.post(text, f"key {len(self.context.asked)}", files)
        self.answered += response.status == 202

    async def acknowledged(self) -> int:
        return self.answered

    async def device_says(self, text: str) -> None:
        await self.page.device_says(text)

    async def shown(self) -> list[str]:
        return [message["text"] for message in await self.get("/api/v1/messages") if message["direction"] == "out"]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[WebRig]:
    async with device_page(tmp_path) as page:
        yield WebRig(page)


class TestWebChat(ChannelSuite):
    """The suite over HTTP."""


async def test_the_same_key_gives_the_same_answer(rig: WebRig) -> None:
    response = await rig.post("hello", "k", (("a.log", b"x"),))
    assert response.status == 202
    assert await response.json() == {"message_id": "M1", "task_id": None}


async def test_a_key_is_required(rig: WebRig) -> None:
    for key in ("", "k" * 201):
        response = await rig.post("hello", key)
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "bad_input"


async def test_an_empty_message_is_refused_in_the_readers_language(rig: WebRig) -> None:
    english = await (await rig.post("  ", "k")).json()
    chinese = await (await rig.post("  ", "k", (), **{"Accept-Language": "zh-CN"})).json()
    assert english["error"]["message"].startswith("The message is empty")
    assert chinese["error"]["message"].startswith("消息是空的")


async def test_nothing_is_told_to_nobody(rig: WebRig) -> None:
    for route in rig.channel.routes():
        assert route.access is Access.PERSON
        async with rig.session.request(route.method, f"{rig.url}{route.path}") as response:
            assert response.status == 401
            assert (await response.json())["error"]["code"] == "not_signed_in"
    assert rig.page.guard.refusals.token == len(rig.channel.routes())


async def test_another_sites_page_can_do_nothing(rig: WebRig) -> None:
    response = await rig.post("hello", "k", Origin="http://evil.example")
    assert response.status == 403
    async with rig.session.get(
        f"{rig.url}/api/v1/ws", headers={**BEARER, "Origin": "http://evil.example", "Upgrade": "websocket"}
    ) as refused:
        assert refused.status == 403
    async with rig.session.get(f"{rig.url}/", headers={"Host": "evil.example"}) as rebound:
        assert rebound.status == 403
    assert rig.context.asked == []


async def test_every_answer_carries_the_policy(rig: WebRig) -> None:
    for path in ("/", "/healthz", "/nowhere", "/api/v1/me"):
        async with rig.session.get(f"{rig.url}{path}") as response:
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_poll_waits_for_what_is_said(rig: WebRig) -> None:
    polling = asyncio.create_task(rig.get("/api/v1/messages?after=0&wait=30"))
    await rig.device_says("here")
    (message,) = await polling
    assert (message["text"], message["direction"], message["state"]) == ("here", "out", "queued")
    assert message["document"] == {"blocks": [{"t": "p", "children": [{"t": "text", "text": "here"}]}]}


async def test_a_poll_ends_empty_in_time(rig: WebRig) -> None:
    assert await rig.get("/api/v1/messages?after=0&wait=0.01") == []


@pytest.mark.parametrize("query", ["after=x", "after=-2", "after=nan", "wait=-1", "limit=0", "before=-1"])
async def test_a_wrong_number_is_named(rig: WebRig, query: str) -> None:
    answer = await rig.get(f"/api/v1/messages?{query}")
    assert answer["error"]["message"].startswith(query.partition("=")[0])


async def test_pages_go_both_ways(rig: WebRig) -> None:
    for number in range(7):
        await rig.device_says(f"{number}")
    newest = await rig.get("/api/v1/messages?after=-1&limit=3")
    assert [message["text"] for message in newest] == ["4", "5", "6"]
    older = await rig.get(f"/api/v1/messages?before={newest[0]['seq']}&limit=3")
    assert [message["text"] for message in older] == ["1", "2", "3"]
    after = await rig.get(f"/api/v1/messages?after={older[-1]['seq']}&limit=2")
    assert [message["text"] for message in after] == ["4", "5"]


async def test_what_was_read_is_delivered(rig: WebRig) -> None:
    await rig.device_says("one")
    await rig.device_says("two")
    first, second = await rig.get("/api/v1/messages")
    assert [first["state"], second["state"]] == ["queued", "queued"]
    await rig.get(f"/api/v1/messages?after={first['seq']}")
    assert [message["state"] for message in await rig.get("/api/v1/messages")] == ["delivered", "queued"]


async def test_the_socket_resumes_where_the_reader_stopped(rig: WebRig) -> None:
    for number in range(150):
        await rig.device_says(f"{number}")
    seen: list[str] = []
    after = 0
    for stop in (60, 150, 151):
        async with rig.session.ws_connect(f"{rig.url}/api/v1/ws?after={after}", headers=BEARER) as socket:
            if stop == 151:
                await rig.device_says("150")
            while len(seen) < stop:
                said = await socket.receive_json(timeout=10)
                if said["type"] == "message":
                    seen.append(said["message"]["text"])
                    after = said["message"]["seq"]
                    await socket.send_json({"type": "ack", "seq": after})
    assert seen == [f"{number}" for number in range(151)]


async def test_the_socket_says_what_was_delivered(rig: WebRig) -> None:
    async with rig.session.ws_connect(f"{rig.url}/api/v1/ws?after=0", headers=BEARER) as socket:
        await rig.device_says("read me")
        said = await socket.receive_json(timeout=10)
        await socket.send_json({"type": "ack", "seq": said["message"]["seq"]})
        assert await socket.receive_json(timeout=10) == {
            "type": "state",
            "seq": said["message"]["seq"],
            "state": "delivered",
        }


async def test_nonsense_on_the_socket_closes_it(rig: WebRig) -> None:
    async with rig.session.ws_connect(f"{rig.url}/api/v1/ws?after=0", headers=BEARER) as socket:
        await socket.send_str("{")
        assert (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1007


async def test_two_people_may_choose_the_same_key(rig: WebRig) -> None:
    may, person = await rig.page.user("May")
    await rig.post("the same", "k")
    form = {"text": "the same"}
    async with may.session.post(f"{rig.url}/api/v1/messages", data=form, headers={"Idempotency-Key": "k"}) as response:
        assert (await response.json())["message_id"] == "M2"
    assert [(said.chat, said.sender, said.sender_name) for said in rig.context.accepted] == [
        ("main", "owner", ""),
        (person, person, "May"),
    ]
    assert rig.context.accepted[0].platform_id != rig.context.accepted[1].platform_id


async def test_a_user_has_a_chat_of_their_own(rig: WebRig) -> None:
    may, person = await rig.page.user("May")
    await rig.device_says("for the owner")
    await rig.page.device_says("for May", person)
    assert [message["text"] for message in await may.get("/api/v1/messages")] == ["for May"]
    assert await rig.shown() == ["for the owner"]
    async with may.session.ws_connect(f"{rig.url}/api/v1/ws?after=0") as socket:
        assert (await socket.receive_json(timeout=10))["message"]["text"] == "for May"
        await rig.device_says("again for the owner")
        await rig.page.device_says("again for May", person)
        assert (await socket.receive_json(timeout=10))["message"]["text"] == "again for May"


async def test_what_a_user_reads_is_delivered_to_them_alone(rig: WebRig) -> None:
    may, person = await rig.page.user("May")
    await rig.device_says("for the owner")
    await rig.page.device_says("for May", person)
    await may.get("/api/v1/messages?after=1000")
    assert [message["state"] for message in await may.get("/api/v1/messages")] == ["delivered"]
    assert [message["state"] for message in await rig.get("/api/v1/messages")] == ["queued"]


async def test_me_says_who_asks(rig: WebRig) -> None:
    may, person = await rig.page.user("May")
    assert (await rig.get("/api/v1/me"))["person"] == {"id": "owner", "name": "", "role": "owner"}
    me = await may.get("/api/v1/me")
    assert me["person"] == {"id": person, "name": "May", "role": "user"}
    assert me["address"] == rig.url


async def test_a_task_is_told_on_the_line_of_its_chat(rig: WebRig) -> None:
    may, person = await rig.page.user("May")
    (mine,) = await rig.page.chain("owner", "main", length=1)
    (hers,) = await rig.page.chain(person, person, length=1)
    async with may.session.ws_connect(f"{rig.url}/api/v1/ws?after=0") as socket:
        await socket.send_json({"type": "ping"})
        await rig.page.device_says("here", person)
        await socket.receive_json(timeout=10)
        rig.page.hub.task(CHANNEL, "main", mine)
        rig.page.hub.task(CHANNEL, person, "forgotten")
        rig.page.hub.task(CHANNEL, person, hers)
        said = await socket.receive_json(timeout=10)
        assert (said["type"], said["task"]["id"], said["task"]["root"]) == ("task", hers, hers)


async def test_all_that_a_browser_is_given_passes_the_one_way_out(rig: WebRig) -> None:
    file = await rig.page.file("a.log", b"x" * 100)
    await rig.page.device_says("see", attachments=(file,))
    (message,) = await rig.get("/api/v1/messages")
    async with rig.session.get(f"{rig.url}{message['attachments'][0]['url']}", headers=BEARER) as response:
        assert await response.read() == b"x" * 100
    async with rig.session.ws_connect(f"{rig.url}/api/v1/ws?after=0", headers=BEARER) as socket:
        await socket.receive_json(timeout=10)
    assert [(left.destination, left.kind, left.chat) for left in rig.page.departures] == [
        ("web", "reply", "main"),
        ("web", "file", "main"),
        ("web", "reply", "main"),
    ]
    assert [left.bytes > 100 for left in rig.page.departures] == [True, False, True]


async def test_who_is_revoked_is_cut_off_at_once(rig: WebRig) -> None:
    may, person = await rig.page.user("May")
    async with may.session.ws_connect(f"{rig.url}/api/v1/ws?after=0") as socket:
        await rig.page.device_says("one", person)
        await socket.receive_json(timeout=10)
        seq = (await may.get("/api/v1/messages"))[-1]["seq"]
        await socket.send_json({"type": "ack", "seq": seq})
        assert (await socket.receive_json(timeout=10))["type"] == "state"
        polling = asyncio.create_task(may.ask("GET", f"/api/v1/messages?after={seq}&wait=50"))
        await until_listening(rig, 2)
        await rig.page.people.revoke(person)
        assert (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1008
        status, body = await polling
        assert (status, body["error"]["code"]) == (401, "not_signed_in")


async def test_a_browser_that_signs_out_is_cut_off_and_no_other(rig: WebRig) -> None:
    first, second = await rig.page.owner(), await rig.page.owner()
    async with (
        first.session.ws_connect(f"{rig.url}/api/v1/ws?after=0") as ends,
        second.session.ws_connect(f"{rig.url}/api/v1/ws?after=0") as stays,
    ):
        await until_listening(rig, 2)
        assert (await first.ask("DELETE", "/api/v1/session"))[0] == 204
        heard = await ends.receive(timeout=10)
        while heard.type is aiohttp.WSMsgType.TEXT:
            heard = await ends.receive(timeout=10)
        assert ends.close_code == 1008
        assert await stays.receive_json(timeout=10) == {"type": "people"}
    assert await first.error("GET", "/api/v1/me") == (401, "not_signed_in")
    assert (await second.ask("GET", "/api/v1/me"))[0] == 200


async def test_owners_hear_that_people_and_channels_changed_and_users_do_not(rig: WebRig) -> None:
    may, person = await rig.page.user("May")
    owner = await rig.page.owner()
    async with (
        owner.session.ws_connect(f"{rig.url}/api/v1/ws?after=0") as told,
        may.session.ws_connect(f"{rig.url}/api/v1/ws?after=0") as not_told,
    ):
        await until_listening(rig, 2)
        for _ in range(50):
            rig.page.news.channels_changed()
            rig.page.news.people_changed()
        assert await told.receive_json(timeout=10) == {"type": "channels"}
        assert await told.receive_json(timeout=10) == {"type": "people"}
        await rig.page.device_says("after", "main")
        await rig.page.device_says("after", person)
        assert (await told.receive_json(timeout=10))["type"] == "message"
        assert (await not_told.receive_json(timeout=10))["type"] == "message"


async def test_one_person_holds_only_so_many_lines(rig: WebRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outpost_agent.channels.web.chat.LINES_LIMIT", 1)
    may, _ = await rig.page.user("May")
    url = f"{rig.url}/api/v1/ws?after=0"
    async with may.session.ws_connect(url):
        assert await may.error("GET", "/api/v1/ws", Connection="Upgrade", Upgrade="websocket") == (
            429,
            "too_many_lines",
        )
        async with rig.session.ws_connect(url, headers=BEARER) as another:
            await rig.device_says("here")
            assert (await another.receive_json(timeout=10))["type"] == "message"


async def until_listening(rig: WebRig, count: int) -> None:
    """Wait until so many lines and polls are open."""
    async with asyncio.timeout(10):
        while len(rig.page.news._listeners) < count:
            await asyncio.sleep(0.01)


async def test_a_form_that_is_none_is_refused(rig: WebRig) -> None:
    headers = {**BEARER, "Idempotency-Key": "k", "Content-Type": "application/json"}
    async with rig.session.post(f"{rig.url}/api/v1/messages", data=b"{}", headers=headers) as response:
        assert response.status == 400


async def test_the_metrics_are_for_this_machine(rig: WebRig) -> None:
    async with rig.session.get(f"{rig.url}/metrics") as response:
        assert await response.text() == "metrics\n"


async def test_an_unforeseen_failure_is_one_sentence(rig: WebRig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_incoming: Incoming) -> Accepted:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(rig.context, "accept", broken)
    response = await rig.post("hello", "k")
    assert response.status == 500
    assert await response.json() == {"error": {"code": "failed", "message": "The device could not do that."}}
    assert response.headers["Server"] == "outpost"


async def test_a_line_that_cannot_go_on_is_closed(rig: WebRig, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig.session.ws_connect(f"{rig.url}/api/v1/ws?after=0", headers=BEARER) as socket:

        async def broken(*_: object) -> list[dict[str, Any]]:
            raise ZeroDivisionError

        monkeypatch.setattr(rig.channel._reading, "after", broken)
        rig.page.hub.said(CHANNEL, "main")
        assert (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1011


async def test_a_form_is_bounded(rig: WebRig) -> None:
    files = tuple((f"{number}.log", b"x") for number in range(4))
    response = await rig.post("hello", "k", files)
    assert response.status == 400
    assert "3" in (await response.json())["error"]["message"]
    form = aiohttp.FormData(default_to_multipart=True)
    for number in range(20):
        form.add_field(f"field {number}", "x")
    headers = {**BEARER, "Idempotency-Key": "k2"}
    async with rig.session.post(f"{rig.url}/api/v1/messages", data=form, headers=headers) as many:
        assert many.status == 400
    assert rig.context.asked == []


async def test_a_token_that_is_no_text_is_refused(rig: WebRig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(rig.url.rpartition(":")[2]))
    host = rig.url.removeprefix("http://").encode()
    writer.write(b"GET /api/v1/me HTTP/1.1\r\nHost: " + host + b"\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"401"
    writer.close()


async def test_text_alone_may_come_as_a_plain_form(rig: WebRig) -> None:
    headers = {**BEARER, "Idempotency-Key": "k"}
    body = {"text": "a & b 你好", "language": "zh"}
    async with rig.session.post(f"{rig.url}/api/v1/messages", data=body, headers=headers) as response:
        assert response.status == 202
    (incoming,) = rig.context.accepted
    assert (incoming.text, incoming.language) == ("a & b 你好", "zh")
    for wrong in (b"text=%ff", b"&".join(b"f%d=1" % n for n in range(40)), b"text=" + b"x" * 300_000):
        form = {**headers, "Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "k2"}
        async with rig.session.post(f"{rig.url}/api/v1/messages", data=wrong, headers=form) as response:
            assert response.status == 400
