"""The rules of letting people in, apart from any store and any clock.

**Codes** are made of an alphabet in which no two characters look alike, and are read as people type them.

**Requests.** `standing` says how one stands, `judge` what a stranger is answered. A request is good for an hour of
the clock on the wall, since people are told so. A clock that was set cannot prolong that: what seems to have been
made later than now, by more than SKEW_MS, is over at once, and whoever asked asks again. What is over is noted as
over before anybody else is given its place, so that a clock set back cannot make more wait than may.

**Tries.** A wrong code costs one of the tries of whoever gave it, and one of all. Tries come back with time, so nobody
is locked out for longer than it takes to wait for the next; and one who tries in vain does not use up another's, as
long as all of them together stay below a limit that still makes guessing hopeless: 10 a second of 2^40 codes.

Time comes as an argument. Buckets want milliseconds that only rise; requests want those of the clock.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 8
INVITE_LENGTH = 16
NAME_LIMIT = 64
SENDER_LIMIT = 256

REQUEST_MS = 3_600_000
SKEW_MS = 300_000
AGAIN_MS = 300_000
KEPT_MS = 24 * 3_600_000
PENDING_PER_CHANNEL = 3
PENDING_LIMIT = 64
KEPT_LIMIT = 256

INVITE_MS = 600_000
SESSION_MS = 30 * 24 * 3_600_000
RENEW_MS = 24 * 3_600_000

PEOPLE_LIMIT = 256
IDENTITIES_LIMIT = 64
BROWSERS_LIMIT = 16
INVITES_LIMIT = 8

_VALUES = frozenset(ALPHABET)
_ALIKE = str.maketrans("1I", "LL")
_BETWEEN = frozenset(" \t\r\n\u00a0\u3000-_.·‐‑‒–—−")

Entropy = Callable[[int], bytes]


def new_code(entropy: Entropy, length: int = CODE_LENGTH) -> str:
    """Return a code of `length` characters, 5 bits each; `entropy(n)` returns n random bytes."""
    return "".join(ALPHABET[byte & 31] for byte in entropy(length))


def parse_code(text: str, length: int = CODE_LENGTH) -> str | None:
    """Return the code that somebody typed, or None when it cannot be one.

    Case, width, spaces and dashes do not matter; 1 and I are read as the L they were taken for.
    """
    symbols = parse_symbols(text) if len(text) <= 8 * length else None
    return symbols if symbols and len(symbols) == length else None


def parse_symbols(text: str) -> str | None:
    """Return the characters of the alphabet in `text`, whatever stands between them; None if others are among them."""
    plain = unicodedata.normalize("NFKC", text).upper().translate(_ALIKE)
    symbols = "".join(character for character in plain if character not in _BETWEEN)
    return symbols if _VALUES.issuperset(symbols) else None


def shown(code: str, size: int = 4) -> str:
    """Return a code as people are shown it: in groups of `size` with dashes."""
    return "-".join(code[at : at + size] for at in range(0, len(code), size))


def clean_name(name: str) -> str:
    """Return what somebody calls themselves as it may be shown: one line of at most NAME_LIMIT visible characters."""
    spaced = "".join(" " if each.isspace() else each for each in name[: 8 * NAME_LIMIT])
    visible = "".join(each for each in spaced if unicodedata.category(each)[0] not in "CZ" or each == " ")
    return " ".join(visible.split())[:NAME_LIMIT].rstrip()


Standing = Literal["pending", "approved", "refused", "expired"]


def standing(noted: Standing, created_ms: int, expires_ms: int, now_ms: int) -> Standing:
    """Say how a request stands that was `noted` as such.

    A refusal holds for the request's hour, after which its sender may ask again.
    """
    if noted in ("approved", "expired"):
        return noted
    return noted if created_ms - SKEW_MS <= now_ms < expires_ms else "expired"


def is_kept(created_ms: int, now_ms: int) -> bool:
    """Say whether a request is still remembered, so that whoever asks can be told what became of it."""
    return created_ms - SKEW_MS <= now_ms < created_ms + KEPT_MS


def is_told_lately(told_ms: int, now_ms: int) -> bool:
    """Say whether a stranger was told their code less than AGAIN_MS ago."""
    return 0 <= now_ms - told_ms < AGAIN_MS


class Answer(StrEnum):
    """What a stranger who writes is answered."""

    NEW = "new"
    AGAIN = "again"
    SILENCE = "silence"
    TURNED_AWAY = "turned_away"


def judge(
    known: Standing | None, *, told_lately: bool, pending_in_channel: int, pending: int, has_room: bool
) -> Answer:
    """Say what to answer a stranger: `known` is how their last request stands while it is remembered.

    `pending_in_channel` and `pending` count the requests that wait, on that channel and on the device; `has_room` says
    whether the channel's bucket gives another.
    """
    if known == "pending":
        return Answer.SILENCE if told_lately else Answer.AGAIN
    if known == "refused":
        return Answer.SILENCE
    if pending_in_channel >= PENDING_PER_CHANNEL or pending >= PENDING_LIMIT or not has_room:
        return Answer.TURNED_AWAY
    return Answer.NEW


@dataclass(slots=True)
class Bucket:
    """Gives `size` at once and one more after every `every_ms`; `now_ms` must not go back."""

    size: int
    every_ms: int
    _owed_ms: int = 0
    _at_ms: int = 0

    def wait_ms(self, now_ms: int) -> int:
        """Return how long it is until it gives one, 0 when it does now."""
        self._owed_ms = max(0, self._owed_ms - max(0, now_ms - self._at_ms))
        self._at_ms = now_ms
        return max(0, self._owed_ms - (self.size - 1) * self.every_ms)

    def spend(self, now_ms: int) -> None:
        """Take one; what is not there is not owed."""
        self.wait_ms(now_ms)
        self._owed_ms = min(self._owed_ms + self.every_ms, self.size * self.every_ms)


def new_requests() -> Bucket:
    """Return what limits how fast strangers of one channel get codes: ten at once, then one every five minutes."""
    return Bucket(10, 300_000)


@dataclass(slots=True)
class Tries:
    """Limits how often a code may be guessed: of each source, five wrong ones at once, then one every half minute.

    Of the sources that tried last, `sources_limit` are remembered; the limit of all together holds whoever they say
    they are.
    """

    sources_limit: int = 256
    _all: Bucket = field(default_factory=lambda: Bucket(100, 100))
    _sources: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)

    def wait_ms(self, source: str, now_ms: int) -> int:
        """Return how long `source` has to wait before it may try, 0 when it may now."""
        own = self._sources.get(source)
        return max(self._all.wait_ms(now_ms), own.wait_ms(now_ms) if own else 0)

    def failed(self, source: str, now_ms: int) -> None:
        """Note a wrong code from `source`."""
        self._all.spend(now_ms)
        self._sources.setdefault(source, Bucket(5, 30_000)).spend(now_ms)
        self._sources.move_to_end(source)
        if len(self._sources) > self.sources_limit:
            self._sources.popitem(last=False)


def is_session_good(seen_up_ms: int, up_ms: int) -> bool:
    """Say whether a browser is still signed in; see `rows.Browser` for what the times are."""
    return up_ms - seen_up_ms < SESSION_MS


def is_to_renew(seen_up_ms: int, up_ms: int) -> bool:
    """Say whether a browser that is used should have its days begin again."""
    return up_ms - seen_up_ms >= RENEW_MS


def is_invite_good(created_up_ms: int, up_ms: int) -> bool:
    """Say whether a one-time code can still be used."""
    return up_ms - created_up_ms < INVITE_MS
