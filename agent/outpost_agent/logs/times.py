"""Reads the timestamps of log lines.

A time that carries a zone is turned into UTC and written with `Z`. A time without a zone is kept as it was written,
without an offset: guessing a zone would move events. For arithmetic alone such a time counts as UTC. A time without
a year gets the latest year in which the log's first such time is not in the future; when the months then run back by
more than half a year (December to January), the year goes on by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Moment = tuple[float, str]
"""Seconds since 1970 and the same as ISO 8601."""

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_FRACTION_ZONE = re.compile(r"(?:[.,](\d{1,9}))?\s?(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?")
_ZONE = re.compile(r"([+-])(\d\d):?(\d\d)?")


class Clock:
    """Turns the timestamps of one file into moments; remembers the year it is in and the second it saw last.

    `now` bounds the year of times that have none; `assumed_year` tells the first year that was assumed, if any.
    """

    def __init__(self, now: datetime) -> None:
        self.assumed_year: int | None = None
        self._now = now.replace(tzinfo=UTC)
        self._year = 0
        self._month = 0
        self._head = ""
        self._moment: Moment | None = None

    def read(self, kind: str, text: str) -> Moment | None:
        """Return the moment that `text` of a `kind` of READERS names, or None where it is no real date."""
        try:
            return READERS[kind](self, text)
        except (ValueError, OverflowError, KeyError, IndexError):
            return None

    def iso(self, text: str) -> Moment | None:
        """Read `2015-10-18 18:01:47,978+01:00` in all its spellings."""
        head = text[:19]
        if head != self._head:
            self._head, self._moment = head, None
            self._moment = _moment(int(head[:4]), int(head[5:7]), int(head[8:10]), _hms(head[11:]))
        if len(text) == 19 or self._moment is None:
            return self._moment
        return _with_rest(self._moment, text[19:])

    def syslog(self, text: str) -> Moment | None:
        """Read `Jun 14 15:16:01`, with or without a fraction."""
        head = text[:15]
        if head != self._head:
            self._head, self._moment = head, None
            month, day, clock = text.split(None, 2)
            number = _MONTHS[month.lower()]
            self._moment = _moment(self._year_of(number, int(day)), number, int(day), _hms(clock))
        if len(text) == 15 or self._moment is None:
            return self._moment
        fraction = text[15:] if text[15:16] == "." else ""
        return _with_rest(self._moment, fraction)

    def month_day(self, text: str) -> Moment | None:
        """Read `03-17 16:13:38.811`, `0317 16:13:38.811` and `10.30 16:49:06`, which have no year."""
        digits = text.replace("-", "").replace(".", "", 1) if text[2] == "." else text.replace("-", "")
        month, day = int(digits[:2]), int(digits[2:4])
        moment = _moment(self._year_of(month, day), month, day, _hms(digits[5:13]))
        return _with_rest(moment, digits[13:])

    def apache(self, text: str) -> Moment | None:
        """Read `Sun Dec 04 04:47:44 2005`, also with a fraction after the seconds."""
        if text != self._head:
            self._head, self._moment = text, None
            _, month, day, clock, year = text.split()
            moment = _moment(int(year), _MONTHS[month.lower()], int(day), _hms(clock))
            self._moment = _with_rest(moment, clock[8:])
        return self._moment

    def access(self, text: str) -> Moment | None:
        """Read `10/Oct/2000:13:55:36 -0700`."""
        if text != self._head:
            self._head, self._moment = text, None
            moment = _moment(int(text[7:11]), _MONTHS[text[3:6].lower()], int(text[:2]), _hms(text[12:20]))
            self._moment = _with_rest(moment, text[20:])
        return self._moment

    def compact(self, text: str) -> Moment | None:
        """Read `081109 203615`, year first."""
        if text != self._head:
            self._head, self._moment = text, None
            number = int(text[:6])
            clock = int(text[-6:-4]), int(text[-4:-2]), int(text[-2:])
            self._moment = _moment(2000 + number // 10_000, number // 100 % 100, number % 100, clock)
        return self._moment

    def short_year(self, text: str) -> Moment | None:
        """Read `17/06/09 20:10:40`, year first."""
        return self.iso(f"20{text[:2]}-{text[3:5]}-{text[6:8]} {text[9:]}")

    def health(self, text: str) -> Moment | None:
        """Read `20171223-22:15:29:606` and `20171223 22:15:29`."""
        hour, minute, second, *fraction = re.split("[:.,]", text[9:])
        moment = _moment(int(text[:4]), int(text[4:6]), int(text[6:8]), (int(hour), int(minute), int(second)))
        return _with_rest(moment, f".{fraction[0]}" if fraction else "")

    def epoch(self, text: str) -> Moment | None:
        """Read seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their length."""
        whole, _, fraction = text.partition(".")
        seconds = int(whole) / 10 ** max(0, len(whole) - 10) + (float(f"0.{fraction}") if fraction else 0.0)
        if not 0 <= seconds < 7_258_118_400:
            return None
        return seconds, written(seconds) + "Z"

    def any(self, text: str) -> Moment | None:
        """Read a time whose kind is not known, such as a field's."""
        if text[4:5] == "-":
            return self.read("iso", text)
        for kind in ("epoch", "iso", "syslog", "apache", "access"):
            moment = self.read(kind, text)
            if moment is not None:
                return moment
        return None

    def none(self, _text: str) -> Moment | None:
        """Read nothing: the format has no time, or only one since the machine's start."""
        return None

    def _year_of(self, month: int, day: int) -> int:
        if not self._year:
            latest = self._now + timedelta(days=1)
            self._year = latest.year if (month, day) <= (latest.month, latest.day) else latest.year - 1
            while (month, day) == (2, 29) and self._year % 4:
                self._year -= 1
            self.assumed_year = self._year
        elif self._month - month > 6:
            self._year += 1
        elif month - self._month > 6:
            return self._year - 1
        self._month = month
        return self._year


