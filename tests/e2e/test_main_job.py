"""The main job as a person sees it, in Chromium: a log in the chat, its report, and the row in the console."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import browsers
from tests.support.demo import Demo, running_demo
from tests.support.logs import auth_log

if TYPE_CHECKING:
    from playwright.async_api import FilePayload, Locator, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.broker, pytest.mark.timeout(240)]

# A socket that never opens, as behind a proxy that knows none.
NO_SOCKETS = """
    window.WebSocket = class extends EventTarget {
        static OPEN = 1;
        constructor() { super(); setTimeout(() => this.dispatchEvent(new Event("close"))); }
        close() {}
    };
"""
LOG = auth_log()


@asynccontextmanager
async def page_of(demo: Demo, **context: Any) -> AsyncIterator[tuple[Page, list[str]]]:
    """Open a browser; the list collects what the page complained about."""
    async with browsers() as chromium:
        visitor = await chromium.visitor(**context)
        yield visitor.page, visitor.complaints


async def open_chat(demo: Demo, page: Page) -> None:
    await page.goto(await demo.chat_link())
    await page.wait_for_selector('[data-testid="connection"][data-state="online"]')


async def open_console(demo: Demo, page: Page) -> None:
    await page.goto(await demo.console_link())
    await page.wait_for_selector('[data-testid="device-row"]')


async def send_log(page: Page, name: str = "auth.log", data: bytes = LOG) -> Locator:
    """Attach a file as a person would, and return the answer."""
    answers = page.locator('[data-testid="message"][data-direction="out"]')
    before = await answers.count()
    file: FilePayload = {"name": name, "mimeType": "text/plain", "buffer": data}
    await page.set_input_files('[data-testid="file-input"]', file)
    await page.keyboard.press("Enter")
    answer = answers.nth(before)
    await answer.wait_for(timeout=60_000)
    return answer


async def boxes(rows: Locator) -> list[dict[str, float]]:
    found = [await rows.nth(index).bounding_box() for index in range(await rows.count())]
    return [box for box in found if box is not None]  # type: ignore[misc]


def assert_stacked(rows: list[dict[str, float]]) -> None:
    """Assert that each box lies below the one before it and has a size."""
    assert all(row["height"] > 10 and row["width"] > 100 for row in rows)
    for upper, lower in itertools.pairwise(rows):
        assert lower["y"] >= upper["y"] + upper["height"] - 1


def assert_in_columns(pictures: list[dict[str, float]], count: int) -> None:
    """Assert that pictures of one width stand `count` to a row, those of a row at one height."""
    assert len({round(picture["width"]) for picture in pictures}) == 1
    for left, right in itertools.pairwise(pictures[:count]):
        assert right["x"] >= left["x"] + left["width"]
        assert abs(right["y"] - left["y"]) < 1
    for upper, lower in zip(pictures, pictures[count:], strict=False):
        assert abs(lower["x"] - upper["x"]) < 1
        assert lower["y"] >= upper["y"] + upper["height"]


async def wait_until_read_from_its_top(page: Page, answer: Locator) -> None:
    """Wait until the view begins with `answer`, which is taller than the view."""
    await page.wait_for_function(
        """(answer) => {
            const view = document.querySelector('[data-testid="messages"]').getBoundingClientRect();
            const row = answer.getBoundingClientRect();
            return row.height > view.height && row.top >= view.top && row.top < view.top + 16;
        }""",
        arg=await answer.element_handle(),
    )


@pytest.mark.parametrize(
    ("viewport", "locale", "columns"),
    [({"width": 1280, "height": 860}, "en-GB", 2), ({"width": 390, "height": 844}, "zh-CN", 1)],
    ids=["desktop-en", "phone-zh"],
)
async def test_a_log_comes_back_as_a_report(viewport: dict[str, int], locale: str, columns: int) -> None:
    async with running_demo() as demo, page_of(demo, viewport=viewport, locale=locale) as (page, complaints):
        await open_chat(demo, page)
        answer = await send_log(page)
        await wait_until_read_from_its_top(page, answer)
        text = await answer.inner_text()
        assert "10.0.0.9" in text
        assert ("Suspicious logins" if locale.startswith("en") else "可疑登录") in text
        pictures = answer.locator('[data-testid="picture"] img')
        assert await pictures.count() == 2
        for index in range(2):
            await pictures.nth(index).scroll_into_view_if_needed()
            await page.wait_for_function(
                "(picture) => picture.complete && picture.naturalWidth > 600",
                arg=await pictures.nth(index).element_handle(),
            )
        assert_stacked(await boxes(page.locator('[data-testid="message"]')))
        assert_in_columns(await boxes(answer.locator('[data-testid="picture"]')), columns)
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        await page.reload()
        await wait_until_read_from_its_top(page, page.locator('[data-testid="message"]').last)
        assert complaints == []


async def test_work_is_followed_where_no_socket_can_be_had() -> None:
    shares = iter([0.25, 0.75])

    async def tell(route: Route) -> None:
        """Let work that is done seem to be under way, the first times that the page asks."""
        answer = await route.fetch()
        share = next(shares, None)
        seeming = {} if share is None else {"state": "running", "progress": share, "parents": []}
        await route.fulfill(response=answer, json={**await answer.json(), **seeming})

    async with running_demo() as demo, page_of(demo, viewport={"width": 1280, "height": 860}) as (page, complaints):
        await page.add_init_script(NO_SOCKETS)
        await page.route("**/api/v1/tasks/*", tell)
        await open_chat(demo, page)
        await send_log(page)
        card = page.locator('[data-testid="task"]')
        for share in ("25 %", "75 %"):
            await card.filter(has_text=share).wait_for()
        await card.wait_for(state="detached")
        assert complaints == []


async def test_the_console_shows_device_task_and_result() -> None:
    async with running_demo() as demo:
        async with page_of(demo, viewport={"width": 1280, "height": 860}) as (page, _):
            await open_chat(demo, page)
            await send_log(page)
        async with page_of(demo, viewport={"width": 1440, "height": 900}, locale="en-GB") as (page, complaints):
            await open_console(demo, page)
            row = page.locator(f'[data-testid="device-row"][data-id="{demo.first_line["device"]}"]')
            assert "Online" in await row.inner_text()
            await row.click()
            chain = page.locator('[data-testid="chain"]').first
            await chain.wait_for()
            assert await chain.get_attribute("data-state") == "done"
            steps = chain.locator('[data-testid="step"]')
            assert await steps.count() == 3
            await page.locator('[data-testid="result"]').first.click()
            report = page.locator('[data-testid="report"]')
            await report.wait_for()
            assert "10.0.0.9" in await report.inner_text()
            assert "events.jsonl" in await page.locator('[data-testid="on-device"]').inner_text()
            plots = page.locator('[data-testid="plots"] img')
            assert await plots.count() == 2
            around = await report.bounding_box()
            for box in await boxes(plots):
                assert around is not None
                assert box["width"] > 200
                assert box["x"] >= around["x"]
                assert box["x"] + box["width"] <= around["x"] + around["width"] + 1
            assert complaints == []


async def test_the_chat_goes_on_after_the_device_was_killed() -> None:
    async with running_demo() as demo, page_of(demo, viewport={"width": 1280, "height": 860}) as (page, _):
        await open_chat(demo, page)
        await send_log(page, "first.log")
        assert demo.kill("device")
        await page.wait_for_selector('[data-testid="connection"][data-state="reconnecting"]')
        await page.wait_for_selector('[data-testid="connection"][data-state="online"]', timeout=60_000)
        await send_log(page, "second.log")
        rows = page.locator('[data-testid="message"]')
        seqs = [await rows.nth(index).get_attribute("data-seq") for index in range(await rows.count())]
        assert seqs == ["1", "2", "3", "4"]


async def test_a_file_that_is_no_log_gets_one_sentence() -> None:
    async with running_demo() as demo, page_of(demo, viewport={"width": 1280, "height": 860}) as (page, _):
        await open_chat(demo, page)
        answer = await send_log(page, "picture.png", bytes(range(256)) * 64 + os.urandom(4096))
        assert "picture.png" in await answer.inner_text()
        assert await answer.locator("p").count() == 1
