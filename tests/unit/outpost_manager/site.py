"""A console that answers, for tests that speak to it as a browser or a script would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer

from outpost_link import Outgoing
from outpost_manager.access import digest, issue_code
from outpost_manager.commander import Commander
from outpost_manager.hub import Hub
from outpost_manager.metrics import Metrics
from outpost_manager.shadows import Shadows
from outpost_manager.store import FleetStore, open_store
from outpost_manager.web import Console, make_app
from tests.unit.outpost_manager.fleet import FLEET, NOW_MS, BoxedDevice, new_id

TOKEN = "the-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SESSION_S = 3600


@dataclass
class Site:
    """A console that answers, its clock in the test's hand."""

    client: TestClient[Any, Any]
    store: FleetStore
    hub: Hub
    state: Path
    console: Console
    now_ms: int = NOW_MS
    missing: tuple[str, ...] = ()
    is_linked: bool = True
    sent: list[Outgoing] = field(default_factory=list)
    answers: str | None = "ok"
    """What the device answers to every command; None: nothing."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.client.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    async def sign_in(self) -> None:
        code = issue_code(self.state)
        response = await self.client.post("/api/v1/session", json={"code": code}, headers={"Origin": self.origin})
        assert response.status == 204

    async def publish(self, message: Outgoing) -> None:
        """Be the broker, with a device behind it that answers at once."""
        self.sent.append(message)
        if message.correlation and self.answers is not None:
            answer = BoxedDevice().answer(message.correlation.decode(), self.answers)
            for row in (await self.store.commit([answer.read()], self.now_ms)).commands:
                self.commander.answered(row)

    @property
    def commander(self) -> Commander:
        return self.console.commander


@asynccontextmanager
async def running(state: Path, static: Path, *, is_secure: bool = False) -> AsyncIterator[Site]:
    async with open_store(state / "manager.db", telemetry_days=7) as store:
        hub = Hub("run")
        here: list[Site] = []

        async def publish(message: Outgoing) -> None:
            await here[0].publish(message)

        console = Console(
            fleet="home",
            manager="m1",
            version="0.1.0",
            state=state,
            store=store,
            hub=hub,
            commander=Commander(
                FLEET,
                "m1",
                store.orders,
                hub,
                publish,
                expiry_s=60,
                now_ms=lambda: here[0].now_ms,
                new_id=new_id,
                patience_s=0.05,
            ),
            shadows=Shadows(FLEET, store.orders, publish, now_ms=lambda: here[0].now_ms, new_id=new_id),
            metrics=Metrics(),
            token=digest(TOKEN),
            hosts=frozenset({"console.example"}),
            cookie="outpost_console_1",
            is_secure=is_secure,
            session_s=SESSION_S,
            now_ms=lambda: here[0].now_ms,
            is_linked=lambda: here[0].is_linked,
            missing=lambda: list(here[0].missing),
        )
        async with TestClient(TestServer(make_app(console, static)), cookie_jar=CookieJar(unsafe=True)) as client:
            here.append(Site(client, store, hub, state, console))
            yield here[0]


async def code_of(response: ClientResponse) -> str:
    body = await response.json()
    assert set(body["error"]) == {"code", "message"}
    return str(body["error"]["code"])
