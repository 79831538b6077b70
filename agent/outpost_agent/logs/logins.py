"""Finds suspicious logins: repeated failures from one source, and whether the source got in afterwards.

Understands sshd, PAM, Apache, FTP and mail servers, databases and, more loosely, any message that speaks of a failed
login and names where it came from. One attempt often leaves several lines (PAM's, sshd's, the invalid user); they are
counted by kind and the largest count is taken, so that no attempt counts twice.
"""

from __future__ import annotations

import re
from collections import Counter

import msgspec

SUSPICIOUS_FAILURES = 5
SUSPICIOUS_BEFORE_SUCCESS = 3
_SOURCES = 5000
_USERS = 50
_USERS_SHOWN = 5
_LOOKED_AT = 1000
_EXAMPLE_CHARACTERS = 300

HINT = re.compile(r"(?i)passw|auth|log[ -]?in|logon|logged|invalid|illegal|unknown user|denied|accepted|credential")
"""Fits every template whose messages are worth a closer look."""

_FAILED = (
    ("password", re.compile(r"(?i)\bfailed (?:password|none|publickey|keyboard-interactive\S*|hostbased)\b")),
    ("pam", re.compile(r"(?i)\bauthentication failures?\b")),
    ("invalid", re.compile(r"(?i)\b(?:invalid|illegal) user \S* ?from\b")),
    (
        "other",
        re.compile(
            r"(?i)\bauth(?:entication)? (?:failed|error)|\bfailed (?:log[io]n|auth\w*)\b|\bfail login\b"
            r"|\b(?:log[io]n|password) (?:failed|failure|incorrect|mismatch)\b"
            r"|\b(?:invalid|incorrect|bad|wrong) (?:password|credentials|login)\b"
            r"|\baccess denied for user\b|\bmaximum authentication attempts\b|\bauthentication failed\b"
        ),
    ),
)
_ACCEPTED = re.compile(
    r"(?i)\baccepted (?:password|publickey|keyboard-interactive\S*|hostbased|gssapi\S*|none)\b"
    r"|\bok login\b|\blogin: user=|\blog(?:ged|in) (?:in )?(?:successful(?:ly)?|success|succeeded)\b|\blogged in\b"
)
_REPEATED = re.compile(r"message repeated (\d{1,6}) times|\b(\d{1,6}) more authentication failures?")
_SOURCE = re.compile(
    r"(?i)(?:\brhost=|\brip=|\bfrom[ =]+|\bclient[ :]+|\bsrc(?:ip)?=|\bip(?:addr)?[=:]\s?|\baddr(?:ess)?[=:]\s?"
    r"|@(?=['\"]))[\[\"'(]*(?:::ffff:)?(?P<source>[0-9A-Za-z][\w.:-]*)"
)
_BARE = re.compile(r"(?<![\w.])(?P<source>\d{1,3}(?:\.\d{1,3}){3})(?![\w.])")
_USER = re.compile(
    r"(?i)(?:\b(?:(?:invalid|illegal|unknown) )?user |\buser[=:]\s?|\bacct=|\bfor (?!user\b))"
    r"[\"'<]?(?P<user>[^\s\"'<>,;:=@()\[\]]{1,64})"
)
_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")
_NOT_USERS = frozenset({"unknown", "from", "invalid", "illegal", "user", "the", "not"})


class Login(msgspec.Struct, frozen=True):
    """A source that failed to log in again and again.

    `users` are some of the `user_count` names that were tried; `first` and `last` are the times of failures and
    `entered` of the first login that succeeded after SUSPICIOUS_BEFORE_SUCCESS failures, as `entered_user`; `line` is
    that of `example`, in `origin` if there are several files.
    """

    source: str
    failures: int
    users: tuple[str, ...]
    user_count: int
    first: str | None
    last: str | None
    has_entered: bool
    entered: str | None
    entered_user: str
    line: int
    origin: str
    example: str


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """A message that fits HINT; `client` is the address that its header named, if any."""

    message: str
    client: str
    time: str | None
    line: int
    origin: str


