"""Everybody whom the device knows, in one place."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable

from outpost_agent.people import core, store
from outpost_agent.people.book import Book
from outpost_agent.people.browsers import Browsers
from outpost_agent.people.owning import Owning
from outpost_agent.people.pairing import Pairing
from outpost_agent.people.rows import Home, Register
from outpost_agent.people.who import OWNER, Who
from outpost_disk import Database
from outpost_wire.messages import PersonFacts


class People:
    """Who may talk to the device; made by `open`, one for each database.

    Questions are answered from memory; what changes something waits for the disk. `Pairing`, `Owning` and `Browsers`
    say what each of their methods does.
    """

    def __init__(
        self, book: Book, *, said: Callable[[str, str], None], changed: Callable[[], None], device: str
    ) -> None:
        self._book = book
        self._pairing = Pairing(book, said=said, changed=changed)
        self._browsers = Browsers(book)
        self._owning = Owning(book, self._browsers, device=device, changed=changed)

        self.requests = self._pairing.requests
        self.asks = self._pairing.asks
        self.ask = self._pairing.ask
        self.approve = self._pairing.approve
        self.refuse = self._pairing.refuse
        self.revoke = self._pairing.revoke
        self.tidy = self._pairing.tidy

        self.claim = self._owning.claim
        self.recover = self._owning.recover
        self.fresh_recovery = self._owning.fresh_recovery

        self.browser = self._browsers.browser
        self.browsers = self._browsers.browsers
        self.new_browser = self._browsers.new_browser
        self.enter = self._browsers.enter
        self.renew = self._browsers.renew
        self.sign_out = self._browsers.sign_out
        self.end_browser = self._browsers.end_browser
        self.invite = self._browsers.invite
        self.redeem = self._browsers.redeem

    @classmethod
    async def open(
        cls,
        database: Database,
        *,
        new_id: Callable[[], str],
        clock_ms: Callable[[], int],
        said: Callable[[str, str], None],
        changed: Callable[[], None],
        device: str = "",
        monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        entropy: core.Entropy = secrets.token_bytes,
    ) -> People:
        """Read what is stored, and make the claim code of a device that was never started before.

        `said(channel, chat)` is called when a reply was written there, `changed()` when people, requests or the
        ownership are others than before. `device` is what the recovery file calls the device.
        """
        code = core.new_code(entropy)

        def begin(connection: sqlite3.Connection) -> Register:
            store.offer_claim(connection, code)
            return store.load(connection)

        register = await database.write(begin)
        book = Book(database, register, new_id=new_id, clock_ms=clock_ms, monotonic_ms=monotonic_ms, entropy=entropy)
        return cls(book, said=said, changed=changed, device=device)

    @property
    def owner(self) -> Who:
        """Return the owner, claimed or not."""
        return self._book.register.people[OWNER].who

    @property
    def is_owned(self) -> bool:
        """Say whether somebody has claimed the device."""
        return self._book.register.is_owned

    @property
    def claim_code(self) -> str | None:
        """Return the code that claims the device, the same after a restart; None once it is claimed."""
        return self._book.register.ownership.claim_code

    @property
    def turned_away(self) -> int:
        """Return how many strangers got no code since the start."""
        return self._pairing.turned_away

    def who(self, channel: str, sender: str) -> Who | None:
        """Return who `sender` is on `channel`: on `web` the person of that id, on `local` always the owner."""
        return self._book.register.who(channel, sender)

    def person(self, person_id: str) -> Who | None:
        """Return the person of this id."""
        return self._book.register.person(person_id)

    def homes(self, person_id: str) -> tuple[Home, ...]:
        """Return the private chats in which a person can be told something, the device's own page first."""
        return self._book.register.homes(person_id)

    def facts(self) -> tuple[PersonFacts, ...]:
        """Return all people, the owner first."""
        return self._book.register.facts
