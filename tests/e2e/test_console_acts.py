"""The console acts, as its operator sees it in Chromium: each deed with its outcome, and the people it is about."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.support.browser import PHONE, Browsers, Visitor, browsers
from tests.support.demo import Demo, running_demo
from tests.support.logs import auth_log

pytestmark = [
    pytest.mark.browser,
    pytest.mark.broker,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="module"),
]

NAMES = iter(
    ("Amara", "Bjarne", "Chiara", "Dmitri", "Eleonora", "Farida", "Greta", "Haruto", "Ingrid", "Joaquin", "Katja")
)
LONG = 150_000
"""Lines of a log that keeps a device busy for as long as somebody needs to press a button."""


@dataclass
class Fleet:
    """A demo, its operator before the console, and people before their chats."""

    demo: Demo
    browsers: Browsers
    console: Visitor
    people: list[Visitor] = field(default_factory=list)

    @property
    def page(self) -> Page:
        """Return the console's page."""
        return self.console.page

    async def go_to(self, address: str) -> None:
        """Open a page of the console."""
        await self.page.goto(f"{self.demo.first_line['console']}/{address}")

    async def somebody(self) -> tuple[str, Visitor, str]:
        """Have somebody ask in their browser to be let in; return their name, browser and code."""
        name = next(NAMES)
        visitor = await self.browsers.visitor(**PHONE)
        await visitor.page.goto(self.demo.first_line["chat"])
        await visitor.page.get_by_test_id("door-ask").tap()
        await visitor.page.get_by_test_id("ask-name").fill(name)
        await visitor.page.get_by_test_id("ask").tap()
        return name, visitor, await visitor.page.get_by_test_id("ask-code").inner_text()

    async def owner(self) -> Page:
        """Open the chat as the owner."""
        visitor = await self.browsers.visitor()
        await visitor.page.goto(f"{self.demo.first_line['chat']}/#token={self.demo.first_line['chat_token']}")
        await expect(visitor.page.get_by_test_id("connection")).to_have_attribute("data-state", "online")
        return visitor.page

    def request(self, name: str) -> Locator:
        """Return the row of who asks to be let in."""
        return self.page.get_by_test_id("request").filter(has_text=name)

    def person(self, name: str) -> Locator:
        """Return the row of who is let in."""
        return self.page.get_by_test_id("paired").get_by_test_id("person").filter(has_text=name)

    async def let_in(self) -> tuple[str, Visitor]:
        """Let somebody in; return their name and their browser, in which the chat is open."""
        name, visitor, _ = await self.somebody()
        await self.go_to("#/people")
        await self.request(name).get_by_test_id("approve").click()
        await expect(visitor.page.get_by_test_id("composer")).to_be_visible()
        return name, visitor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[tuple[Demo, Browsers]]:
    async with running_demo() as demo, browsers() as chromium:
        yield demo, chromium


@pytest_asyncio.fixture(loop_scope="module")
async def fleet(running: tuple[Demo, Browsers]) -> AsyncIterator[Fleet]:
    """Open the console in a fresh browser; no page may have complained in the end."""
    demo, chromium = running
    console = await chromium.visitor()
    await console.page.goto(await demo.console_link())
    await expect(console.page.get_by_test_id("device-row")).to_have_count(1)
    yield Fleet(demo, chromium, console)
    complaints = chromium.complaints()
    await chromium.close_visitors()
    assert complaints == []


async def test_who_asks_is_let_in_and_the_outcome_stays(fleet: Fleet) -> None:
    name, visitor, code = await fleet.somebody()
    await expect(fleet.page.get_by_test_id("nav-people")).to_contain_text("1")
    await fleet.page.get_by_test_id("nav-people").click()
    row = fleet.request(name)
    await expect(row.get_by_test_id("request-code")).to_have_text(code.replace("-", " "))
    await expect(row).to_contain_text("expires in")
    await row.get_by_test_id("approve").click()
    outcome = row.get_by_test_id("outcome")
    await expect(outcome).to_have_attribute("data-phase", "done")
    await expect(outcome).to_have_text(f"{name} may talk to the device now.")
    await expect(visitor.page.get_by_test_id("composer")).to_be_visible()
    await expect(fleet.person(name)).to_contain_text("User")
    await expect(outcome).to_be_visible()
    await row.get_by_test_id("dismiss").click()
    await expect(row).to_have_count(0)


