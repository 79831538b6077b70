"""Which parts of a kind of message vary, and over what: numbers from least to most, or the values met most often.

A template becomes a pattern that takes its constant words in order, each at the first place it can be, without ever
going back; so a message is read in linear time, and one that does not fit is left out and not counted in `seen`.
"""

from __future__ import annotations

import re

import msgspec

from outpost_agent.logs.mining.masks import WILDCARD

PARTS_LIMIT = 12
_DIFFERENT = 64
_DIFFERENT_IN_ALL = 60_000
_EXAMPLES = 3
_VALUE_CHARACTERS = 60
_MESSAGE_CHARACTERS = 2048
_NUMBER = re.compile(r"([-+]?\d{1,18}(?:\.\d{1,18})?)(?:\s?([A-Za-z\u00b5%][A-Za-z/]{0,11}))?", re.ASCII)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A variable part, in the template's order.

    `seen` values were looked at, `different` of them told apart (`more`: at least so many). Where all are numbers of
    one `unit` (which may be empty), they lie from `least` to `most`. `examples` are the most frequent values.
    """

    seen: int
    different: int
    more: bool
    least: float | None
    most: float | None
    unit: str
    examples: tuple[str, ...]


class Room:
    """How many more different values may be kept, by all templates of a log together."""

    __slots__ = ("left",)

    def __init__(self, values: int = _DIFFERENT_IN_ALL) -> None:
        self.left = values


class Values:
    """Collects the values of one template's variable parts, as long as there is `room` for them."""

    def __init__(self, template: str, room: Room) -> None:
        self._pattern = _pattern(template)
        self._places = [_Place(room) for _ in range(self._pattern.groups)] if self._pattern is not None else []

    def add(self, message: str) -> None:
        """Note the values of the first line of a message of this template."""
        if self._pattern is None:
            return
        line = message[:_MESSAGE_CHARACTERS].partition("\n")[0]
        if "  " in line or "\t" in line or line[:1] == " " or line[-1:] == " ":
            line = " ".join(line.split())
        match = self._pattern.match(line)
        if match is not None:
            for place, value in zip(self._places, match.groups(), strict=True):
                place.add(value)

    def parts(self) -> tuple[Part, ...]:
        """Return what is known of the parts of which a value was seen."""
        return tuple(place.part() for place in self._places if place.seen)


class _Place:
    __slots__ = ("is_number", "least", "more", "most", "room", "seen", "unit", "values")

    def __init__(self, room: Room) -> None:
        self.room = room
        self.seen = 0
        self.values: dict[str, int] = {}
        self.more = False
        self.is_number = True
        self.unit: str | None = None
        self.least = self.most = 0.0

    def add(self, value: str) -> None:
        self.seen += 1
        shown = value[:_VALUE_CHARACTERS]
        before = self.values.get(shown)
        if before is not None:
            self.values[shown] = before + 1
            if len(value) <= _VALUE_CHARACTERS:
                return
        elif len(self.values) < _DIFFERENT and self.room.left:
            self.room.left -= 1
            self.values[shown] = 1
        else:
            self.more = True
        if not self.is_number:
            return
        match = _NUMBER.fullmatch(value)
        if match is None or (self.unit is not None and self.unit != (match[2] or "")):
            self.is_number = False
            return
        number = float(match[1])
        self.least = number if self.unit is None else min(self.least, number)
        self.most = number if self.unit is None else max(self.most, number)
        self.unit = match[2] or ""

    def part(self) -> Part:
        most_frequent = sorted(self.values.items(), key=lambda row: (-row[1], row[0]))[:_EXAMPLES]
        return Part(
            seen=self.seen,
            different=len(self.values),
            more=self.more,
            least=self.least if self.is_number else None,
            most=self.most if self.is_number else None,
            unit=(self.unit or "") if self.is_number else "",
            examples=tuple(value for value, _ in most_frequent),
        )


def _pattern(template: str) -> re.Pattern[str] | None:
    """Return a pattern with a group for each of the first variable parts, or None if there is none."""
    pieces = template.split(WILDCARD)
    if len(pieces) < 2:
        return None
    pieces = pieces[: PARTS_LIMIT + 1]
    whole = _literal(pieces[0])
    for piece in pieces[1:-1]:
        whole += rf"(?>(.*?){_literal(piece)})"
    is_cut = template.count(WILDCARD) > PARTS_LIMIT
    last = _literal(pieces[-1])
    whole += rf"(?>(.*?){last})" if is_cut else rf"(.*?){last}\Z"
    return re.compile(whole)


def _literal(text: str) -> str:
    """Return the pattern of constant text; where the grouping parted `a=1,b=2`, no space need be."""
    return re.sub(r"(?<=[,;&|])\\ ", r"\\ ?", re.escape(text))
