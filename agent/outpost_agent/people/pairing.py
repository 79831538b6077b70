"""Strangers ask, the owner approves, refuses or revokes."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from outpost_agent.conversation import Reply, reply
from outpost_agent.people import core, refusals, store, words
from outpost_agent.people.book import Book, whole
from outpost_agent.people.core import Answer, Bucket
from outpost_agent.people.rows import WEB, Asked, Identity, Person, Request
from outpost_agent.people.who import OWNER, Who
from outpost_agent.replies import Said
from outpost_sdk.handler import Language
from outpost_wire.messages import PairingRequest, Role

TURNED_AWAY_LIMIT = 1_024
NOTE_RUNNING_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Somebody whom the device does not know and who writes in a private chat; `language` is None when not known.

    On the channel `web`, `sender` names a browser that asks; it is shown to the owner, so it must not let anybody in.
    """

    channel: str
    sender: str
    name: str
    chat: str
    language: Language | None


@dataclass(frozen=True, slots=True)
class Approved:
    """Who was let in, and by which request."""

    person: Who
    request: PairingRequest


class Pairing:
    """Lets people in and out."""

    def __init__(self, book: Book, *, said: Callable[[str, str], None], changed: Callable[[], None]) -> None:
        self._book = book
        self._said = said
        self._changed = changed
        self._buckets: dict[str, Bucket] = {}
        self._turned_away: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._told = self._waiting()
        self.turned_away = 0

    def requests(self) -> tuple[PairingRequest, ...]:
        """Return the requests that wait for an answer, the oldest first."""
        return tuple(request.shown for request in self._book.register.pending(self._book.clock_ms()))

    def asks(self, channel: str, sender: str) -> Asked | None:
        """Return how the last request of a sender stands; None when there was none within a day."""
        return self._book.register.asked(channel, sender, self._book.clock_ms())

    @whole
    async def ask(self, stranger: Stranger) -> str | None:
        """Deal with a stranger who writes: return the code to pair that they were told, None when nothing was said.

        The request and the reply that tells the code are one transaction. On `web` no reply is written, and whoever
        asks again is given the same code.
        """
        async with self._book.lock:
            now_ms, key = self._book.clock_ms(), (stranger.channel, stranger.sender)
            if self._book.register.who(*key) is not None:
                return None
            known = self._book.register.requests.get(key)
            match self._judge(stranger, known, now_ms):
                case Answer.TURNED_AWAY:
                    self._turn_away(key)
                    return None
                case Answer.SILENCE:
                    return None
                case Answer.AGAIN if known is not None:
                    code = await self._tell_again(known, now_ms)
                case _:
                    code = await self._tell_new(stranger, now_ms)
        if stranger.channel != WEB:
            self._said(stranger.channel, stranger.chat)
        if self._waiting() != self._told:
            self._tell_changed()
        return code

    @whole
    async def approve(self, code_or_id: str, role: Role = "user", *, name: str | None = None) -> Approved:
        """Let the sender of a request in, as a new person or, with the role `owner`, as the owner on one more channel.

        They are told so in the same transaction. Raises NoSuchRequest or TooManyPeople, which leaves the request.
        """
        async with self._book.lock:
            now_ms = self._book.clock_ms()
            request = self._find_pending(code_or_id, now_ms)
            person = self._to_be(request, role, core.clean_name(name or ""), now_ms)
            is_web = request.channel == WEB
            told = self._reply(request.channel, request.chat, words.to_approved(request.language), person.id)

            def write(connection: sqlite3.Connection) -> None:
                if person.id == OWNER:
                    store.change_person(connection, OWNER, name=person.name, language=person.language)
                else:
                    store.add_person(connection, person)
                if not is_web or person.id != OWNER:
                    store.add_identity(connection, _identity_of(request, person, now_ms))
                store.decide(connection, request.id, "approved", person.id)
                if not is_web:
                    reply(connection, told, now_ms)

            await self._book.write(write)
        if not is_web:
            self._said(request.channel, request.chat)
        self._tell_changed()
        return Approved(person.who, request.shown)

    @whole
    async def refuse(self, code_or_id: str) -> PairingRequest:
        """Turn a request down; its sender hears nothing for the rest of the hour. Raises NoSuchRequest."""
        async with self._book.lock:
            request = self._find_pending(code_or_id, self._book.clock_ms())
            await self._book.write(lambda connection: store.decide(connection, request.id, "refused", None))
        self._tell_changed()
        return request.shown

    @whole
    async def revoke(self, person: str, channel: str | None = None, sender: str | None = None) -> Who:
        """Let a person in no more and sign their browsers out; return who they were.

        With `channel`, `sender` or both, only what matches is taken from them: on `web` that is their browsers. A user
        who is left without any identity is let in no more. Raises NoSuchPerson, or OwnerStays for all of the owner.
        """
        async with self._book.lock:
            known = self._book.register.people.get(person)
            if known is None:
                raise refusals.no_such_person()
            identities = self._book.register.identities_of(person)
            gone = [each for each in identities if channel in (None, each.channel) and sender in (None, each.sender)]
            is_all = channel is None and sender is None
            if is_all and person == OWNER:
                raise refusals.owner_stays()
            if not is_all and not gone:
                raise refusals.no_such_identity()

            def write(connection: sqlite3.Connection) -> None:
                if person != OWNER and len(gone) == len(identities):
                    store.remove_person(connection, person)
                    return
                store.remove_identities(connection, person, gone)
                if any(each.channel == WEB for each in gone):
                    store.sign_out_all(connection, person)

            await self._book.write(write)
        self._tell_changed()
        return known.who

    @whole
    async def tidy(self) -> None:
        """Note how long the device has been running, and say when requests are over; to be called every few minutes."""
        async with self._book.lock:
            now_ms, is_over = self._book.clock_ms(), self._waiting() != self._told
            if is_over or self._book.up_ms() - self._book.register.ownership.up_ms >= NOTE_RUNNING_MS:
                await self._book.write(lambda connection: store.note_over(connection, now_ms), durable=False)
        if is_over:
            self._tell_changed()

    def _new_request(self, stranger: Stranger, now_ms: int) -> Request:
        taken = {request.code for request in self._book.register.requests.values()}
        code = core.new_code(self._book.entropy)
        while code in taken:
            code = core.new_code(self._book.entropy)
        return Request(
            id=self._book.new_id(),
            code=code,
            channel=stranger.channel,
            sender=stranger.sender,
            name=core.clean_name(stranger.name),
            chat=stranger.chat,
            language=stranger.language,
            created_ms=now_ms,
            expires_ms=now_ms + core.REQUEST_MS,
            told_ms=now_ms,
            state="pending",
            person=None,
        )

    def _judge(self, stranger: Stranger, known: Request | None, now_ms: int) -> Answer:
        if len(stranger.sender) > core.SENDER_LIMIT:
            return Answer.TURNED_AWAY
        waiting = [request.channel for request in self._book.register.pending(now_ms)]
        bucket = self._buckets.get(stranger.channel)
        return core.judge(
            known.standing(now_ms) if known and core.is_kept(known.created_ms, now_ms) else None,
            told_lately=known is not None and stranger.channel != WEB and core.is_told_lately(known.told_ms, now_ms),
            pending_in_channel=waiting.count(stranger.channel),
            pending=len(waiting),
            has_room=bucket is None or not bucket.wait_ms(self._book.up_ms()),
        )

    async def _tell_new(self, stranger: Stranger, now_ms: int) -> str:
        request = self._new_request(stranger, now_ms)
        told = self._code_reply(request)

        def write(connection: sqlite3.Connection) -> None:
            store.add_request(connection, request, now_ms)
            if request.channel != WEB:
                reply(connection, told, now_ms)

        await self._book.write(write)
        self._buckets.setdefault(stranger.channel, core.new_requests()).spend(self._book.up_ms())
        return request.code

    async def _tell_again(self, request: Request, now_ms: int) -> str:
        told = self._code_reply(request)

        def write(connection: sqlite3.Connection) -> None:
            store.note_told(connection, request.id, now_ms)
            reply(connection, told, now_ms)

        if request.channel != WEB:
            await self._book.write(write)
        return request.code

    def _code_reply(self, request: Request) -> Reply:
        return self._reply(request.channel, request.chat, words.to_stranger(request.code, request.language), None)

    def _reply(self, channel: str, chat: str, told: Said, person: str | None) -> Reply:
        return Reply(
            id=self._book.new_id(), channel=channel, chat=chat, person=person, text=told.text, document=told.document
        )

    def _find_pending(self, code_or_id: str, now_ms: int) -> Request:
        code, wanted = core.parse_code(code_or_id), code_or_id.strip().upper()
        found = (
            each for each in self._book.register.requests.values() if each.code == code or each.id.upper() == wanted
        )
        request = next(found, None)
        if request is None:
            raise refusals.no_such_request(None)
        if request.standing(now_ms) != "pending":
            raise refusals.no_such_request(request.standing(now_ms))
        return request

    def _to_be(self, request: Request, role: Role, name: str, now_ms: int) -> Person:
        """Return the person whom the sender of a request becomes."""
        if role == "owner":
            owner = self._book.register.people[OWNER]
            if len(self._book.register.identities_of(OWNER)) >= core.IDENTITIES_LIMIT:
                raise refusals.too_many_identities(core.IDENTITIES_LIMIT)
            language = owner.language or request.language
            return Person(OWNER, name or owner.name or request.name, "owner", language, owner.since_ms)
        if len(self._book.register.people) >= core.PEOPLE_LIMIT:
            raise refusals.too_many_people(core.PEOPLE_LIMIT)
        return Person(self._book.new_id(), name or request.name or request.sender, "user", request.language, now_ms)

    def _waiting(self) -> tuple[str, ...]:
        return tuple(request.id for request in self._book.register.pending(self._book.clock_ms()))

    def _tell_changed(self) -> None:
        self._told = self._waiting()
        self._changed()

    def _turn_away(self, key: tuple[str, str]) -> None:
        is_new = key not in self._turned_away
        self._turned_away[key] = None
        self._turned_away.move_to_end(key)
        if len(self._turned_away) > TURNED_AWAY_LIMIT:
            self._turned_away.popitem(last=False)
        if is_new:
            self.turned_away += 1
            # A flood is told at its powers of two, so that it does not become a flood of reports.
            if self.turned_away & (self.turned_away - 1) == 0:
                self._changed()


def _identity_of(request: Request, person: Person, now_ms: int) -> Identity:
    sender = person.id if request.channel == WEB else request.sender
    return Identity(request.channel, sender, person.id, request.name, request.chat, request.language, now_ms)
