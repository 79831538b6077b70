"""Runs the chain of log analysis in this process, over plain folders and without a daemon."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO

import msgspec
import zstandard

from outpost_agent.logs import analyse, report, standardise
from outpost_agent.logs.analysis import ANALYSIS_FILE, Analysis, TemplateUse
from outpost_agent.logs.events import EVENTS_FILE, TEMPLATES_FILE
from outpost_agent.logs.mining.core import OTHER
from outpost_agent.logs.standardise import TemplateRow
from outpost_disk import replace_file
from outpost_sdk.handler import Input, Language, Outcome

_SHARE_OF_STANDARDISE = 0.65


class LocalJob:
    """A `Job` over a folder per task; parents are the folders and data of tasks that have run."""

    def __init__(
        self,
        folder: Path,
        *,
        files: Sequence[Path] = (),
        params: Mapping[str, Any] | None = None,
        language: Language = "en",
        parents: Mapping[str, tuple[Path, Mapping[str, Any]]] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        self.params: Mapping[str, Any] = dict(params or {})
        self.language: Language = language
        self.inputs = tuple(Input(path.name, path.stat().st_size) for path in files)
        self._folder = folder
        self._files = tuple(files)
        self._parents = dict(parents or {})
        self._progress = progress

    def open_input(self, index: int) -> BinaryIO:
        return self._files[index].open("rb")

    def open_parent(self, kind: str, name: str) -> BinaryIO:
        return (self._parents[kind][0] / name).open("rb")

    def parent_data(self, kind: str) -> Mapping[str, Any]:
        return self._parents[kind][1]

    def create(self, name: str) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        return (self._folder / name).open("w+b")

    def progress(self, done: float) -> None:
        if self._progress is not None:
            self._progress(done)


@dataclass(frozen=True, slots=True)
class Analysed:
    """What the chain made of a log; `seconds` is the time it took."""

    analysis: Analysis
    templates: tuple[TemplateRow, ...]
    outcome: Outcome
    folder: Path
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values: lines, templates (all), levels, anomalies (suspicious logins among them), seconds.

        A template has an example and its variable parts if it is among the most used ones. `changes` is there when the
        source has been analysed before.
        """
        logins = [{"kind": "login", **msgspec.to_builtins(login)} for login in self.analysis.logins]
        uses = {use.id: use for use in self.analysis.templates}
        changes = self.analysis.changes
        return {
            "lines": self.analysis.summary.lines,
            "events": self.analysis.summary.events,
            "templates": [msgspec.to_builtins(row) | _inside(uses.get(row.id)) for row in self.templates],
            "levels": self.analysis.summary.levels,
            "anomalies": logins + [msgspec.to_builtins(anomaly) for anomaly in self.analysis.anomalies],
            "seconds": round(self.seconds, 3),
        } | ({"changes": msgspec.to_builtins(changes)} if changes.runs else {})


def _inside(use: TemplateUse | None) -> dict[str, Any]:
    if use is None:
        return {}
    return {"example": use.example, "line": use.line, "parts": [msgspec.to_builtins(part) for part in use.parts]}


def analyse_file(
    paths: Path | Sequence[Path],
    folder: Path,
    language: Language = "en",
    *,
    assign: Path | None = None,
    model: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Analysed:
    """Analyse one or more files in `folder`, which gets a folder per step, and return what was found.

    `assign` is a CSV to write with the template of every line. `model` is what earlier runs learned of the same source;
    it is read if it is there and replaced at the end. Blocks for as long as it takes. Raises BadInput for a file that
    cannot be read as a log, or as a model, and OSError for one that cannot be opened.
    """
    started = perf_counter()
    files = [paths] if isinstance(paths, Path) else list(paths)
    params = {}
    if model is not None and model.exists():
        files.append(model)
        params["has_model"] = True
    tell = progress or (lambda _: None)
    share = _SHARE_OF_STANDARDISE
    first, second, third = (folder / name for name in ("standardise", "analyse", "report"))
    job = LocalJob(first, files=files, params=params, progress=lambda done: tell(done * share))
    one = standardise.standardise(job)
    parents = {standardise.KIND: (first, one.data)}
    two = analyse.analyse(LocalJob(second, parents=parents, progress=lambda done: tell(share + done * (0.98 - share))))
    parents[analyse.KIND] = (second, two.data)
    outcome = report.report(LocalJob(third, parents=parents, language=language))
    templates = msgspec.json.decode((first / TEMPLATES_FILE).read_bytes(), type=tuple[TemplateRow, ...])
    if assign is not None:
        with (first / EVENTS_FILE).open("rb") as events, assign.open("w", encoding="utf-8", newline="") as out:
            write_assignment(events, {row.id for row in templates}, out)
    analysis = msgspec.json.decode((second / ANALYSIS_FILE).read_bytes(), type=Analysis)
    if model is not None:
        replace_file(model, (first / standardise.MODEL_FILE).read_bytes())
    tell(1.0)
    return Analysed(analysis, templates, outcome, third, perf_counter() - started)


class _Lines(msgspec.Struct, gc=False):
    """What an event says about its lines."""

    line: int
    lines: int
    template: str
    source: str = ""


def write_assignment(events: BinaryIO, templates: set[str], out: io.TextIOBase) -> None:
    """Write `line,template_id` for every line of a packed events file, numbered from 1.

    With several files each numbers its lines from 1 and `source` stands before them. A template that is not in
    `templates` is the one of all forgotten ones.
    """
    rows = csv.writer(out, lineterminator="\n")
    decode = msgspec.json.Decoder(_Lines).decode
    with zstandard.ZstdDecompressor().stream_reader(events) as unpacked:
        for number, text in enumerate(io.TextIOWrapper(unpacked, encoding="utf-8", newline="\n")):
            event = decode(text)
            if number == 0:
                rows.writerow(["source", "line", "template_id"] if event.source else ["line", "template_id"])
            template = event.template if event.template in templates else OTHER
            for line in range(event.line, event.line + event.lines):
                rows.writerow([event.source, line, template] if event.source else [line, template])