READERS: dict[str, Callable[[Clock, str], Moment | None]] = {
    "iso": Clock.iso,
    "syslog": Clock.syslog,
    "month_day": Clock.month_day,
    "apache": Clock.apache,
    "access": Clock.access,
    "compact": Clock.compact,
    "short_year": Clock.short_year,
    "health": Clock.health,
    "epoch": Clock.epoch,
    "none": Clock.none,
}


def _hms(clock: str) -> tuple[int, int, int]:
    hour, minute, second = clock[:8].split(":")
    return int(hour), int(minute), int(second)


def _moment(year: int, month: int, day: int, clock: tuple[int, int, int]) -> Moment:
    """Return the moment of a date; a leap second counts as the second before it. Raises ValueError."""
    hour, minute, second = clock
    second = min(second, 59) if second <= 60 else second
    when = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return when.timestamp(), when.isoformat()[:19]


def _with_rest(moment: Moment, rest: str) -> Moment:
    """Return `moment` with the fraction and the zone of `rest` taken into account."""
    match = _FRACTION_ZONE.match(rest)
    if match is None:
        return moment
    seconds, text = moment
    fraction, zone = match.groups()
    if fraction:
        seconds += float(f"0.{fraction}")
        text = f"{text}.{fraction[:6]}"
    if not zone:
        return seconds, text
    offset = _offset(zone)
    if not offset:
        return seconds, text + "Z"
    shifted = (datetime.fromisoformat(text[:19]) - timedelta(seconds=offset)).isoformat()
    return seconds - offset, f"{shifted}{text[19:]}Z"


def _offset(zone: str) -> int:
    """Return the seconds that `zone` is ahead of UTC."""
    match = _ZONE.fullmatch(zone)
    if match is None:
        return 0
    sign, hours, minutes = match.groups()
    seconds = int(hours) * 3600 + int(minutes or 0) * 60
    return -seconds if sign == "-" else seconds


def written(seconds: float) -> str:
    """Return `seconds` since 1970 as ISO 8601 without an offset."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]


def seconds_of(time: str) -> float:
    """Return the seconds since 1970 of a time that this module wrote."""
    return datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()
