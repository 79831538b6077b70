"""Counts what happened when, and finds what is not as usual."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from math import floor
from typing import BinaryIO

import msgspec
import zstandard

from outpost_agent.logs import standardise
from outpost_agent.logs.analysis import ANALYSIS_FILE, SEVERITIES, Analysis, Anomaly, AnomalyKind, Severity, TemplateUse
from outpost_agent.logs.axis import Axis, order_axis, time_axis
from outpost_agent.logs.bursts import Burst, strongest_burst
from outpost_agent.logs.events import EVENTS_FILE, TEMPLATES_FILE
from outpost_agent.logs.headers import pattern_of
from outpost_agent.logs.levels import LEVELS, SERIOUS
from outpost_agent.logs.logins import HINT, Logins, Sighting
from outpost_agent.logs.mining.core import OTHER
from outpost_agent.logs.mining.values import Room, Values
from outpost_agent.logs.standardise import CHANGES_FILE, NO_CHANGES, Changes, Summary, TemplateRow
from outpost_agent.logs.times import seconds_of, written
from outpost_sdk.handler import File, Job, Outcome

KIND = "log.analyse"
NO_LEVEL = "none"
_BLOCK = 256 * 1024
_EXAMPLE_CHARACTERS = 500
_TEMPLATES_KEPT = 1000
_ANOMALIES_KEPT = 50
_PER_KIND = {"error_spike": 3, "burst": 15, "new": 15, "rare": 15}
_LOGINS_KEPT = 100
_LEAST_ERRORS = 5
_LEAST_BURST = 10
_LEAST_ORDINARY_BURST = 50
_STRONG = 12.0
_ABOVE_EXPECTED = 3
_MOST_ORDINARY_RARE = 10
_RARE = 2
_FEWEST_EVENTS = 200
_TROUBLE = re.compile(
    r"(?i)\b(?:error|fail(?:ed|ure|ing)?|fatal|panic|exception|crash(?:ed)?|abort(?:ed)?|denied|refused|corrupt(?:ed|ion)?"
    r"|timed? ?out|unreachable|killed|segfault|out of memory|no space left)\b"
)


class _Row(msgspec.Struct, gc=False):
    """What the analysis needs of an event."""

    line: int
    time: str | None
    level: str | None
    component: str
    message: str
    template: str
    source: str = ""


class _Use:
    """What is known of one template."""

    __slots__ = ("buckets", "count", "example", "first", "is_login", "is_troubling", "last", "level", "line", "row",
                 "source", "start", "values")  # fmt: skip

    def __init__(self, row: TemplateRow, axis: Axis, room: Room) -> None:
        self.row = row
        self.values = Values(row.template, room)
        self.buckets = array("L", bytes(array("L").itemsize * axis.count))
        self.count = 0
        self.start = 0
        self.first: str | None = None
        self.last: str | None = None
        self.level: str | None = None
        self.line = 0
        self.source = ""
        self.example = ""
        self.is_login = row.id == OTHER or HINT.search(row.template) is not None
        self.is_troubling = False


def analyse(job: Job) -> Outcome:
    """Read the events that log.standardise wrote and write analysis.json; takes no parameters."""
    summary = msgspec.convert(job.parent_data(standardise.KIND), Summary)
    with job.open_parent(standardise.KIND, TEMPLATES_FILE) as file:
        templates = msgspec.json.decode(file.read(), type=list[TemplateRow])
    with job.open_parent(standardise.KIND, CHANGES_FILE) as file:
        changes = msgspec.json.decode(file.read(), type=Changes)
    analyser = Analyser(summary, templates, changes)
    with job.open_parent(standardise.KIND, EVENTS_FILE) as file:
        for rows in _rows(file):
            analyser.add(rows)
            job.progress(analyser.events / max(1, summary.events))
    analysis = analyser.result()
    with job.create(ANALYSIS_FILE) as out:
        out.write(msgspec.json.encode(analysis))
    job.progress(1.0)
    return Outcome(
        data={"anomalies": sum(analysis.found.values()), "logins": analysis.login_sources},
        files=(File(ANALYSIS_FILE, "application/json"),),
    )


def _rows(file: BinaryIO) -> Iterator[list[_Row]]:
    """Yield the events of a packed events file in batches."""
    decode = msgspec.json.Decoder(_Row).decode_lines
    with zstandard.ZstdDecompressor().stream_reader(file) as lines:
        kept = b""
        while block := lines.read(_BLOCK):
            head, newline, tail = block.rpartition(b"\n")
            if newline:
                yield decode(kept + head)
                kept = tail
            else:
                kept += tail


class Analyser:
    """Counts events as they come and says at the end what stands out; memory does not grow with the log.

    Each template has a row of at most BUCKETS counters; everything else is bounded by the number of templates.
    """

    def __init__(self, summary: Summary, templates: Iterable[TemplateRow], changes: Changes = NO_CHANGES) -> None:
        self.events = 0
        self._summary = summary
        self._changes = changes
        room = Room()
        if summary.first is not None and summary.last is not None:
            self._axis = time_axis(summary.first, summary.last)
        else:
            self._axis = order_axis(summary.events)
        self._uses = {row.id: _Use(row, self._axis, room) for row in templates}
        self._other = _Use(TemplateRow(OTHER, "…", 0), self._axis, room)
        self._levels = {level: [0] * self._axis.count for level in (*LEVELS, NO_LEVEL)}
        self._errors = [0] * self._axis.count
        self._error_examples: dict[int, _Row] = {}
        self._logins = Logins()
        self._second = ""
        self._bucket = -1

    def add(self, rows: Iterable[_Row]) -> None:
        """Count the next events."""
        uses, other, levels = self._uses, self._other, self._levels
        for row in rows:
            self.events += 1
            use = uses.get(row.template, other)
            if use.count == 0:
                self._begin(use, row)
            use.count += 1
            time, level = row.time, row.level
            if time is not None:
                use.last = time
            bucket = self._bucket_of(time)
            if bucket >= 0:
                use.buckets[bucket] += 1
                levels[level or NO_LEVEL][bucket] += 1
                if level in SERIOUS or (level is None and use.is_troubling):
                    self._errors[bucket] += 1
                    if bucket not in self._error_examples:
                        self._error_examples[bucket] = row
            use.values.add(pattern_of(row.message))
            if use.is_login:
                self._logins.add(Sighting(row.message, _client(row), time, row.line, row.source))

    def result(self) -> Analysis:
        """Return the analysis of all events so far."""
        spikes = list(self._error_spikes())
        told = {anomaly.template for anomaly in spikes}
        bursts = [anomaly for anomaly in self._bursts() if anomaly.template not in told]
        found = [*spikes, *bursts, *self._new_and_rare()]
        found.sort(key=lambda anomaly: (SEVERITIES.index(anomaly.severity), -anomaly.score))
        suspicious = self._logins.suspicious()
        uses = sorted(self._used(), key=lambda use: -use.count)
        return Analysis(
            summary=self._summary,
            axis=self._axis,
            levels={level: counts for level, counts in self._levels.items() if any(counts)},
            templates=tuple(_template_use(use) for use in uses[:_TEMPLATES_KEPT]),
            anomalies=tuple(_most_telling(found)),
            found=dict(Counter(anomaly.kind for anomaly in found)),
            logins=tuple(suspicious[:_LOGINS_KEPT]),
            login_sources=len(suspicious),
            failed_logins=self._logins.total,
            dropped_sources=self._logins.dropped,
            changes=self._changes,
        )

    def _begin(self, use: _Use, row: _Row) -> None:
        use.first, use.level, use.line, use.source = row.time, row.level, row.line, row.source
        use.start = self.events
        use.example = row.message[:_EXAMPLE_CHARACTERS]
        if row.level is not None:
            use.is_troubling = row.level in SERIOUS
        elif not use.is_login:
            use.is_troubling = _TROUBLE.search(use.row.template) is not None

    def _bucket_of(self, time: str | None) -> int:
        """Return the bucket of an event, or -1 if it is off the axis."""
        axis = self._axis
        if not axis.is_time:
            return min((self.events - 1) // axis.width, axis.count - 1)
        if time is None:
            return -1
        second = time[:19]
        if second != self._second:
            self._second = second
            bucket = floor((seconds_of(second) - axis.start) / axis.width)
            self._bucket = bucket if 0 <= bucket < axis.count else -1
        return self._bucket

    def _used(self) -> Iterator[_Use]:
        yield from (use for use in self._uses.values() if use.count)
        if self._other.count:
            yield self._other

    def _error_spikes(self) -> Iterator[Anomaly]:
        counts = list(self._errors)
        for _ in range(_PER_KIND["error_spike"]):
            burst = strongest_burst(counts, _LEAST_ERRORS)
            if burst is None:
                return
            row = self._error_examples[burst.peak]
            use = self._uses.get(row.template, self._other)
            yield self._anomaly("error_spike", "high" if row.level == "fatal" else "medium", use, burst, row)
            counts[burst.start : burst.end] = [round(burst.usual)] * (burst.end - burst.start)

    def _bursts(self) -> Iterator[Anomaly]:
        """Yield the bursts of single templates; an ordinary message must burst clearly, and more than the log."""
        everything = [sum(counts) for counts in zip(*self._levels.values(), strict=True)]
        total = max(1, sum(everything))
        for use in self._used():
            if use.row.id == OTHER:
                continue
            burst = strongest_burst(use.buckets, _LEAST_BURST if use.is_troubling else _LEAST_ORDINARY_BURST)
            if burst is None:
                continue
            expected = sum(everything[burst.start : burst.end]) * use.count / total
            if use.is_troubling:
                yield self._anomaly("burst", "medium", use, burst)
            elif burst.score >= _STRONG and burst.count >= _ABOVE_EXPECTED * expected:
                yield self._anomaly("burst", "low", use, burst)

    def _new_and_rare(self) -> Iterator[Anomaly]:
        """Yield what came up late or once or twice; many rare ordinary messages are how the log is, and left out."""
        if self.events < _FEWEST_EVENTS:
            return
        rare: list[Anomaly] = []
        for use in self._used():
            if use.row.id == OTHER:
                continue
            if self._is_new(use):
                yield self._anomaly("new", "medium" if use.is_troubling else "low", use)
            elif use.count <= _RARE and use.is_troubling:
                yield self._anomaly("rare", "medium" if use.level == "fatal" else "low", use)
            elif use.count <= _RARE:
                rare.append(self._anomaly("rare", "low", use))
        if len(rare) <= _MOST_ORDINARY_RARE:
            yield from rare

    def _is_new(self, use: _Use) -> bool:
        """Return whether the template first came up in the last fifth, of time and of events."""
        if use.start <= self.events * 4 // 5:
            return False
        if not self._axis.is_time or use.first is None:
            return True
        return seconds_of(use.first) >= self._axis.at(self._axis.count * 4 // 5)

    def _anomaly(
        self, kind: AnomalyKind, severity: Severity, use: _Use, burst: Burst | None = None, row: _Row | None = None
    ) -> Anomaly:
        time, until = use.first, use.last
        if burst is not None:
            time, until = self._written(burst.start), self._written(burst.end)
        return Anomaly(
            kind=kind,
            severity=severity,
            template=use.row.id,
            text=use.row.template[:_EXAMPLE_CHARACTERS],
            level=use.level,
            time=time,
            until=until,
            count=burst.count if burst is not None else use.count,
            usual=burst.usual if burst is not None else 0.0,
            score=round(burst.score, 1) if burst is not None else (1.0 if use.is_troubling else 0.0),
            line=row.line if row is not None else use.line,
            source=row.source if row is not None else use.source,
            example=row.message[:_EXAMPLE_CHARACTERS] if row is not None else use.example,
        )

    def _written(self, bucket: int) -> str | None:
        if not self._axis.is_time:
            return None
        return written(self._axis.at(bucket)) + ("Z" if self._summary.zoned else "")


def _client(row: _Row) -> str:
    """Return the address that an access log's header names."""
    return row.component if row.message.startswith('"') else ""


def _template_use(use: _Use) -> TemplateUse:
    return TemplateUse(
        id=use.row.id,
        template=use.row.template,
        count=use.count,
        level=use.level,
        first=use.first,
        last=use.last,
        line=use.line,
        source=use.source,
        example=use.example,
        parts=use.values.parts(),
    )


def _most_telling(anomalies: Iterable[Anomaly]) -> list[Anomaly]:
    """Return the first anomalies of each kind, in their order."""
    taken: Counter[str] = Counter()
    kept = []
    for anomaly in anomalies:
        taken[anomaly.kind] += 1
        if taken[anomaly.kind] <= _PER_KIND[anomaly.kind]:
            kept.append(anomaly)
    return kept[:_ANOMALIES_KEPT]
