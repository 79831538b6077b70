"""Makes the pictures in docs/pictures anew, from a fleet that really runs: devices, a manager, people and their work.

    python -m tests.support.pictures [MINUTES]

runs the fleet for so many minutes (10 when not said) before the pictures are taken, so that the curves are curves.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import FloatRect, Page

from outpost_manager.access import issue_code
from outpost_manager.demo.broker import MANAGER_USER, access_rules
from tests.support.broker import running_broker
from tests.support.browser import PHONE, Browsers, browsers
from tests.support.device import ROOT
from tests.support.fake_telegram import FakeTelegram, Person
from tests.support.logs import auth_log, server_log
from tests.support.lone_device import LoneDevice, lone_device
from tests.support.manager import Manager

PICTURES = ROOT / "docs" / "pictures"
FLEET = "home"
MINUTES = 10.0
LONG = 300_000
NAMES = {
    "workshop": ("Workshop", {"site": "barn", "kind": "pi5"}),
    "kitchen": ("Kitchen", {"site": "house", "kind": "pi5"}),
    "studio": ("Studio", {"site": "house", "kind": "mac-mini"}),
    "lab": ("Lab", {"site": "barn", "kind": "gpu"}),
    "greenhouse": ("Greenhouse", {"site": "garden", "kind": "pi5"}),
}
OLGA, ANN, MIKA, LIN = (
    Person(512_873_001, "Olga"),
    Person(733_401_916, "Ann Meyer"),
    Person(641_550_278, "Mika"),
    Person(820_115_643, "林小雨", "zh"),
)


@dataclass
class Owner:
    """The owner of one device, by its HTTP interface."""

    device: LoneDevice
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer to a request that is not refused."""
        async with self.session.request(method, f"{self.device.url}/api/v1/{path}", json=body) as response:
            answer = await response.json() if response.content_type == "application/json" else None
            assert response.ok, answer
            return answer

    async def claim(self) -> None:
        """Become the owner."""
        await self.ask("POST", "claim", {"code": await self.device.claim_code()})

    async def add_bot(self, telegram: FakeTelegram) -> None:
        """Add the bot of `telegram`."""
        options = {"token": telegram.token, "api": telegram.url}
        await self.ask("POST", "channels", {"name": "telegram", "kind": "telegram", "options": options})

    async def let_in(self, name: str, role: str = "user") -> None:
        """Let in who asks under `name`, once they do."""
        async with asyncio.timeout(20):
            while not (found := [each for each in await self._requests() if each["name"] == name]):
                await asyncio.sleep(0.05)
        await self.ask("POST", f"people/requests/{found[0]['id']}/approve", {"role": role})

    async def send(self, text: str, *files: tuple[str, bytes], wait: bool = True) -> None:
        """Write in the chat, and wait until all work has ended where asked."""
        form = aiohttp.FormData()
        form.add_field("text", text)
        for name, data in files:
            form.add_field("file", data, filename=name)
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        async with self.session.post(f"{self.device.url}/api/v1/messages", data=form, headers=headers) as response:
            assert response.status == 202, await response.text()
        if wait:
            await self.done()

    async def done(self) -> None:
        """Wait until the device has nothing to do."""
        async with asyncio.timeout(90):
            while any(task["state"] not in ("done", "failed", "cancelled") for task in await self._tasks()):
                await asyncio.sleep(0.1)

    async def _requests(self) -> list[dict[str, Any]]:
        requests: list[dict[str, Any]] = (await self.ask("GET", "people"))["requests"]
        return requests

    async def _tasks(self) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = await self.ask("GET", "tasks?scope=all&limit=20")
        return tasks


@dataclass
class Fleet:
    """What runs while the pictures are taken."""

    manager: Manager
    devices: dict[str, LoneDevice]
    owners: dict[str, Owner]
    bots: dict[str, FakeTelegram]
    browsers: Browsers


