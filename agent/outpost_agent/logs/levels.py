"""The eight levels that every log's own words are brought to, most serious first."""

from __future__ import annotations

LEVELS = ("fatal", "error", "warn", "notice", "info", "debug", "trace")
SERIOUS = ("fatal", "error")

_WORDS = {
    "fatal": "fatal emerg emergency alert crit critical panic f a",
    "error": "error err severe failure fail e",
    "warn": "warn warning wrn w",
    "notice": "notice n",
    "info": "info information informational inf log statement detail hint config i",
    "debug": "debug dbg debug1 debug2 debug3 debug4 debug5 fine d",
    "trace": "trace trc verbose finer finest v t",
}
_LEVEL_OF = {word: level for level, words in _WORDS.items() for word in words.split()}
_OF_SYSLOG = ("fatal", "fatal", "fatal", "error", "warn", "notice", "info", "debug")
_KNOWN: dict[str, str | None] = {
    spelling: level for word, level in _LEVEL_OF.items() for spelling in (word, word.upper(), word.title())
}

WORD = (
    r"(?i:emerg(?:ency)?|alert|crit(?:ical)?|panic|fatal|severe|err(?:or)?|warn(?:ing)?|wrn|notice"
    r"|info(?:rmation)?|inf|config|debug\d?|dbg|fine[rs]?t?|trace|trc|verbose)"
)
"""A pattern for a level written out."""


def level_of(word: str) -> str | None:
    """Return the level that `word` names in any common spelling, or None."""
    known = _KNOWN.get(word)
    return known if known is not None else _LEVEL_OF.get(word.strip().lower())


def level_of_syslog(severity: int) -> str:
    """Return the level of a severity or priority value of RFC 5424, section 6.2.1 (its lowest three bits count)."""
    return _OF_SYSLOG[severity & 7]


def level_of_number(value: float) -> str:
    """Return the level of bunyan's and pino's numbers (10 trace to 60 fatal); below 8, of syslog's severities."""
    if value < 8:
        return level_of_syslog(max(0, int(value)))
    for floor, level in ((60, "fatal"), (50, "error"), (40, "warn"), (30, "info"), (20, "debug")):
        if value >= floor:
            return level
    return "trace"


def level_of_status(status: int) -> str:
    """Return the level of an HTTP status: 5xx is an error, 4xx a warning."""
    if status >= 500:
        return "error"
    return "warn" if status >= 400 else "info"