async def test_what_the_console_has_decided_the_owner_is_asked_no_more(fleet: Fleet) -> None:
    owner = await fleet.owner()
    name, _, _ = await fleet.somebody()
    toast = owner.get_by_test_id("toast").filter(has_text=name)
    told, writing = await toast.bounding_box(), await owner.locator(".composer-bar").bounding_box()
    assert told is not None
    assert writing is not None
    assert told["y"] + told["height"] <= writing["y"]
    await fleet.go_to("#/people")
    await fleet.request(name).get_by_test_id("approve").click()
    await expect(toast).to_have_count(0)
    await expect(owner.get_by_test_id("nav-people").get_by_test_id("count")).to_have_count(0)


async def test_who_is_turned_down_is_told(fleet: Fleet) -> None:
    name, visitor, _ = await fleet.somebody()
    await fleet.go_to("#/people")
    await fleet.request(name).get_by_test_id("refuse").click()
    await expect(fleet.request(name).get_by_test_id("outcome")).to_have_text(f"{name} was turned down.")
    await expect(visitor.page.get_by_test_id("ask-over")).to_have_attribute("data-state", "refused")
    await expect(fleet.person(name)).to_have_count(0)


async def test_what_was_decided_elsewhere_meanwhile_is_said(fleet: Fleet) -> None:
    name, visitor, _ = await fleet.somebody()
    await fleet.go_to("#/people")
    await expect(fleet.request(name)).to_have_count(1)
    await fleet.page.route("**/api/v1/people", lambda route: route.abort())
    owner = await fleet.owner()
    await owner.get_by_test_id("nav-people").click()
    await owner.get_by_test_id("request-card").filter(has_text=name).get_by_test_id("approve").click()
    await expect(visitor.page.get_by_test_id("composer")).to_be_visible()
    await fleet.request(name).get_by_test_id("refuse").click()
    outcome = fleet.request(name).get_by_test_id("outcome")
    await expect(outcome).to_have_attribute("data-phase", "failed")
    await expect(outcome).to_contain_text("There is no pairing request")
    await fleet.page.unroute("**/api/v1/people")
    await expect(fleet.person(name)).to_have_count(1)
    fleet.console.excuse("ERR_FAILED")


async def test_who_is_revoked_is_signed_out(fleet: Fleet) -> None:
    name, visitor = await fleet.let_in()
    await fleet.person(name).get_by_test_id("revoke").click()
    dialog = fleet.page.get_by_test_id("dialog")
    await expect(dialog.get_by_role("heading")).to_have_text(f"Revoke {name}?")
    await expect(dialog.get_by_test_id("dialog-back")).to_be_focused()
    await dialog.get_by_test_id("dialog-confirm").click()
    await expect(fleet.person(name).get_by_test_id("outcome")).to_have_text(f"{name} is let in no more.")
    await expect(visitor.page.get_by_test_id("gate")).to_be_visible()
    visitor.excuse("status of 401", "HTTP Authentication failed")


async def test_a_task_is_cancelled_and_tried_again(fleet: Fleet) -> None:
    owner = await fleet.owner()
    await owner.get_by_test_id("file-input").set_input_files(
        {"name": "long.log", "mimeType": "text/plain", "buffer": auth_log(LONG)}
    )
    await owner.keyboard.press("Enter")
    await fleet.go_to(f"#/devices/{fleet.demo.first_line['device']}")
    chain = fleet.page.get_by_test_id("chain").first
    await chain.get_by_test_id("cancel-task").click()
    await expect(chain).to_have_attribute("data-state", "cancelled", timeout=20_000)
    outcome = fleet.page.get_by_test_id("outcome").first
    await expect(outcome).to_have_attribute("data-phase", "done")
    await expect(outcome).to_contain_text("cancelled")
    await chain.get_by_test_id("task-link").click()
    task = fleet.page.get_by_test_id("task")
    await expect(task).to_have_attribute("data-state", "cancelled")
    await task.get_by_test_id("retry-task").click()
    await expect(task.get_by_test_id("outcome")).to_have_attribute("data-phase", "done")
    await expect(task).to_have_attribute("data-state", "done", timeout=60_000)
    await expect(fleet.page.get_by_test_id("step")).to_have_count(3)
    await fleet.page.get_by_test_id("result").click()
    await expect(fleet.page.get_by_test_id("report")).to_contain_text("10.0.0.9")
    await fleet.go_to(f"#/devices/{fleet.demo.first_line['device']}")
    commands = fleet.page.get_by_test_id("command")
    await expect(commands.nth(0)).to_contain_text("Try task again")
    await expect(commands.nth(1)).to_contain_text("Cancel task")


