"""Takes out of a message what is surely a value, before anything is learned from the log.

That general masks are worth more than a cleverer miner is the finding of arXiv 2412.05254; which masks, is ours. Two
steps, each remembered, because logs repeat themselves. Word by word: URLs, addresses, paths, identifiers, hashes and
whatever is built of digits become `<*>`; digits that belong to a word (`workers2`, `eth0`) stay. Then, for a text that
was not met yet, across words: dates, a number with its unit, a row of values, an empty pair of brackets (a value that
is missing), and a quoted sentence or a list in brackets, which count as one word. Words are left to the grouping,
which learns from the log itself which of them vary.

No pattern nests a repetition over the same characters, so masking takes time linear in the message.
"""

from __future__ import annotations

import re

WILDCARD = "<*>"
_GLUE = "\x1f"
"""Stands for a space inside a quoted sentence or a list, so that it stays one word."""

_VARIABLE = re.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>)\]},;]+"  # URL
    r"|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # e-mail
    r"|(?<![A-Za-z0-9])[A-Za-z]:\\[^\s\"'<>|,;)\]]*"  # path of Windows
    r"|(?<![\w.:/<>)\]-])/[\w.@%+~$#*=-]+(?:/[\w.@%+~$#*=-]*)+"  # path of two parts or more
    r"|(?<![\w.-])[A-Za-z][\w-]*(?:\.[\w-]+)+:[0-9]+(?![\w-])"  # host:port, file:line
    r"|(?<![\w.-])(?=[\w.-]*[0-9][0-9])[A-Za-z0-9][\w-]*(?:\.[\w-]+){2,}(?![\w-])"  # host with digits in its name
    r"|(?<![\w.-])[A-Za-z]{1,8}[0-9]+[:_-][A-Za-z]{0,8}[0-9]+(?:[:_-][A-Za-z0-9]+)*(?![\w-])"  # place in a rack
    r"|(?<![0-9A-Za-z])(?:"
    r"0[xX][0-9a-fA-F]+"
    r"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z])"
    r"|(?:[0-9a-fA-F]{1,2}[:-]){5}[0-9a-fA-F]{1,2}(?![0-9A-Za-z])"  # MAC
    r"|(?=[0-9a-fA-F:]{0,39}[0-9])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?![0-9A-Za-z:]|\.[0-9])"  # IPv6
    r"|(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{6,}(?![0-9A-Za-z])"
    r"|(?=[A-F]*[0-9])(?=[0-9]*[A-F])[0-9A-F]{6,}(?![0-9A-Za-z])"
    r"|(?=[A-Za-z]*[0-9][A-Za-z]*[0-9][A-Za-z]*[0-9])[0-9A-Za-z]{16,}"  # key, token
    r"|[-+]?[0-9][0-9A-Za-z]*(?:[.,:/_-][0-9][0-9A-Za-z]*)*%?"  # number, time, version, address
    r")"
    r"|(?<=[A-Za-z])[0-9]{2,}(?![A-Za-z])"  # number of a worker, a block, a register
    r"|(?<![\w.-])(?:true|false|null)(?![\w.-])",
    re.ASCII,
)
_PLAIN = re.compile(
    r"([\[({<\"'=#]*(?:[A-Za-z]{1,20}[_=])?)(?:(/)[0-9]+(?:[.,:_-][0-9]+)*|[-+]?[0-9]+(?:[.,:/_-][0-9]+)*%?)([\])}>\"',;:!?.]*)",
    re.ASCII,
)
"""The most usual words with a value, a number or an address alone; for them _VARIABLE would do the same, slower."""
_WORTH_A_LOOK = re.compile(r"[0-9/\\@]|true|false|null")

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_DATE = re.compile(
    rf"(?<![\w.])(?:{_WEEKDAY},? )?(?:{_MONTH} <\*>|<\*> {_MONTH})(?:,? <\*>)*"
    r"(?: [AP]M\b)?(?: [A-Z]{3,4}(?= <\*>| ?$) ?<\*>)?"
)
_EMPTY = re.compile(r"(?<![^\s=])(?:\(\)|\[\]|\{\}|\"\"|'')(?=[\s,;:.]|$)")
UNIT = (
    r"<\*> (?i:[KMGT]i?B|B|bytes?|bits?|[mun\u00b5]?s|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|msecs?"
    r"|usecs?|milliseconds?|microseconds?|nanoseconds?)\b"
)
"""A pattern for a number with its unit, in a masked text."""
_UNIT = re.compile(UNIT)
_ROW = re.compile(r"<\*>(?:[ ,;:/|.=x+#-]{0,2}<\*>)+%?")
_QUOTED = re.compile(r"(?<![\w])(?:\"[^\"\x1f]{1,200}\"|'[^'\x1f]{1,200}')(?![\w])")
_LIST = re.compile(r"[\[({](?:[^\s\[\](){}]+[,;] ){1,64}[^\s\[\](){}]+[\])}]")
_PAIRS = re.compile(r"(?<=[,;&|])(?=[\w.-]+[=:][^\s=:])")

_REMEMBERED = 20_000
_LONGEST_REMEMBERED = 64


class Masker:
    """Masks messages; what it remembers of words is bounded."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def mask(self, message: str) -> str:
        """Return the words of `message` with one space between them, values replaced by `<*>`."""
        known = self._known.get
        return " ".join([known(word) or self._masked(word) for word in message.split()])

    def _masked(self, word: str) -> str:
        masked = masked_word(word)
        if len(word) <= _LONGEST_REMEMBERED:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[word] = masked
        return masked


def masked_word(token: str) -> str:
    """Return one word with its values replaced by `<*>`."""
    plain = _PLAIN.fullmatch(token)
    if plain is not None:
        start, slash, end = plain.groups("")
        return f"{start}{slash}{WILDCARD}{end}"
    if _WORTH_A_LOOK.search(token) is None:
        return token
    return _VARIABLE.sub(WILDCARD, token)


def words(masked: str, width: int) -> tuple[str, ...]:
    """Return the words that a masked text is grouped by, at most `width`: what spans several words is one."""
    text = _EMPTY.sub(_filled, masked)
    if WILDCARD in text:
        text = _UNIT.sub(_glued, _ROW.sub(WILDCARD, _DATE.sub(WILDCARD, text)))
    text = _LIST.sub(_glued, _QUOTED.sub(_glued, text))
    found: list[str] = []
    for word in text.split(" "):
        if found and word == found[-1] and WILDCARD in word:
            continue
        if word.count("=") > 1 and len(word) > 8:
            found.extend(_PAIRS.sub(" ", word).split(" "))
        else:
            found.append(word.replace(_GLUE, " ") if _GLUE in word else word)
        if len(found) > width:
            found[width:] = [WILDCARD]
            break
    return tuple(found)


def _filled(match: re.Match[str]) -> str:
    pair = match[0]
    return f"{pair[0]}{WILDCARD}{pair[-1]}"


def _glued(match: re.Match[str]) -> str:
    return match[0].replace(" ", _GLUE)
