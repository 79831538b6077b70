"""What is stored about people, row by row, and all of it as it stands at one moment.

**Two clocks.** Requests go by the clock on the wall. Sessions and one-time codes let somebody in without asking
anybody, so they go by `up_ms`: how long this device has been running in all its lives, which no clock that is set can
turn back or ahead. A device without a network may be claimed in the wrong year; when it hears the right one, nobody
is signed out, and no session ever lives longer than its days of running time. Off, the device lets nobody in anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec

from outpost_agent.people.core import Standing, is_kept, is_session_good, standing
from outpost_agent.people.who import OWNER, Who, page_chat
from outpost_sdk.handler import Language
from outpost_wire.messages import PairingRequest, PersonFacts, PersonIdentity, Role

WEB = "web"
LOCAL = "local"


class Home(msgspec.Struct, frozen=True):
    """A private chat in which a person can be told something, and their language there."""

    channel: str
    chat: str
    language: Language


class Person(msgspec.Struct, frozen=True):
    """Somebody whom the device knows."""

    id: str
    name: str
    role: Role
    language: Language | None
    since_ms: int

    @property
    def who(self) -> Who:
        """Return them as the rest of the device sees them."""
        return Who(person=self.id, name=self.name, role=self.role)


class Identity(msgspec.Struct, frozen=True):
    """Who a person is on a channel, and their private chat there. On the channel `web`, `sender` is their own id."""

    channel: str
    sender: str
    person: str
    name: str
    chat: str
    language: Language | None
    since_ms: int


class Request(msgspec.Struct, frozen=True):
    """Somebody asked to be let in; `person` is who they became."""

    id: str
    code: str
    channel: str
    sender: str
    name: str
    chat: str
    language: Language | None
    created_ms: int
    expires_ms: int
    told_ms: int
    state: Standing
    person: str | None

    def standing(self, now_ms: int) -> Standing:
        """Say how it stands."""
        return standing(self.state, self.created_ms, self.expires_ms, now_ms)

    @property
    def shown(self) -> PairingRequest:
        """Return it as the owner and the fleet see it."""
        return PairingRequest(
            id=self.id,
            code=self.code,
            channel=self.channel,
            sender=self.sender,
            name=self.name,
            created_ms=max(self.created_ms, 0),
            expires_ms=max(self.expires_ms, 0),
        )


class Asked(msgspec.Struct, frozen=True):
    """How the last request of somebody stands; `person` is who they are once approved."""

    state: Standing
    request: PairingRequest
    person: str | None


class Browser(msgspec.Struct, frozen=True):
    """A browser that is signed in, by the digest of its secret; `name` is what it calls itself, such as Firefox.

    `seen_ms` is when it was used last, to within a day; `seen_up_ms` is the same by running time.
    """

    id: str
    digest: bytes
    person: str
    name: str
    since_ms: int
    seen_ms: int
    seen_up_ms: int


class Invite(msgspec.Struct, frozen=True):
    """A one-time code that signs a browser in as a person, by its digest."""

    digest: bytes
    person: str
    created_up_ms: int


class Ownership(msgspec.Struct, frozen=True):
    """Whether the device is claimed, what claims or recovers it, and its running time when that was last written."""

    claim_code: str | None
    claimed_ms: int | None
    recovery: bytes | None
    up_ms: int


@dataclass(frozen=True)
class Register:
    """All that is stored about people at one moment; what is not here is not true."""

    people: Mapping[str, Person]
    identities: Mapping[tuple[str, str], Identity]
    requests: Mapping[tuple[str, str], Request]
    browsers: Mapping[bytes, Browser]
    invites: Mapping[bytes, Invite]
    ownership: Ownership

    @property
    def is_owned(self) -> bool:
        """Say whether somebody has claimed the device."""
        return self.ownership.claimed_ms is not None

    def who(self, channel: str, sender: str) -> Who | None:
        """Return who `sender` is on `channel`."""
        if channel == LOCAL:
            return self.people[OWNER].who
        if channel == WEB:
            return self.person(sender)
        identity = self.identities.get((channel, sender))
        return self.people[identity.person].who if identity else None

    def person(self, person_id: str) -> Who | None:
        """Return a person by their id."""
        person = self.people.get(person_id)
        return person.who if person else None

    def identities_of(self, person_id: str) -> list[Identity]:
        """Return who a person is on their channels, the oldest first."""
        return [identity for identity in self.identities.values() if identity.person == person_id]

    def homes(self, person_id: str) -> tuple[Home, ...]:
        """Return where a person can be told something, the device's own page first."""
        person = self.people.get(person_id)
        if person is None:
            return ()
        language: Language = person.language or "en"
        page = Home(WEB, page_chat(person_id), language)
        others = [
            Home(identity.channel, identity.chat, identity.language or language)
            for identity in self.identities_of(person_id)
            if identity.channel != WEB and identity.chat
        ]
        return (page, *others)

    @cached_property
    def facts(self) -> tuple[PersonFacts, ...]:
        """Return the people, the owner first, then as they came."""
        return tuple(
            PersonFacts(
                id=person.id,
                name=person.name,
                role=person.role,
                identities=tuple(
                    PersonIdentity(
                        channel=identity.channel,
                        sender=identity.sender,
                        name=identity.name,
                        since_ms=max(identity.since_ms, 0),
                    )
                    for identity in self.identities_of(person.id)
                ),
            )
            for person in self.people.values()
        )

    def asked(self, channel: str, sender: str, now_ms: int) -> Asked | None:
        """Return how the last request of a sender stands, None when there was none within a day."""
        request = self.requests.get((channel, sender))
        if request is None or not is_kept(request.created_ms, now_ms):
            return None
        return Asked(request.standing(now_ms), request.shown, request.person)

    def pending(self, now_ms: int) -> Iterator[Request]:
        """Give the requests that wait for an answer, the oldest first."""
        return (request for request in self.requests.values() if request.standing(now_ms) == "pending")

    def browsers_of(self, person_id: str, up_ms: int) -> list[Browser]:
        """Return the browsers in which a person is signed in, the one used last first."""
        own = [
            browser
            for browser in self.browsers.values()
            if browser.person == person_id and is_session_good(browser.seen_up_ms, up_ms)
        ]
        return sorted(own, key=lambda browser: (-browser.seen_up_ms, browser.id))
