"""People against what a few dictionaries say: whatever happens in whatever order, over a real database."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from outpost_agent.people import (
    OWNER,
    AlreadyClaimed,
    ClaimRefused,
    InviteRefused,
    NoSuchPerson,
    NoSuchRequest,
    RecoveryRefused,
)
from outpost_agent.people.store import load
from outpost_disk import open_database
from outpost_wire.errors import OutpostError
from outpost_wire.messages import Role
from tests.support.reception import DAY, HOUR, MINUTE, SCHEMA, YEARS, Reception, stranger

T = TypeVar("T")
CHANNELS = st.sampled_from(["telegram", "wechat", "web"])
SENDERS = st.sampled_from(["1", "2", "3", "4", "5"])
MONTH = 30 * DAY


class Machine(RuleBasedStateMachine):
    """`known` is who was let in and not out again, `waiting` who asked for a code and when, `over` the codes that were
    over once; `sessions` says whose each secret is and when it was seen last, by running time, and `ended` holds those
    that must not come back.
    """

    codes: Bundle[str] = Bundle("codes")
    people_in: Bundle[str] = Bundle("people_in")
    secrets: Bundle[str] = Bundle("secrets")
    invites: Bundle[str] = Bundle("invites")

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.stack = AsyncExitStack()
        self.known: dict[tuple[str, str], str] = {}
        self.waiting: dict[str, tuple[str, str, int]] = {}
        self.over: set[str] = set()
        self.sessions: dict[str, tuple[str, int]] = {}
        self.ended: set[str] = set()
        self.answered: Counter[str] = Counter()
        self.recovery: str | None = None
        self.reception = Reception(self.wait(self.stack.enter_async_context(self.database())))
        self.people = self.wait(self.reception.open())
        self.claim_code = self.people.claim_code

    def database(self) -> Any:
        return open_database(self.folder / "device.sqlite", SCHEMA)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.wait(self.stack.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)

    def is_waiting(self, code: str) -> bool:
        _, _, created = self.waiting.get(code, ("", "", 0))
        return -5 * MINUTE <= self.reception.now - created < HOUR

    @rule(target=codes, channel=CHANNELS)
    def all_ask(self, channel: str) -> Any:
        codes = [self.ask_as(channel, sender) for sender in "12345"]
        return multiple(*(code for code in codes if code))

    @rule(target=codes, channel=CHANNELS, sender=SENDERS)
    def ask(self, channel: str, sender: str) -> Any:
        return self.ask_as(channel, sender) or multiple()

    def ask_as(self, channel: str, sender: str) -> str | None:
        """Ask, and return the code if it is a new one."""
        code = self.wait(self.people.ask(stranger(sender, channel)))
        if code is None:
            return None
        assert (channel, sender) not in self.known
        if code in self.waiting:
            assert self.is_waiting(code)
            assert self.waiting[code][:2] == (channel, sender)
            return None
        self.waiting = {known: asked for known, asked in self.waiting.items() if asked[:2] != (channel, sender)}
        self.waiting[code] = (channel, sender, self.reception.now)
        return code

    @rule(target=people_in, code=codes, role=st.sampled_from(["user", "user", "owner"]))
    def approve(self, code: str, role: Role) -> Any:
        is_waiting = self.is_waiting(code)
        try:
            approved = self.wait(self.people.approve(code, role))
        except NoSuchRequest:
            assert not is_waiting or code in self.over
            return multiple()
        assert is_waiting
        channel, sender, _ = self.waiting.pop(code)
        self.answered[code] += 1
        person = approved.person.person
        if channel != "web":
            self.known[channel, sender] = person
        return person

    @rule(code=codes)
    def refuse(self, code: str) -> None:
        is_waiting = self.is_waiting(code)
        try:
            self.wait(self.people.refuse(code))
        except NoSuchRequest:
            assert not is_waiting or code in self.over
        else:
            assert is_waiting
            del self.waiting[code]
            self.answered[code] += 1

    @rule(person=people_in)
    def revoke(self, person: str) -> None:
        was_there = self.people.person(person) is not None
        try:
            self.wait(self.people.revoke(person))
        except NoSuchPerson:
            assert not was_there
        except OutpostError:
            assert person == OWNER
            return
        self.forget(person)

    @rule(who=st.sampled_from(["telegram", "wechat"]), sender=SENDERS)
    def revoke_an_identity(self, who: str, sender: str) -> None:
        person = self.known.get((who, sender), "nobody")
        try:
            self.wait(self.people.revoke(person, who, sender))
        except NoSuchPerson:
            assert (who, sender) not in self.known
            return
        del self.known[who, sender]
        if self.people.person(person) is None:
            self.forget(person)

    def forget(self, person: str) -> None:
        assert person != OWNER
        self.known = {identity: each for identity, each in self.known.items() if each != person}
        self.end_sessions(person)

    def end_sessions(self, person: str) -> None:
        self.ended |= {secret for secret, (whose, _) in self.sessions.items() if whose == person}
        self.sessions = {secret: seen for secret, seen in self.sessions.items() if secret not in self.ended}

    @rule(right=st.booleans())
    def claim(self, right: bool) -> None:
        code = self.claim_code if right and self.claim_code else "ABCDEFGH"
        was_owned = self.people.is_owned
        try:
            claimed = self.wait(self.people.claim(code))
        except AlreadyClaimed:
            assert was_owned
        except ClaimRefused:
            assert not was_owned
        else:
            assert not was_owned
            assert code == self.claim_code
            self.recovery = claimed.recovery
            self.sessions[claimed.session] = (OWNER, self.reception.up)

    @rule(old=st.booleans())
    def recover(self, old: bool) -> None:
        text, self.old = self.recovery, getattr(self, "old", None)
        if old:
            text = self.old
        try:
            claimed = self.wait(self.people.recover(text or "nothing"))
        except RecoveryRefused:
            assert text is None or text != self.recovery
            return
        assert text == self.recovery
        self.old, self.recovery = text, claimed.recovery
        self.end_sessions(OWNER)
        self.sessions[claimed.session] = (OWNER, self.reception.up)

    @rule(target=secrets, person=people_in)
    def new_browser(self, person: str) -> Any:
        try:
            secret = self.wait(self.people.new_browser(person))
        except NoSuchPerson:
            return multiple()
        self.sessions[secret] = (person, self.reception.up)
        return secret

    @rule(secret=secrets)
    def use(self, secret: str) -> None:
        if self.wait(self.people.renew(secret)):
            self.sessions[secret] = (self.sessions[secret][0], self.reception.up)

    @rule(secret=secrets)
    def sign_out(self, secret: str) -> None:
        self.wait(self.people.sign_out(secret))
        self.sessions.pop(secret, None)
        self.ended.add(secret)

    @rule(target=invites, person=people_in)
    def invite(self, person: str) -> Any:
        try:
            return self.wait(self.people.invite(person))
        except OutpostError:
            return multiple()

    @rule(target=secrets, code=consumes(invites))
    def redeem(self, code: str) -> Any:
        try:
            secret = self.wait(self.people.redeem(code))
        except InviteRefused:
            return multiple()
        who = self.people.browser(secret)
        assert who is not None
        self.sessions[secret] = (who.person, self.reception.up)
        with pytest.raises(InviteRefused):
            self.wait(self.people.redeem(code))
        return secret

    @rule(step=st.sampled_from([1, MINUTE, 5 * MINUTE, 30 * MINUTE, HOUR, DAY, 10 * DAY]))
    def time_passes(self, step: int) -> None:
        self.reception.passes(step)
        self.note_what_is_over()
        self.wait(self.people.tidy())

    @rule(jump=st.sampled_from([-YEARS, YEARS, -MINUTE, -HOUR, 2 * HOUR]))
    def the_clock_is_set(self, jump: int) -> None:
        self.reception.now += jump
        self.note_what_is_over()

    def note_what_is_over(self) -> None:
        """What was over once may be forgotten, and need not come back when the clock is set back."""
        self.over |= {code for code in self.waiting if not self.is_waiting(code)}

    @rule()
    def restart(self) -> None:
        """Begin another life; what was not yet noted of the running time is forgotten."""
        before = self.people._book.register
        ahead = self.people._book.up_ms() - before.ownership.up_ms
        self.wait(self.stack.aclose())
        self.reception.database = self.wait(self.stack.enter_async_context(self.database()))
        self.reception.up -= ahead
        self.people = self.wait(self.reception.open())
        assert self.people._book.register == before

    @invariant()
    def memory_is_what_is_on_the_disk(self) -> None:
        stored = self.wait(self.reception.database.read(load))
        assert stored == self.people._book.register

    @invariant()
    def nothing_belongs_to_nobody(self) -> None:
        register = self.people._book.register
        for rows in (register.identities, register.browsers, register.invites):
            assert {row.person for row in rows.values()} <= set(register.people)

    @invariant()
    def at_most_three_wait_on_a_channel(self) -> None:
        requests = self.people.requests()
        assert all(count <= 3 for count in Counter(request.channel for request in requests).values())
        waiting = {code for code in self.waiting if self.is_waiting(code)}
        assert waiting - self.over <= {request.code for request in requests} <= waiting

    @invariant()
    def a_code_is_answered_once(self) -> None:
        assert all(count == 1 for count in self.answered.values())

    @invariant()
    def those_are_known_who_were_let_in_and_not_out(self) -> None:
        for channel in ("telegram", "wechat"):
            for sender in "12345":
                who = self.people.who(channel, sender)
                assert (who.person if who else None) == self.known.get((channel, sender))

    @invariant()
    def those_browsers_are_signed_in_that_should_be(self) -> None:
        assert all(self.people.browser(secret) is None for secret in self.ended)
        counts = Counter(person for person, _ in self.sessions.values())
        for secret, (person, seen) in self.sessions.items():
            who = self.people.browser(secret)
            if self.reception.up - seen >= MONTH:
                assert who is None
            elif counts[person] <= 16:
                assert who is not None
                assert who.person == person

    @invariant()
    def the_claim_code_goes_with_the_claim(self) -> None:
        assert self.people.claim_code == (None if self.people.is_owned else self.claim_code)
        assert self.people.is_owned == (self.recovery is not None)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_people_and_the_dictionaries_agree() -> None:
    is_long = os.environ.get("OUTPOST_LONG") == "1"
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=500 if is_long else 50,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
