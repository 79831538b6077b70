"""The web chat: the channel suite over its real interface, and what is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from outpost_agent.channels.web import CHANNEL, Guard, WebChat
from outpost_agent.content import ContentFolder
from outpost_agent.conversation import CONVERSATION_2_SCHEMA, CONVERSATION_SCHEMA, Receive, Reply, receive, reply
from outpost_agent.hub import Hub
from outpost_agent.server import make_server
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_disk import Database, open_database
from outpost_sdk.channel import Accepted, Incoming, Outgoing
from outpost_sdk.suites.channel import ChannelSuite, RecordingContext
from outpost_sdk.tasks import TaskSpec
from outpost_wire.document import Document, Paragraph, Text
from outpost_wire.ids import TaskId, Ulids

TOKEN = "token-of-the-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class CommittingContext(RecordingContext):
    """Records, and writes the message as the router would."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    async def accept(self, incoming: Incoming) -> Accepted:
        accepted = await super().accept(incoming)
        effect = Receive(message_id=accepted.message_id, task_id=None, incoming=incoming)
        await self.database.write(lambda connection: receive(connection, effect, 1_000))
        return accepted


class WebRig:
    """The web chat behind a real server, and a person with an HTTP client."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.context = CommittingContext(database)
        self.hub = Hub()
        self.now = 1_000.0
        self.new_id = Ulids(lambda: 1, bytes)
        self.engine = SqliteEngine(database, apply=_no_effect, changed=lambda _connection, _task: None)
        self.content = ContentFolder(folder / "content", limit_bytes=1 << 21, high_water=1.0, new_id=self.new_id)
        self.guard = Guard(TOKEN, (), 0)
        self.channel = WebChat(
            database=database,
            engine=self.engine,
            content=self.content,
            hub=self.hub,
            guard=self.guard,
            progress=lambda _task: 0.5,
            about={"device": {"id": "d1", "name": "Device"}, "limits": {"files": 3}},
            clock_ms=lambda: 2_000,
        )
        self.answered = 0
        self.url = ""
        self.session = aiohttp.ClientSession()

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
        answer = Reply(
            id=self.new_id(), channel=CHANNEL, chat="main", text=text, document=Document((Paragraph((Text(text),)),))
        )
        await self.database.write(lambda connection: reply(connection, answer, 1_500))
        await self.channel.send(Outgoing(seq=0, id=answer.id, chat="main", document=answer.document, text=text))

    async def shown(self) -> list[str]:
        return [message["text"] for message in await self.get("/api/v1/messages") if message["direction"] == "out"]


def _no_effect(*_: object) -> None:
    raise AssertionError("no effects here")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[WebRig]:
    async with open_database(
        tmp_path / "d.sqlite", [CONVERSATION_SCHEMA, TASK_SCHEMA, CONVERSATION_2_SCHEMA]
    ) as database:
        rig = WebRig(database, tmp_path)

        async def metrics() -> bytes:
            return b"metrics\n"

        application = make_server(
            rig.guard,
            rig.channel.routes(),
            clock=lambda: rig.now,
            is_ready=lambda: True,
            render_metrics=metrics,
            metrics_type="text/plain",
        )
        server = TestServer(application)
        running = asyncio.create_task(rig.channel.run(rig.context))
        await server.start_server()
        rig.guard._hosts |= {f"127.0.0.1:{server.port}"}
        rig.url = str(server.make_url("")).rstrip("/")
        yield rig
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await rig.session.close()
        await server.close()


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


async def test_nothing_is_told_without_the_token(rig: WebRig) -> None:
    for path in ("/api/v1/messages", "/api/v1/me", "/api/v1/ws", "/api/v1/tasks/x", "/api/v1/attachments/x/y"):
        async with rig.session.get(f"{rig.url}{path}") as response:
            assert response.status == 401
            assert (await response.json())["error"]["code"] == "not_signed_in"
    assert rig.guard.refusals.token == 5


async def test_a_session_cookie_opens_the_chat_until_it_ends(rig: WebRig) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.post(f"{rig.url}/api/v1/session", headers=BEARER) as response:
            assert response.status == 204
            assert "HttpOnly" in response.headers["Set-Cookie"]
            assert "SameSite=Strict" in response.headers["Set-Cookie"]
        async with browser.get(f"{rig.url}/api/v1/me") as response:
            assert (await response.json())["device"]["id"] == "d1"


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


async def test_a_task_of_another_chat_is_not_told(rig: WebRig) -> None:
    mine = TaskSpec(id=TaskId(rig.new_id()), kind="k", principal="p", channel="web", chat="main")
    other = TaskSpec(id=TaskId(rig.new_id()), kind="k", principal="p", channel="local", chat="uid0")
    await rig.engine.put([mine, other], 1_000)
    assert (await rig.get(f"/api/v1/tasks/{mine.id}"))["state"] == "ready"
    for path in (f"/api/v1/tasks/{other.id}", "/api/v1/tasks/none"):
        assert (await rig.get(path))["error"]["code"] == "no_such_task"
    async with rig.session.post(f"{rig.url}/api/v1/tasks/{other.id}/cancel", headers=BEARER) as response:
        assert response.status == 404
    assert (await rig.engine.get(other.id)).state == "ready"


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

        monkeypatch.setattr(rig.channel, "_after", broken)
        rig.hub.said(CHANNEL, "main")
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