async def test_a_device_that_is_told_to_keep_its_results_keeps_them(fleet: Fleet) -> None:
    await fleet.go_to(f"#/devices/{fleet.demo.first_line['device']}")
    setting = fleet.page.get_by_test_id("results-setting")
    await expect(setting).to_contain_text("Full")
    await expect(fleet.page.get_by_test_id("tasks")).to_be_visible()
    results = fleet.page.get_by_test_id("results").get_by_test_id("result")
    await fleet.page.get_by_test_id("results-none").check()
    await fleet.page.get_by_test_id("apply").click()
    await expect(fleet.page.get_by_test_id("followed")).to_have_text("The device follows.")
    await expect(setting).to_have_attribute("data-followed", "true")
    await expect(setting).to_have_text(re.compile(r"Wanted\s*None\s*Reported\s*None"))
    before = await results.count()
    owner = await fleet.owner()
    answers = owner.locator('[data-testid="message"][data-direction="out"]')
    had = await answers.count()
    await owner.get_by_test_id("file-input").set_input_files(
        {"name": "private.log", "mimeType": "text/plain", "buffer": auth_log()}
    )
    await owner.keyboard.press("Enter")
    await expect(answers).to_have_count(had + 1, timeout=60_000)
    await expect(fleet.page.get_by_test_id("chain").first).to_have_attribute("data-state", "done")
    await expect(fleet.page.get_by_test_id("chain").first).not_to_contain_text("private.log")
    assert await results.count() == before
    await fleet.page.get_by_test_id("results-own").check()
    await fleet.page.get_by_test_id("apply").click()
    await expect(setting).to_have_text(re.compile(r"Reported\s*Full"))


async def test_people_are_searched_and_filtered(fleet: Fleet) -> None:
    name, _ = await fleet.let_in()
    await fleet.page.keyboard.press("/")
    await expect(fleet.page.get_by_test_id("search")).to_be_focused()
    await fleet.page.keyboard.type(name.upper())
    await expect(fleet.page.get_by_test_id("listed")).to_contain_text("1 of ")
    await expect(fleet.person(name)).to_have_count(1)
    await fleet.page.get_by_test_id("show-owner").click()
    await expect(fleet.page.get_by_test_id("no-people")).to_have_text("Nobody fits")
    await fleet.page.reload()
    await expect(fleet.page.get_by_test_id("search")).to_have_value(name.upper())
    await fleet.page.get_by_test_id("search").press("Escape")
    await expect(fleet.page.get_by_test_id("paired").get_by_test_id("person")).to_have_count(1)


async def test_devices_are_searched_and_filtered(fleet: Fleet) -> None:
    rows = fleet.page.get_by_test_id("device-row")
    await fleet.page.get_by_test_id("search").fill("nothing like it")
    await expect(fleet.page.get_by_test_id("no-match")).to_be_visible()
    await fleet.page.get_by_role("button", name="Show all devices").click()
    await expect(rows).to_have_count(1)
    await fleet.page.get_by_test_id("show-offline").click()
    await expect(fleet.page.get_by_test_id("no-match")).to_be_visible()
    await fleet.page.get_by_test_id("show-online").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_have_attribute("data-id", fleet.demo.first_line["device"])


