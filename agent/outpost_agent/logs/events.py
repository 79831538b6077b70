"""The event, the unit that logs are standardised to, and how lines become events.

A line with a header begins an event. A line without one stays with the event before it if that event began with a
header (a stack trace, a wrapped message) or if the line is indented; else it is an event of its own. Blank lines stay
with the event before them, those at the start of a file with its first event. So every line belongs to exactly one
event and the lines of an event follow one another. An event that has reached its limit of lines takes only blank ones;
text past its limit of characters is dropped and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from outpost_agent.logs.headers import Header, HeaderParser
from outpost_agent.logs.mining.core import Miner

EVENT_LINES = 500
EVENT_CHARACTERS = 64 * 1024
EVENTS_FILE = "events.jsonl.zst"
TEMPLATES_FILE = "templates.json"
_DAY = 86_400


class Event(msgspec.Struct, gc=False, omit_defaults=True):
    """One event of a log.

    `line` is the number of its first line in its file, from 1; `lines` how many lines it takes; `time` is ISO 8601,
    with `Z` if the log told the zone and without an offset if not; `level` one of levels.LEVELS; `template` the id of
    its template (an id that templates.json lacks counts as `T0`), or the miner's mark as long as not all events are
    read; `source` the file, if there are several.
    """

    line: int
    lines: int
    time: str | None
    level: str | None
    component: str
    message: str
    template: str
    source: str = ""


class Span(msgspec.Struct):
    """Events near one another in time: how many, and the seconds since 1970 of the first and the last."""

    count: int
    first: float
    last: float


class Tally:
    """Counts all events by level and by day; the number of days it tells apart is bounded."""

    def __init__(self, days: int = 4000) -> None:
        self.events = 0
        self.dated = 0
        self.zoned = 0
        self.levels: Counter[str] = Counter()
        self._days: dict[int, Span] = {}
        self._limit = days

    def add(self, level: str | None, seconds: float | None, time: str | None) -> None:
        """Count an event with the level and time of its header."""
        self.events += 1
        if level is not None:
            self.levels[level] += 1
        if seconds is None or time is None:
            return
        self.dated += 1
        if time[-1] == "Z":
            self.zoned += 1
        day = int(seconds // _DAY)
        span = self._days.get(day)
        if span is not None:
            span.count += 1
            if seconds < span.first:
                span.first = seconds
            elif seconds > span.last:
                span.last = seconds
        elif len(self._days) < self._limit:
            self._days[day] = Span(1, seconds, seconds)

    def span(self) -> Span | None:
        """Return the time that the log covers, or None if no event has a time.

        Times that are 30 days or more away from the rest and fewer than one in a hundred are left out: a clock that
        was wrong for a moment must not squeeze the log into a corner of its own plot.
        """
        clusters: list[Span] = []
        for _, day in sorted(self._days.items()):
            if clusters and day.first - clusters[-1].last < 30 * _DAY:
                clusters[-1].count += day.count
                clusters[-1].last = day.last
            else:
                clusters.append(Span(day.count, day.first, day.last))
        kept = [cluster for cluster in clusters if cluster.count * 100 >= self.dated]
        if not kept:
            return None
        return Span(sum(cluster.count for cluster in kept), kept[0].first, kept[-1].last)


class Grouper:
    """Turns the lines of one file into events; owns no file."""

    def __init__(self, parser: HeaderParser, miner: Miner, tally: Tally, source: str = "") -> None:
        self.lines = 0
        self.shortened = 0
        self._parser = parser
        self._miner = miner
        self._tally = tally
        self._source = source
        self._open: Event | None = None
        self._has_header = False
        self._more: list[str] = []
        self._room = 0
        self._blank = 0

    def feed(self, lines: Iterable[str]) -> Iterator[Event]:
        """Take the next lines and yield the events that are complete."""
        parse = self._parser.parse
        for line in lines:
            self.lines += 1
            header = parse(line)
            current = self._open
            if header is None and current is not None and self._continues(current, line):
                current.lines += 1
                self._append(line)
                continue
            if header is None and not line.strip():
                self._blank += 1
                continue
            if current is not None:
                yield self._closed(current)
            self._begin(line, header)

    def close(self) -> Iterator[Event]:
        """Yield the last event."""
        if self._open is not None:
            yield self._closed(self._open)
            self._open = None

    def _continues(self, current: Event, line: str) -> bool:
        if not line or line.isspace():
            return True
        return current.lines < EVENT_LINES and (self._has_header or line[0] in " \t")

    def _begin(self, line: str, header: Header | None) -> None:
        self._has_header = header is not None
        if header is None:
            seconds = time = level = None
            component, message, pattern = "", line, line
        else:
            seconds, time, level = header.seconds, header.time, header.level
            component, message, pattern = header.component, header.message, header.pattern
        if len(message) > EVENT_CHARACTERS:
            message = message[:EVENT_CHARACTERS]
            self.shortened += 1
        self._room = EVENT_CHARACTERS - len(message)
        self._tally.add(level, seconds, time)
        mark = self._miner.add(pattern)
        first = self.lines - self._blank
        self._open = Event(first, 1 + self._blank, time, level, component[:200], message, mark, self._source)
        self._blank = 0

    def _append(self, line: str) -> None:
        text = line.rstrip()
        if not text or self._room <= 1:
            return
        if len(text) >= self._room:
            self.shortened += 1
        self._more.append(text[: self._room - 1])
        self._room -= len(text) + 1

    def _closed(self, event: Event) -> Event:
        if self._more:
            event.message = "\n".join((event.message, *self._more))
            self._more = []
        return event
