"""The browsers that are signed in. Of their secrets, and of one-time codes, only digests are kept."""

from __future__ import annotations

import hashlib
import sqlite3

from outpost_agent.people import core, refusals, store
from outpost_agent.people.book import Book, whole
from outpost_agent.people.rows import WEB, Browser, Invite
from outpost_agent.people.who import OWNER, Who
from outpost_sdk.handler import Language


class Browsers:
    """Signs browsers in and out."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def browser(self, secret: str) -> Who | None:
        """Return who is signed in with this secret."""
        browser = self._book.register.browsers.get(_digest(secret))
        if browser is None or not core.is_session_good(browser.seen_up_ms, self._book.up_ms()):
            return None
        return self._book.register.person(browser.person)

    def browsers(self, person_id: str) -> tuple[Browser, ...]:
        """Return the browsers in which a person is signed in, the one used last first."""
        return tuple(self._book.register.browsers_of(person_id, self._book.up_ms()))

    @whole
    async def new_browser(self, person_id: str, *, name: str = "", language: Language | None = None) -> str:
        """Sign a browser in as a person and return its secret, good for 30 days. Raises NoSuchPerson."""
        async with self._book.lock:
            if person_id not in self._book.register.people:
                raise refusals.no_such_person()
            secret, browser = self.draw(person_id, name)
            await self._book.write(lambda connection: store.sign_in(connection, browser, language))
        return secret

    @whole
    async def enter(self, sender: str, *, name: str = "", language: Language | None = None) -> str:
        """Sign in the browser that asked on `web` as `sender` and was approved; return its secret, once.

        Raises NoSuchRequest.
        """
        async with self._book.lock:
            asked = self._book.register.asked(WEB, sender, self._book.clock_ms())
            if asked is None or asked.person is None:
                raise refusals.no_such_request(asked.state if asked else None)
            request_id = asked.request.id
            secret, browser = self.draw(asked.person, name)

            def write(connection: sqlite3.Connection) -> None:
                store.remove_request(connection, request_id)
                store.sign_in(connection, browser, language)

            await self._book.write(write)
        return secret

    async def renew(self, secret: str) -> bool:
        """Let the 30 days of a browser in use begin again, once a day; say whether that was done now."""
        return await self._renew(secret) if self._is_to_renew(secret) else False

    @whole
    async def _renew(self, secret: str) -> bool:
        async with self._book.lock:
            if not self._is_to_renew(secret):
                return False
            digest, now_ms, up_ms = _digest(secret), self._book.clock_ms(), self._book.up_ms()
            await self._book.write(
                lambda connection: store.renew_browser(connection, digest, now_ms, up_ms), durable=False
            )
        return True

    @whole
    async def sign_out(self, secret: str) -> None:
        """Sign the browser with this secret out, if there is one."""
        async with self._book.lock:
            digest = _digest(secret)
            if digest in self._book.register.browsers:
                await self._book.write(lambda connection: store.remove_browser(connection, digest))

    @whole
    async def end_browser(self, person_id: str, browser_id: str) -> None:
        """Sign one of a person's browsers out. Raises NoSuchBrowser."""
        async with self._book.lock:
            browser = next((each for each in self.browsers(person_id) if each.id == browser_id), None)
            if browser is None:
                raise refusals.no_such_browser()
            digest = browser.digest
            await self._book.write(lambda connection: store.remove_browser(connection, digest))

    @whole
    async def invite(self, person_id: str = OWNER) -> str:
        """Return a code that signs one more browser in as a person, once and within ten minutes.

        Raises NoSuchPerson, or NotClaimed while there is no owner.
        """
        async with self._book.lock:
            if person_id == OWNER and not self._book.register.is_owned:
                raise refusals.not_claimed()
            if person_id not in self._book.register.people:
                raise refusals.no_such_person()
            code = core.new_code(self._book.entropy, core.INVITE_LENGTH)
            invite = Invite(_digest(code), person_id, self._book.up_ms())
            await self._book.write(lambda connection: store.add_invite(connection, invite))
        return code

    @whole
    async def redeem(self, code: str, *, name: str = "", language: Language | None = None) -> str:
        """Sign a browser in by a one-time code, and return its secret. Raises InviteRefused."""
        async with self._book.lock:
            given = core.parse_code(code, core.INVITE_LENGTH)
            invite = self._book.register.invites.get(_digest(given)) if given else None
            if invite is None or not core.is_invite_good(invite.created_up_ms, self._book.up_ms()):
                raise refusals.no_invite()
            digest = invite.digest
            secret, browser = self.draw(invite.person, name)

            def write(connection: sqlite3.Connection) -> None:
                store.remove_invite(connection, digest)
                store.sign_in(connection, browser, language)

            await self._book.write(write)
        return secret

    def draw(self, person_id: str, name: str) -> tuple[str, Browser]:
        """Return a new secret and the row that signs in whoever has it, to be written."""
        secret = self._book.entropy(32).hex()
        now_ms, up_ms = self._book.clock_ms(), self._book.up_ms()
        browser = Browser(self._book.new_id(), _digest(secret), person_id, core.clean_name(name), now_ms, now_ms, up_ms)
        return secret, browser

    def _is_to_renew(self, secret: str) -> bool:
        browser, up_ms = self._book.register.browsers.get(_digest(secret)), self._book.up_ms()
        return (
            browser is not None
            and core.is_session_good(browser.seen_up_ms, up_ms)
            and core.is_to_renew(browser.seen_up_ms, up_ms)
        )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(b"outpost browser " + secret.encode(errors="surrogateescape")).digest()
