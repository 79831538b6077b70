"""Brings logs of any usual format to one: a stream of events and the templates of their messages.

Which messages are of one kind is known when all were read. So the events are written twice: first to a scratch file,
with the miner's marks, then to the file that is kept, with the ids of their templates in place of the marks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import BinaryIO

import msgspec
import zstandard

from outpost_agent.logs.events import EVENTS_FILE, TEMPLATES_FILE, Event, Grouper, Tally
from outpost_agent.logs.headers import HeaderParser
from outpost_agent.logs.levels import LEVELS
from outpost_agent.logs.lines import LineReader
from outpost_agent.logs.mining.core import OTHER, Mined, Miner
from outpost_agent.logs.mining.model import MODEL_LIMIT_BYTES, Model, encoded, parse_model
from outpost_agent.logs.times import Clock
from outpost_agent.logs.unpack import Counted
from outpost_sdk.handler import File, Job, Outcome
from outpost_wire.errors import BadInput

KIND = "log.standardise"
MODEL_FILE = "model.json.zst"
CHANGES_FILE = "changes.json"
_ZSTD_LEVEL = 3
_SCRATCH_FILE = "events.scratch"
_SCRATCH_ZSTD_LEVEL = 1
_BLOCK = 256 * 1024
_SHARE_OF_READING = 0.9
_MARK = re.compile(rb'"template":"(S[0-9]+)"')
_CHANGES_KEPT = 500


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


class Changes(msgspec.Struct, frozen=True):
    """How this run differs from the `runs` before it on the same source; without any, nothing is new or gone.

    `new` are ids of templates that were in none of them, `gone` the templates that the run before had and this one has
    not, with their events in that run; at most so many are kept, of `new_count` and `gone_count` in all.
    """

    runs: int
    new: tuple[str, ...]
    new_count: int
    gone: tuple[TemplateRow, ...]
    gone_count: int


NO_CHANGES = Changes(0, (), 0, (), 0)


def standardise(job: Job) -> Outcome:
    """Write the events of all inputs, their templates, and the model of their source.

    Takes no parameters but `now` (ISO 8601), the present for times without a year, and `has_model`: then the last input
    is the model that the run before wrote. Raises BadInput if an input cannot be read as a log, or as a model; but one
    that the device kept for a `source`, which its person has not chosen and cannot mend, then counts as none.
    """
    model = _given_model(job)
    logs = len(job.inputs) - (model is not None)
    if logs < 1:
        raise BadInput("Send a log file to analyse.", "请发送要分析的日志文件。")
    now = datetime.fromisoformat(job.params["now"]) if "now" in job.params else datetime.now().astimezone()
    run = _Run(now, model)
    with job.create(_SCRATCH_FILE) as scratch:
        marked_bytes = _read(job, run, logs, scratch)
        mined = run.miner.result()
        plain_bytes = _write_events(job, scratch, marked_bytes, mined.template_of)
        scratch.truncate(0)
    summary = run.summary(tuple(given.name for given in job.inputs[:logs]), mined)
    _write(job, TEMPLATES_FILE, msgspec.json.encode(template_rows(mined)))
    _write(job, CHANGES_FILE, msgspec.json.encode(_changes(mined)))
    _write(job, MODEL_FILE, zstandard.compress(encoded(run.miner.model()), _ZSTD_LEVEL))
    job.progress(1.0)
    return Outcome(
        data=msgspec.to_builtins(summary),
        files=(
            File(EVENTS_FILE, "application/zstd", attach=True, plain_bytes=plain_bytes),
            File(TEMPLATES_FILE, "application/json"),
            File(MODEL_FILE, "application/zstd", learns=True),
        ),
    )


def template_rows(mined: Mined) -> list[TemplateRow]:
    """Return the templates that were found, the most used first, and last the forgotten ones as one."""
    rows = [TemplateRow(found.id, found.text, found.count) for found in mined.templates]
    if mined.other:
        rows.append(TemplateRow(OTHER, "…", mined.other))
    return rows


def unpacked_model(data: bytes, name: str) -> Model:
    """Return the model in a file that `standardise` wrote; raises BadInput, which calls it `name`."""
    try:
        is_bounded = 0 < zstandard.frame_content_size(data) <= MODEL_LIMIT_BYTES
        plain = zstandard.decompress(data) if is_bounded else b""
    except zstandard.ZstdError:
        plain = b""
    return parse_model(plain, name)


class _Run:
    """What is shared by the files of one run, and what was counted in them."""

    def __init__(self, now: datetime, model: Model | None) -> None:
        self.miner = Miner(model)
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

    def summary(self, names: tuple[str, ...], mined: Mined) -> Summary:
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
            templates=len(mined.templates),
            other=mined.other,
            assumed_years=tuple(sorted(self._years)),
            replaced=self._replaced,
            cut=self._cut,
            shortened=self._shortened,
        )


def _given_model(job: Job) -> Model | None:
    if not job.params.get("has_model") or not job.inputs:
        return None
    last = len(job.inputs) - 1
    with job.open_input(last) as file:
        data = file.read(MODEL_LIMIT_BYTES)
    try:
        return unpacked_model(data, job.inputs[last].name)
    except BadInput:
        if not job.params.get("source"):
            raise
        return Model()


def _read(job: Job, run: _Run, logs: int, scratch: BinaryIO) -> int:
    """Write the events with their marks and return how many bytes they are before compression."""
    marked_bytes = 0
    encode = msgspec.json.Encoder().encode_lines
    compressor = zstandard.ZstdCompressor(level=_SCRATCH_ZSTD_LEVEL)
    with compressor.stream_writer(scratch, closefd=False) as packed:
        for index, given in enumerate(job.inputs[:logs]):
            with job.open_input(index) as file:
                counted = Counted(file)
                for events in run.events(LineReader(counted, given.name), given.name if logs > 1 else ""):
                    lines = encode(events)
                    packed.write(lines)
                    marked_bytes += len(lines)
                    job.progress(_SHARE_OF_READING * _share_done(job, logs, index, counted.count))
    return marked_bytes


def _write_events(job: Job, scratch: BinaryIO, marked_bytes: int, template_of: Mapping[str, str]) -> int:
    """Write the events of the scratch file with the ids of their templates; return their bytes before compression."""
    scratch.seek(0)
    named = _namer(template_of)
    done = plain_bytes = 0
    compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
    with job.create(EVENTS_FILE) as out, compressor.stream_writer(out, closefd=False) as packed:
        for lines in _whole_lines(scratch):
            plain = _MARK.sub(named, lines)
            packed.write(plain)
            plain_bytes += len(plain)
            done += len(lines)
            job.progress(_SHARE_OF_READING + (1 - _SHARE_OF_READING) * done / max(1, marked_bytes))
    return plain_bytes


def _namer(template_of: Mapping[str, str]) -> Callable[[re.Match[bytes]], bytes]:
    """Return what replaces a mark by the id of its template.

    The pattern cannot fit inside a message: there, every quote has a backslash before it.
    """
    fields = {mark.encode(): f'"template":"{name}"'.encode() for mark, name in template_of.items()}
    other = f'"template":"{OTHER}"'.encode()
    return lambda match: fields.get(match[1], other)


def _whole_lines(packed: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a packed file in blocks that end with a line."""
    kept: list[bytes] = []
    with zstandard.ZstdDecompressor().stream_reader(packed, closefd=False) as file:
        while block := file.read(_BLOCK):
            head, newline, tail = block.rpartition(b"\n")
            if newline:
                yield b"".join((*kept, head, newline))
                kept = []
            kept.append(tail)


def _changes(mined: Mined) -> Changes:
    gone = sorted(mined.gone, key=lambda template: (-template.last, template.text))
    return Changes(
        runs=mined.runs,
        new=mined.new[:_CHANGES_KEPT],
        new_count=len(mined.new),
        gone=tuple(TemplateRow(found.id, found.text, found.last) for found in gone[:_CHANGES_KEPT]),
        gone_count=len(gone),
    )


def _write(job: Job, name: str, data: bytes) -> None:
    with job.create(name) as out:
        out.write(data)


def _share_done(job: Job, logs: int, index: int, read: int) -> float:
    """Return how much of all logs is read, counted in bytes as far as their sizes are known."""
    sizes = [max(0, given.size) for given in job.inputs[:logs]]
    total = sum(sizes)
    if not total:
        return index / len(sizes)
    return min(1.0, (sum(sizes[:index]) + min(read, sizes[index])) / total)