async def test_somebody_is_let_in_with_the_keyboard_alone(fleet: Fleet) -> None:
    name, visitor, _ = await fleet.somebody()
    await expect(fleet.page.get_by_test_id("nav-people")).to_contain_text("1")
    await tab_to(fleet.page, fleet.page.get_by_test_id("nav-people"))
    await fleet.page.keyboard.press("Enter")
    await tab_to(fleet.page, fleet.request(name).get_by_test_id("approve"))
    await fleet.page.keyboard.press("Enter")
    await expect(fleet.request(name).get_by_test_id("outcome")).to_have_attribute("data-phase", "done")
    await expect(visitor.page.get_by_test_id("composer")).to_be_visible()
    await tab_to(fleet.page, fleet.person(name).get_by_test_id("revoke"))
    await fleet.page.keyboard.press("Space")
    await tab_to(fleet.page, fleet.page.get_by_test_id("dialog-confirm"))
    await fleet.page.keyboard.press("Enter")
    await expect(fleet.person(name).get_by_test_id("outcome")).to_have_text(f"{name} is let in no more.")
    await expect(visitor.page.get_by_test_id("gate")).to_be_visible()
    visitor.excuse("status of 401", "HTTP Authentication failed")


async def test_it_speaks_chinese_about_what_it_did(fleet: Fleet) -> None:
    name, _, _ = await fleet.somebody()
    await fleet.page.get_by_test_id("language").click()
    await expect(fleet.page.locator("html")).to_have_attribute("lang", "zh-CN")
    await fleet.page.get_by_test_id("nav-people").click()
    await expect(fleet.page.get_by_role("heading", level=1)).to_have_text("人员")
    await fleet.request(name).get_by_test_id("refuse").click()
    await expect(fleet.request(name).get_by_test_id("outcome")).to_have_text(f"已拒绝 {name} 的请求。")
    assert not re.search(
        r"[A-Za-z]{4,}", await fleet.page.get_by_test_id("requests").get_by_role("heading").inner_text()
    )
    await fleet.page.get_by_test_id("language").click()
    await expect(fleet.request(name).get_by_test_id("outcome")).to_have_text(f"{name} was turned down.")


async def test_it_is_dark_where_that_is_chosen(fleet: Fleet) -> None:
    theme = fleet.page.get_by_test_id("theme")
    light = await background(fleet.page)
    assert light > 200
    await theme.click()
    await theme.click()
    await expect(fleet.page.locator("html")).to_have_attribute("data-theme", "dark")
    for address in ("#/devices", "#/people", "#/channels", f"#/devices/{fleet.demo.first_line['device']}"):
        await fleet.go_to(address)
        await expect(fleet.page.get_by_role("heading").first).to_be_attached()
        assert await background(fleet.page) < 60, address
        assert await fleet.console.fits(), address
    await fleet.page.reload()
    assert await background(fleet.page) < 60


async def test_no_page_of_the_console_scrolls_sideways_on_a_phone(fleet: Fleet) -> None:
    name, _, _ = await fleet.somebody()
    phone = await fleet.browsers.visitor(**PHONE)
    await phone.page.goto(await fleet.demo.console_link())
    await expect(phone.page.get_by_test_id("device-row")).to_have_count(1)
    assert await phone.fits()
    for section in ("people", "channels", "devices"):
        await phone.page.get_by_test_id(f"nav-{section}").tap()
        await expect(phone.page.get_by_test_id(f"{section}-page")).to_be_visible()
        assert await phone.fits(), section
    await phone.page.get_by_test_id("device-row").tap()
    await expect(phone.page.get_by_test_id("device-header")).to_be_visible()
    assert await phone.fits()
    await phone.page.get_by_test_id("request").filter(has_text=name).get_by_test_id("refuse").tap()
    await expect(phone.page.get_by_test_id("outcome").first).to_have_text(f"{name} was turned down.")
    assert await phone.fits()


async def tab_to(page: Page, wanted: Locator, limit: int = 60) -> None:
    """Press Tab until `wanted` has the focus."""
    await expect(wanted).to_be_visible()
    for _ in range(limit):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached with {limit} tabs")


async def background(page: Page) -> float:
    """Return how bright the page's background is, from 0 to 255."""
    colour: str = await page.evaluate(
        """() => {
            const canvas = document.createElement("canvas").getContext("2d");
            for (const element of [document.documentElement, document.body]) {
                canvas.fillStyle = getComputedStyle(element).backgroundColor;
                canvas.fillRect(0, 0, 1, 1);
            }
            return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).join();
        }"""
    )
    return sum(map(float, colour.split(","))) / 3