@asynccontextmanager
async def running_fleet(folder: Path) -> AsyncIterator[Fleet]:
    """Run the fleet; nobody owns a device of it yet."""
    passwords = {name: f"password-of-{name}" for name in (MANAGER_USER, *NAMES)}
    async with AsyncExitStack() as stack:
        broker = stack.enter_context(running_broker(folder / "broker", passwords=passwords, acl=access_rules(FLEET)))
        manager = Manager.at(_made(folder / "manager"), FLEET, broker, passwords[MANAGER_USER])
        await manager.start()
        stack.push_async_callback(_stop, manager)
        devices, owners = {}, {}
        for id_, (name, labels) in NAMES.items():
            home = _made(folder / id_)
            (home / "password").write_text(passwords[id_])
            link = f'fleet = "{FLEET}"\nport = {broker.port}\nusername = "{id_}"\npassword_file = "{home}/password"'
            more = f"[link]\n{link}\ntelemetry_s = 5\n[device.labels]\n"
            more += "".join(f'{label} = "{value}"\n' for label, value in labels.items())
            device = devices[id_] = await stack.enter_async_context(lone_device(home, more, name=name, id=id_))
            jar = aiohttp.CookieJar(unsafe=True)
            session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
            owners[id_] = Owner(device, session)
            await device.start()
        bots = {}
        for id_ in ("workshop", "studio", "greenhouse"):
            bots[id_] = await stack.enter_async_context(FakeTelegram())
            bots[id_].username = f"olgas_{id_}_bot"
        yield Fleet(manager, devices, owners, bots, await stack.enter_async_context(browsers()))


async def take(page: Page, name: str, *, height: int = 0) -> None:
    """Take a picture of what the page shows, of its upper `height` pixels alone where that is said."""
    await page.mouse.move(0, 0)
    await page.evaluate("() => document.fonts.ready")
    size = page.viewport_size
    assert size is not None
    clip: FloatRect = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"]}
    picture = await page.screenshot(animations="disabled", caret="hide", clip=clip)
    (PICTURES / f"{name}.png").write_bytes(picture)
    print(f"{name}.png {len(picture) / 1000:.0f} kB", flush=True)


async def main(minutes: float) -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        async with running_fleet(Path(folder)) as fleet:
            owner = await claim(fleet)
            await live(fleet)
            await asyncio.sleep(60 * minutes)
            await visit(owner, "chat")
            await take_chat(owner)
            await people_ask(fleet)
            await device_pictures(fleet, owner)
            await console_pictures(fleet)


async def claim(fleet: Fleet) -> Page:
    """Claim the workshop's device in a browser, and return its page."""
    device = fleet.devices["workshop"]
    page = (await fleet.browsers.visitor()).page
    await page.goto(await device.claim_link())
    await page.get_by_test_id("claim").wait_for()
    await take(page, "claim")
    await page.get_by_test_id("claim").click()
    await page.get_by_test_id("recovery-saved").check()
    await take(page, "recovery")
    await page.get_by_test_id("recovery-done").click()
    await page.get_by_test_id("composer").wait_for()
    cookies = {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}
    fleet.owners["workshop"].session.cookie_jar.update_cookies(cookies)
    for id_ in ("kitchen", "studio", "lab", "greenhouse"):
        await fleet.owners[id_].claim()
    return page


async def live(fleet: Fleet) -> None:
    """Have people come in and work be done."""
    for id_, bot in fleet.bots.items():
        await fleet.owners[id_].add_bot(bot)
    workshop, bot = fleet.owners["workshop"], fleet.bots["workshop"]
    for person, role in ((OLGA, "owner"), (ANN, "user"), (LIN, "user")):
        bot.person_says("/start", person=person)
        await workshop.let_in(person.name, role)
    bot.person_says("", (("backup.log", auth_log(600)),), person=ANN)
    await bot.until(lambda: any(shown.kind == "photo" for shown in bot.shown(ANN.id)), 60)
    await workshop.send("/status")
    await workshop.send("What went wrong yesterday?", ("shop.log", server_log()))
    await fleet.owners["kitchen"].send("", ("router.log", auth_log(400)))
    await fleet.owners["lab"].send("", ("training.log", server_log(3)))
    fleet.bots["studio"].person_says("hello", person=ANN)
    await fleet.owners["studio"].let_in(ANN.name)
    fleet.bots["greenhouse"].token_works = False
    fleet.bots["greenhouse"].cut_connections()
    await asyncio.sleep(3)
    await fleet.devices["kitchen"].stop()


