"""Browsers as people use them: a real Chromium, and what its pages complained about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Visitor:
    """Somebody in front of a page; `complaints` are the errors that the browser's console showed there."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    def excuse(self, *parts: str) -> None:
        """Forget the complaints in which one of `parts` stands: what the test itself brought about."""
        self.complaints = [said for said in self.complaints if not any(part in said for part in parts)]

    async def fits(self) -> bool:
        """Say whether the page can be read without scrolling sideways."""
        fits: bool = await self.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        return fits


class Browsers:
    """One Chromium; each visitor has cookies of their own, as in a browser of their own."""

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self.visitors: list[Visitor] = []

    async def visitor(self, **context: Any) -> Visitor:
        """Open a browser that knows nothing; `context` is what playwright's `new_context` takes."""
        opened = await self._chromium.new_context(**{**DESKTOP, "locale": "en-GB", **context})
        visitor = Visitor(await opened.new_page())
        self.visitors.append(visitor)
        return visitor

    async def close_visitors(self) -> None:
        """Close every browser that was opened, and forget it."""
        for visitor in self.visitors:
            await visitor.page.context.close()
        self.visitors = []

    def complaints(self) -> list[str]:
        """Return what any page complained about."""
        return [said for visitor in self.visitors for said in visitor.complaints]


@asynccontextmanager
async def browsers(arguments: Iterable[str] = ()) -> AsyncIterator[Browsers]:
    """Run a Chromium for as long as the context lasts."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - only where a browser is

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *arguments])
        try:
            yield Browsers(chromium)
        finally:
            await chromium.close()
