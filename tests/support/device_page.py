"""The device's web chat and page behind a real server, with real people, and browsers that keep their cookies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from outpost_agent.channels.web import CHANNEL, Guard, Route, WebChat
from outpost_agent.content import ContentFolder
from outpost_agent.conversation import CONVERSATION_2_SCHEMA, CONVERSATION_SCHEMA, Receive, Reply, receive, reply
from outpost_agent.egress import Egress
from outpost_agent.hub import Hub
from outpost_agent.page.history import History
from outpost_agent.page.news import News
from outpost_agent.page.page import Page
from outpost_agent.page.queries import PAGE_SCHEMA
from outpost_agent.people import PEOPLE_SCHEMA, People
from outpost_agent.server import listening, make_server
from outpost_agent.tasks import TASK_SCHEMA, SqliteEngine
from outpost_disk import Database, open_database
from outpost_hw.health import Health
from outpost_sdk.channel import Accepted, Attachment, ChannelDown, Incoming, Outgoing
from outpost_sdk.suites.channel import RecordingContext
from outpost_sdk.tasks import TaskSpec
from outpost_wire.document import Document, Paragraph, Text
from outpost_wire.egress import Departure
from outpost_wire.errors import BadInput
from outpost_wire.ids import TaskId, Ulids
from outpost_wire.messages import ChannelFacts
from tests.support.ports import free_port

TOKEN = "token-of-the-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SCHEMAS = (CONVERSATION_SCHEMA, TASK_SCHEMA, CONVERSATION_2_SCHEMA, PEOPLE_SCHEMA, PAGE_SCHEMA)
HEALTH = Health(
    cpu=0.25,
    memory=0.5,
    disk=0.75,
    load=1.5,
    temperature=None,
    rss=1 << 20,
    memory_total=4,
    memory_available=2,
    disk_total=4,
    disk_free=1,
    uptime_s=100.0,
)


class NoSuchChannel(BadInput):
    """As the switchboard's."""

    code = "no_such_channel"


class CommittingContext(RecordingContext):
    """Records, and writes the message as the router would."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    async def accept(self, incoming: Incoming) -> Accepted:
        accepted = await super().accept(incoming)
        effect = Receive(message_id=accepted.message_id, task_id=None, incoming=incoming, person=incoming.sender)
        await self.database.write(lambda connection: receive(connection, effect, 1_000))
        return accepted


@dataclass
class FakeChannels:
    """Channels that are only listed."""

    names: dict[str, str] = field(default_factory=lambda: {"web": "web"})
    proxies: list[str] = field(default_factory=list)

    def facts(self) -> tuple[ChannelFacts, ...]:
        return tuple(ChannelFacts(name=name, kind=kind, state="on") for name, kind in self.names.items())

    def is_kept(self, name: str) -> bool:
        return name != "web"

    async def add(self, name: str, kind: str, options: dict[str, str], *, proxy: str = "") -> ChannelFacts:
        if options.get("token") != "good":
            raise ChannelDown("The token is not good.", "令牌无效。")
        self.names[name] = kind
        self.proxies.append(proxy)
        return ChannelFacts(name=name, kind=kind, state="connecting")

    async def remove(self, name: str) -> None:
        self._find(name)
        del self.names[name]

    async def test(self, name: str) -> str:
        self._find(name)
        return f"@{name}_bot"

    def _find(self, name: str) -> None:
        if name not in self.names:
            raise NoSuchChannel("There is no such channel.", "没有这个渠道。")


class Browser:
    """One browser: it keeps its cookies, over TLS too, and names its page's origin as browsers do."""

    def __init__(self, url: str, *, agent: str = "") -> None:
        self.url = url
        self.session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            connector=aiohttp.TCPConnector(ssl=False),
            headers={"User-Agent": agent} if agent else None,
        )

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return status and JSON (None where there is none) of a request."""
        async with self.session.request(method, f"{self.url}{path}", json=body, headers=headers) as response:
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else None

    async def get(self, path: str, **headers: str) -> Any:
        """Return the JSON of what must be there."""
        status, value = await self.ask("GET", path, **headers)
        assert status == 200, value
        return value

    async def error(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Return status and code of what must be refused."""
        status, value = await self.ask(method, path, body, **headers)
        return status, value["error"]["code"]

    def cookies(self) -> set[str]:
        """Return the names of the cookies that it holds."""
        return {cookie.key for cookie in self.session.cookie_jar}

    def cookie(self, name: str) -> str:
        """Return a cookie's value."""
        return self.session.cookie_jar.filter_cookies(URL(self.url))[name].value


