"""The device's owner: claimed once, recovered by a file."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from outpost_agent.people import core, recovery, refusals, store
from outpost_agent.people.book import Book, whole
from outpost_agent.people.browsers import Browsers
from outpost_agent.people.core import Tries
from outpost_agent.people.who import OWNER
from outpost_sdk.handler import Language


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the owner gets: the secret that keeps this browser signed in, and the text of their recovery file."""

    session: str
    recovery: str


class Owning:
    """Makes somebody the owner."""

    def __init__(self, book: Book, browsers: Browsers, *, device: str, changed: Callable[[], None]) -> None:
        self._book = book
        self._browsers = browsers
        self._device = device
        self._changed = changed
        self._tries = Tries()

    @whole
    async def claim(self, code: str, *, source: str = "", name: str = "", language: Language | None = None) -> Claimed:
        """Make whoever knows the claim code the owner, signed in in a browser called `name`; of many only the first.

        `source` says from where the code was given, such as the address of the peer; wrong codes are counted for each.
        Raises ClaimRefused, TooManyTries or AlreadyClaimed.
        """
        async with self._book.lock:
            wanted = self._book.register.ownership.claim_code
            if wanted is None:
                raise refusals.already_claimed()
            if wait_ms := self._tries.wait_ms(source, self._book.up_ms()):
                raise refusals.too_many_tries(wait_ms)
            given = core.parse_code(code)
            if given is None:
                raise refusals.no_claim_code()
            if not hmac.compare_digest(given, wanted):
                self._tries.failed(source, self._book.up_ms())
                raise refusals.wrong_claim_code()
            claimed = await self._make_owner(name, language, ends_others=False)
        self._changed()
        return claimed

    @whole
    async def recover(self, text: str, *, name: str = "", language: Language | None = None) -> Claimed:
        """Make the holder of the recovery file the owner: all other browsers of the owner end, and so does the file.

        Nothing limits the tries, since the secret cannot be guessed. Raises RecoveryRefused.
        """
        async with self._book.lock:
            digest, stored = recovery.digest_of(recovery.parse_recovery(text)), self._book.register.ownership.recovery
            if stored is None or not hmac.compare_digest(digest, stored):
                raise refusals.other_recovery()
            claimed = await self._make_owner(name, language, ends_others=True)
        self._changed()
        return claimed

    @whole
    async def fresh_recovery(self) -> str:
        """Return the text of a new recovery file; the old one becomes void. Raises NotClaimed."""
        async with self._book.lock:
            if not self._book.register.is_owned:
                raise refusals.not_claimed()
            secret = recovery.new_secret(self._book.entropy)
            digest = recovery.digest_of(secret)
            await self._book.write(lambda connection: store.replace_recovery(connection, digest))
        return recovery.recovery_text(secret, self._device, self._book.clock_ms())

    async def _make_owner(self, name: str, language: Language | None, *, ends_others: bool) -> Claimed:
        secret = recovery.new_secret(self._book.entropy)
        session, browser = self._browsers.draw(OWNER, name)
        digest, now_ms = recovery.digest_of(secret), self._book.clock_ms()

        def write(connection: sqlite3.Connection) -> None:
            if ends_others:
                store.sign_out_all(connection, OWNER)
            store.own(connection, digest, now_ms)
            store.sign_in(connection, browser, language)

        await self._book.write(write)
        return Claimed(session, recovery.recovery_text(secret, self._device, now_ms))