async def take_chat(page: Page) -> None:
    """Take the pictures of a report in the chat: how it begins, and its plots."""
    await page.get_by_test_id("message").nth(2).evaluate("(row) => row.scrollIntoView()")
    await take(page, "chat")
    await page.get_by_test_id("picture").first.evaluate("(plot) => plot.scrollIntoView({ block: 'center' })")
    await take(page, "plots")


async def people_ask(fleet: Fleet) -> None:
    """Have somebody wait at three doors."""
    fleet.bots["workshop"].person_says("Hi, it's Mika", person=MIKA)
    async with aiohttp.ClientSession() as session:
        for id_, name in (("workshop", "Tom, in the office"), ("lab", "Priya")):
            async with session.post(f"{fleet.devices[id_].url}/api/v1/pair", json={"name": name}) as response:
                assert response.status == 202
    await fleet.bots["workshop"].until(lambda: len(fleet.bots["workshop"].texts(MIKA.id)) == 1)


async def device_pictures(fleet: Fleet, page: Page) -> None:
    """Take the pictures of the device's page."""
    for section, name, height in (("people", "people", 0), ("channels", "channels", 420), ("device", "health", 0)):
        await visit(page, section)
        await take(page, name, height=height)
    await visit(page, "channels")
    await page.get_by_test_id("add-telegram").click()
    await take(page, "telegram")
    state = await page.context.storage_state()
    dark = (await fleet.browsers.visitor(storage_state=state, color_scheme="dark")).page
    await dark.goto(f"{fleet.devices['workshop'].url}/#/results")
    await dark.get_by_test_id("result").first.wait_for()
    await take(dark, "results-dark")
    chinese = (await fleet.browsers.visitor(storage_state=state, locale="zh-CN")).page
    await chinese.goto(f"{fleet.devices['workshop'].url}/#/people")
    await chinese.get_by_test_id("request-card").first.wait_for()
    await take(chinese, "people-zh")
    phone = (await fleet.browsers.visitor(storage_state=state, **PHONE)).page
    await phone.goto(f"{fleet.devices['workshop'].url}/")
    await phone.get_by_test_id("message").first.wait_for()
    await take(phone, "phone")


async def console_pictures(fleet: Fleet) -> None:
    """Take the pictures of the console."""
    page = (await fleet.browsers.visitor()).page
    console = f"http://127.0.0.1:{fleet.manager.port}"
    await page.goto(f"{console}/#code={issue_code(fleet.manager.folder / 'manager')}")
    await page.get_by_test_id("device-row").nth(len(NAMES) - 1).wait_for()
    await fleet.owners["lab"].send("", ("night.log", auth_log(LONG)), wait=False)
    await page.get_by_test_id("device-row").filter(has_text="1 running").wait_for()
    await take(page, "devices", height=640)
    await page.goto(f"{console}/#/devices/workshop")
    await page.get_by_test_id("chain").first.wait_for()
    await take(page, "device")
    await page.get_by_test_id("task-link").first.click()
    await page.get_by_test_id("step").first.wait_for()
    await take(page, "task")
    await page.get_by_test_id("result").click()
    await page.get_by_test_id("report").wait_for()
    await take(page, "result")
    for section, height in (("people", 0), ("channels", 740)):
        await page.goto(f"{console}/#/{section}")
        await page.get_by_test_id(f"{section}-page").wait_for()
        await take(page, f"console-{section}", height=height)


async def visit(page: Page, section: str) -> None:
    """Go to a page of the device and wait until it is there."""
    await page.get_by_test_id(f"nav-{section}").click()
    await page.locator(".loading").first.wait_for(state="detached")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _stop(manager: Manager) -> None:
    await manager.end(signal.SIGTERM)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