class PageRig:
    """The device's page; `browser()` opens a fresh one."""

    def __init__(self, database: Database, folder: Path, people: People, news: News, new_id: Ulids) -> None:
        self.database = database
        self.people = people
        self.news = news
        self.new_id = new_id
        self.context = CommittingContext(database)
        self.hub = Hub()
        self.departures: list[Departure] = []
        self.egress = Egress(self.departures.append)
        self.engine = SqliteEngine(database, apply=_no_effect, changed=lambda _connection, _task: None)
        self.content = ContentFolder(folder / "content", limit_bytes=1 << 21, high_water=1.0, new_id=new_id)
        self.channels = FakeChannels()
        self.url = ""
        self.routes: list[Route] = []
        self._browsers: list[Browser] = []

    def build(self, guard: Guard) -> None:
        """Make the parts that know the guard."""
        self.guard = guard
        about = {"device": {"id": "d1", "name": "Device"}, "version": "1.2", "limits": {"files": 3}}
        self.channel = WebChat(
            database=self.database,
            engine=self.engine,
            content=self.content,
            hub=self.hub,
            guard=guard,
            news=self.news,
            egress=self.egress,
            progress=lambda _task: 0.5,
            about=about,
            address=lambda: self.url,
            clock_ms=lambda: 2_000,
        )
        history = History(health=lambda: HEALTH, clock_ms=lambda: 3_000)
        history.take()
        page = Page(
            people=self.people,
            guard=guard,
            news=self.news,
            database=self.database,
            engine=self.engine,
            egress=self.egress,
            channels=self.channels,
            history=history,
            health=lambda: HEALTH,
            link=lambda: None,
            progress=lambda _task: 0.5,
            about=about,
            address=lambda: self.url,
            clock_ms=lambda: 2_000,
        )
        self.routes = [*self.channel.routes(), *page.routes()]

    def browser(self, agent: str = "") -> Browser:
        """Open a browser that knows nothing."""
        browser = Browser(self.url, agent=agent)
        self._browsers.append(browser)
        return browser

    async def owner(self) -> Browser:
        """Return a browser in which the owner is signed in."""
        browser = self.browser()
        if self.people.claim_code is not None:
            status, _ = await browser.ask("POST", "/api/v1/claim", {"code": self.people.claim_code})
            assert status == 200
        else:
            status, _ = await browser.ask("POST", "/api/v1/session", **BEARER)
            assert status == 204
        return browser

    async def user(self, name: str) -> tuple[Browser, str]:
        """Return a browser in which somebody is signed in who was paired, and their person."""
        browser = self.browser()
        _, asked = await browser.ask("POST", "/api/v1/pair", {"name": name})
        await self.people.approve(asked["code"])
        return browser, (await browser.get("/api/v1/gate"))["person"]["id"]

    async def device_says(self, text: str, chat: str = "main", channel: str = CHANNEL, **more: Any) -> Reply:
        """Write something that goes out, and poke its readers."""
        document = Document((Paragraph((Text(text),)),))
        answer = Reply(id=self.new_id(), channel=channel, chat=chat, text=text, document=document, **more)
        await self.database.write(lambda connection: reply(connection, answer, 1_500))
        await self.channel.send(Outgoing(seq=0, id=answer.id, chat=chat, text=text))
        return answer

    async def person_says(self, text: str, chat: str, channel: str, sender: str, person: str) -> str:
        """Write a message that came in on another channel; return its id."""
        id_ = self.new_id()
        incoming = Incoming(channel=channel, platform_id=id_, chat=chat, sender=sender, text=text)
        effect = Receive(message_id=id_, task_id=None, incoming=incoming, person=person)
        await self.database.write(lambda connection: receive(connection, effect, 1_000))
        return id_

    async def file(self, name: str, data: bytes) -> Attachment:
        """Return a file that is kept."""

        async def pieces() -> AsyncIterator[bytes]:
            yield data

        return await self.content.keep(name, "text/plain", pieces())

    async def chain(self, person: str, chat: str, channel: str = CHANNEL, length: int = 3) -> list[TaskId]:
        """Put a chain of tasks; return their ids, first to last."""
        ids = [TaskId(self.new_id()) for _ in range(length)]
        specs = [
            TaskSpec(
                id=id_,
                kind="k",
                principal=person,
                channel=channel,
                chat=chat,
                title=f"work of {person}",
                parents=(ids[number - 1],) if number else (),
            )
            for number, id_ in enumerate(ids)
        ]
        await self.engine.put(specs, 1_000)
        return ids

    async def close(self) -> None:
        """Close the browsers."""
        for browser in self._browsers:
            await browser.session.close()


@asynccontextmanager
async def device_page(
    folder: Path, *, context: ssl.SSLContext | None = None, token: str | None = TOKEN
) -> AsyncIterator[PageRig]:
    """Serve the page for as long as the context lasts."""
    # Every reading is later than the one before, as ids and codes want it.
    clock = iter(range(1_000, 2**40))
    new_id = Ulids(lambda: 1, lambda size: next(clock).to_bytes(size))
    news = News()
    async with open_database(folder / "d.sqlite", SCHEMAS) as database:
        people = await People.open(
            database, new_id=new_id, clock_ms=lambda: 1_000, said=lambda *_: None, changed=news.people_changed
        )
        rig = PageRig(database, folder, people, news, new_id)

        async def metrics() -> bytes:
            return b"metrics\n"

        port = free_port()
        rig.build(Guard(people, token, (), port, is_tls=context is not None))
        rig.url = f"{'https' if context else 'http'}://127.0.0.1:{port}"
        application = make_server(
            rig.guard, rig.routes, is_ready=lambda: True, render_metrics=metrics, metrics_type="text/plain"
        )
        running = asyncio.create_task(rig.channel.run(rig.context))
        try:
            async with listening(application, "127.0.0.1", port, context):
                yield rig
                await rig.close()
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


def _no_effect(*_: object) -> None:
    raise AssertionError("no effects here")