class _Record:
    """What is known of one source; `begin` is its first failure."""

    __slots__ = ("begin", "entered", "kinds", "last", "users")

    def __init__(self, begin: Sighting) -> None:
        self.kinds: Counter[str] = Counter()
        self.users: Counter[str] = Counter()
        self.begin = begin
        self.last = begin.time
        self.entered: tuple[str | None, str] | None = None

    @property
    def failures(self) -> int:
        return max(self.kinds.values(), default=0)


class Logins:
    """Counts failed and successful logins by source; how many sources are kept is bounded.

    When there are too many, the half with the fewest failures is dropped; `dropped` counts them.
    """

    def __init__(self, limit: int = _SOURCES) -> None:
        self.failures = 0
        self.dropped = 0
        self._limit = limit
        self._records: dict[str, _Record] = {}
        self._total: Counter[str] = Counter()

    def add(self, seen: Sighting) -> None:
        """Count what `seen` tells."""
        text = seen.message[:_LOOKED_AT]
        kind = _kind(text, seen.client)
        if kind is not None:
            self._fail(kind, text, seen)
        elif _ACCEPTED.search(text):
            self._enter(text, seen)

    def suspicious(self) -> list[Login]:
        """Return the sources worth a warning: those that got in first, then by failures."""
        found = [_login(source, record) for source, record in self._records.items() if _is_suspicious(record)]
        return sorted(found, key=lambda login: (not login.has_entered, -login.failures, login.source))

    @property
    def total(self) -> int:
        """Return how many logins failed in all, counted as for one source."""
        return max(self._total.values(), default=0)

    def _fail(self, kind: str, text: str, seen: Sighting) -> None:
        repeated = _REPEATED.search(text)
        times = int(repeated[1] or repeated[2]) if repeated else 1
        self._total[kind] += times
        source = _source(text, seen.client)
        if source is None:
            return
        record = self._records.get(source)
        if record is None:
            if len(self._records) >= self._limit:
                self._drop()
            begin = msgspec.structs.replace(seen, message=text[:_EXAMPLE_CHARACTERS])
            record = self._records[source] = _Record(begin)
        record.kinds[kind] += times
        record.last = seen.time if seen.time is not None else record.last
        user = _user(text)
        if user and (user in record.users or len(record.users) < _USERS):
            record.users[user] += times

    def _enter(self, text: str, seen: Sighting) -> None:
        source = _source(text, seen.client)
        record = self._records.get(source) if source is not None else None
        if record is not None and record.entered is None and record.failures >= SUSPICIOUS_BEFORE_SUCCESS:
            record.entered = (seen.time, _user(text))

    def _drop(self) -> None:
        by_failures = sorted(self._records, key=lambda source: self._records[source].failures)
        for source in by_failures[: self._limit // 2 + 1]:
            del self._records[source]
            self.dropped += 1


def _kind(text: str, client: str) -> str | None:
    for kind, pattern in _FAILED:
        if pattern.search(text):
            return kind
    return "http" if client and '" 401' in text else None


def _source(text: str, client: str) -> str | None:
    match = _SOURCE.search(text) or _BARE.search(text)
    if match is None:
        return client or None
    source = match["source"].rstrip(".:-")
    port = _PORT.fullmatch(source)
    return (port[1] if port else source)[:100] or None


def _user(text: str) -> str:
    for match in _USER.finditer(text):
        user = match["user"]
        if user.lower() not in _NOT_USERS:
            return user
    return ""


def _is_suspicious(record: _Record) -> bool:
    return record.failures >= SUSPICIOUS_FAILURES or record.entered is not None


def _login(source: str, record: _Record) -> Login:
    entered, user = record.entered or (None, "")
    return Login(
        source=source,
        failures=record.failures,
        users=tuple(name for name, _ in record.users.most_common(_USERS_SHOWN)),
        user_count=len(record.users),
        first=record.begin.time,
        last=record.last,
        has_entered=record.entered is not None,
        entered=entered,
        entered_user=user,
        line=record.begin.line,
        origin=record.begin.origin,
        example=record.begin.message,
    )
