"""Brings logs of any usual format to one: a stream of events and the templates of their messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import msgspec
import zstandard

from outpost_agent.logs.drain import OTHER, Miner
from outpost_agent.logs.events import EVENTS_FILE, TEMPLATES_FILE, Event, Grouper, Tally
from outpost_agent.logs.headers import HeaderParser
from outpost_agent.logs.levels import LEVELS
from outpost_agent.logs.lines import LineReader
from outpost_agent.logs.times import Clock
from outpost_agent.logs.unpack import Counted
from outpost_sdk.handler import File, Job, Outcome
from outpost_wire.errors import BadInput

KIND = "log.standardise"
_ZSTD_LEVEL = 3


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What `standardise` hands to the tasks that depend on it.

    `first` and `last` (seconds since 1970) span the events that have a time, `dated` in all, but for `outliers` far
    away from the rest; `zoned` of them told their zone; `assumed_years` were taken for times without a year. `other`
    counts the events whose template was forgotten. `replaced`, `cut` and `shortened` count damaged characters, lines
    over 1 MiB and events whose text was shortened.
    """

    names: tuple[str, ...]
    lines: int
    events: int
    dated: int
    zoned: int
    outliers: int
    first: float | None
    last: float | None
    levels: dict[str, int]
    formats: dict[str, int]
    templates: int
    other: int
    assumed_years: tuple[int, ...]
    replaced: int
    cut: int
    shortened: int


class TemplateRow(msgspec.Struct, frozen=True):
    """A template as it stands in templates.json."""

    id: str
    template: str
    count: int


def standardise(job: Job) -> Outcome:
    """Write the events of all inputs and their templates.

    Takes no parameters but `now` (ISO 8601), the present for times without a year. Raises BadInput if an input cannot
    be read as a log.
    """
    if not job.inputs:
        raise BadInput("Send a log file to analyse.", "请发送要分析的日志文件。")
    now = datetime.fromisoformat(job.params["now"]) if "now" in job.params else datetime.now().astimezone()
    run = _Run(now)
    plain_bytes = _write_events(job, run)
    summary = run.summary(tuple(given.name for given in job.inputs))
    with job.create(TEMPLATES_FILE) as out:
        out.write(msgspec.json.encode(template_rows(run.miner)))
    job.progress(1.0)
    return Outcome(
        data=msgspec.to_builtins(summary),
        files=(
            File(EVENTS_FILE, "application/zstd", attach=True, plain_bytes=plain_bytes),
            File(TEMPLATES_FILE, "application/json"),
        ),
    )


def template_rows(miner: Miner) -> list[TemplateRow]:
    """Return the templates of `miner`, the most used first, and last the forgotten ones as one."""
    rows = [TemplateRow(found.id, found.text, found.count) for found in miner.templates()]
    rows.sort(key=lambda row: -row.count)
    if miner.other:
        rows.append(TemplateRow(OTHER, "…", miner.other))
    return rows


class _Run:
    """What is shared by the files of one run, and what was counted in them."""

    def __init__(self, now: datetime) -> None:
        self.miner = Miner()
        self._now = now
        self._tally = Tally()
        self._formats: Counter[str] = Counter()
        self._years: set[int] = set()
        self._lines = self._replaced = self._cut = self._shortened = 0

    def events(self, reader: LineReader, source: str) -> Iterator[list[Event]]:
        """Yield the events of one file in batches."""
        clock = Clock(self._now)
        parser = HeaderParser(clock)
        grouper = Grouper(parser, self.miner, self._tally, source)
        for batch in reader.batches():
            yield list(grouper.feed(batch))
        yield list(grouper.close())
        self._formats.update(parser.formats)
        if clock.assumed_year is not None:
            self._years.add(clock.assumed_year)
        self._lines += grouper.lines
        self._replaced += reader.replaced
        self._cut += reader.cut
        self._shortened += grouper.shortened

    def summary(self, names: tuple[str, ...]) -> Summary:
        """Return the figures of all files read so far."""
        tally = self._tally
        span = tally.span()
        return Summary(
            names=names,
            lines=self._lines,
            events=tally.events,
            dated=tally.dated,
            zoned=tally.zoned,
            outliers=tally.dated - span.count if span is not None else 0,
            first=span.first if span is not None else None,
            last=span.last if span is not None else None,
            levels={level: tally.levels[level] for level in LEVELS if tally.levels[level]},
            formats=dict(self._formats.most_common(20)),
            templates=len(list(self.miner.templates())),
            other=self.miner.other,
            assumed_years=tuple(sorted(self._years)),
            replaced=self._replaced,
            cut=self._cut,
            shortened=self._shortened,
        )


def _write_events(job: Job, run: _Run) -> int:
    """Write the events and return how many bytes they are before compression."""
    plain_bytes = 0
    encode = msgspec.json.Encoder().encode_lines
    several = len(job.inputs) > 1
    compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
    with job.create(EVENTS_FILE) as out, compressor.stream_writer(out, closefd=False) as packed:
        for index, given in enumerate(job.inputs):
            with job.open_input(index) as file:
                counted = Counted(file)
                for events in run.events(LineReader(counted, given.name), given.name if several else ""):
                    lines = encode(events)
                    packed.write(lines)
                    plain_bytes += len(lines)
                    job.progress(_share_done(job, index, counted.count))
    return plain_bytes


def _share_done(job: Job, index: int, read: int) -> float:
    """Return how much of all inputs is read, counted in bytes as far as their sizes are known."""
    sizes = [max(0, given.size) for given in job.inputs]
    total = sum(sizes)
    if not total:
        return index / len(sizes)
    return min(1.0, (sum(sizes[:index]) + min(read, sizes[index])) / total)
