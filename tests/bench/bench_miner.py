"""The log miner's benchmark: `python -m tests.bench.bench_miner [--quick] [--json] [--search]`; see docs/bench-logs.md.

Grouping accuracy (J. Zhu et al.: "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019) on the data sets
under `../shared/data/loghub`, raw lines in, beside the published figures of Drain and Brain; the same with the setting
chosen on the other data sets (leave-one-out); lines per CPU second of mining alone and of the whole analysis; and the
memory of a worker process on a log of 1 GB. A data set that is not there is left out and named.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from outpost_agent.logs.headers import HeaderParser
from outpost_agent.logs.mining.core import OTHER, Miner
from outpost_agent.logs.mining.grouping import SETTING, Setting, Shape, groups
from outpost_agent.logs.mining.masks import Masker, words
from outpost_agent.logs.times import Clock
from tests.bench.logs_of import write_log
from tests.bench.machine import machine
from tests.bench.table import Budget
from tests.support.grouping import grouping_accuracy
from tests.support.logs_like import LIKE, lines_like

LOGHUB = Path(__file__).parents[3] / "shared" / "data" / "loghub"
PUBLISHED = {  # per data set, given its header format and its own settings: Drain, Brain
    "HDFS": (0.998, 0.998),
    "Hadoop": (0.948, 0.949),
    "Spark": (0.920, 0.998),
    "Linux": (0.690, 0.996),
    "Mac": (0.787, 0.942),
    "Apache": (1.000, 1.000),
}
ACCURACY = Budget("Grouping accuracy", "", 0.93, 0.98, more=True)
SPACE = tuple(
    Setting(words=of_words, names=of_names, capitals=of_capitals, masked=masked)
    for of_words, of_names, of_capitals, masked in itertools.product(
        (3, 4, 5, 6, 8), (2, 3, 4, 5, 8), (3, 5, 7, 10, 14), (0.05, 0.2, 0.5, 2.0)
    )
)
"""What leave-one-out chooses from: 500 settings; in some of them names, capitals or masked values count for nothing."""

_CHILD = """
import json, sys, tempfile, time
from pathlib import Path
from outpost_agent.logs.local import analyse_file
began = time.process_time()
with tempfile.TemporaryDirectory() as folder:
    analysed = analyse_file(Path(sys.argv[1]), Path(folder))
cpu_s = time.process_time() - began
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps({
    "cpu_s": cpu_s,
    "peak_mb": int(status["VmHWM"].split()[0]) * 1024 / 1e6,
    "lines": analysed.analysis.summary.lines,
    "templates": analysed.analysis.summary.templates,
}))
"""


@dataclass(frozen=True, slots=True)
class DataSet:
    """Raw lines with the true kind of each."""

    name: str
    lines: tuple[str, ...]
    truth: tuple[str, ...]


def data_sets() -> Iterator[DataSet]:
    """Yield the published data sets that are there."""
    for name in PUBLISHED:
        log = LOGHUB / name / f"{name}_2k.log"
        if log.exists():
            with log.with_name(f"{log.name}_structured.csv").open(encoding="utf-8", newline="") as file:
                truth = tuple(row["EventId"] for row in csv.DictReader(file))
            yield DataSet(name, tuple(log.read_text(encoding="utf-8").split("\n")[: len(truth)]), truth)


def messages_of(lines: Sequence[str]) -> list[str]:
    """Return what is mined of each line."""
    parser = HeaderParser(Clock(datetime(2026, 1, 1, tzinfo=UTC)))
    headers = map(parser.parse, lines)
    return [line if header is None else header.pattern for line, header in zip(lines, headers, strict=True)]


def mined(messages: Sequence[str]) -> list[str]:
    """Return the id of the template of each message."""
    miner = Miner()
    marks = [miner.add(message) for message in messages]
    template_of = miner.result().template_of
    return [template_of.get(mark, OTHER) for mark in marks]


def accuracy(data: DataSet) -> float:
    """Return the grouping accuracy on one data set."""
    return grouping_accuracy(data.truth, mined(messages_of(data.lines)))


def choices(found: Sequence[DataSet]) -> dict[Setting, dict[str, float]]:
    """Return the accuracy of every setting of SPACE on every data set."""
    masker = Masker()
    shapes: dict[str, list[Shape]] = {
        data.name: [words(masker.mask(message), 128) for message in messages_of(data.lines)] for data in found
    }
    counts = {name: Counter(of_lines) for name, of_lines in shapes.items()}
    return {
        setting: {
            data.name: grouping_accuracy(data.truth, _labels(shapes[data.name], counts[data.name], setting))
            for data in found
        }
        for setting in (SETTING, *SPACE)
    }


def _labels(shapes: Sequence[Shape], counts: Mapping[Shape, int], setting: Setting) -> list[str]:
    of = {shape: str(number) for number, group in enumerate(groups(counts, setting)) for shape in group}
    return [of[shape] for shape in shapes]


def left_out(measured: Mapping[Setting, Mapping[str, float]], name: str) -> tuple[Setting, float]:
    """Return a best setting on all data sets but `name` and its accuracy on `name`; of equally good ones the worst."""

    def on_others(setting: Setting) -> float:
        return round(sum(value for data, value in measured[setting].items() if data != name), 6)

    best = max(map(on_others, measured))
    equal = [setting for setting in measured if on_others(setting) == best]
    worst = min(equal, key=lambda setting: measured[setting][name])
    return worst, measured[worst][name]


def speed_of_mining(lines: Sequence[str]) -> float:
    """Return the lines that the miner takes in a CPU second: headers are off already, nothing is written."""
    messages = messages_of(lines)
    miner = Miner()
    began = time.process_time()
    for message in messages:
        miner.add(message)
    miner.result()
    return len(messages) / (time.process_time() - began)


def whole(log: Path) -> dict[str, float]:
    """Analyse a file in a process of its own and return lines, CPU seconds, most memory and templates."""
    printed = subprocess.run([sys.executable, "-c", _CHILD, str(log)], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(printed.stdout)
    return figures


def varied(name: str, count: int) -> list[str]:
    """Return `count` lines of a data set in their order, again and again, each with its digits mapped to others."""
    chance = random.Random(5)
    (data,) = [data for data in data_sets() if data.name == name]
    heads = 25  # the header's digits stay, so that it stays one
    made = []
    for line in itertools.islice(itertools.cycle(data.lines), count):
        order = "".join(chance.sample("123456789", 9))
        made.append(line[:heads] + line[heads:].translate(str.maketrans("123456789", order)))
    return made


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_miner")
    parser.add_argument("--quick", action="store_true", help="a log of 50 MB instead of 1 GB")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    found = list(data_sets())
    report: dict[str, Any] = {"machine": machine(), "load_before": load, "setting": asdict(SETTING)}
    report["accuracy"] = {data.name: accuracy(data) for data in found}
    measured = choices(found) if found else {}
    report["left_out"] = {data.name: left_out(measured, data.name) for data in found}
    report["like"] = {name: _accuracy_like(name) for name in LIKE}
    report["mining"] = {data.name: speed_of_mining(varied(data.name, 100_000)) for data in found}
    report["analyse"], report["memory"] = {}, {}
    with tempfile.TemporaryDirectory(prefix="outpost-bench-") as folder:
        log = Path(folder) / "bench.log"
        for data in found:
            log.write_text("\n".join(varied(data.name, 100_000)) + "\n", encoding="utf-8")
            report["analyse"][data.name] = _rate(whole(log))
        for size in (10_000_000, 50_000_000 if arguments.quick else 1_000_000_000):
            write_log(log, size)
            report["memory"][size] = whole(log)
    if arguments.json:
        print(json.dumps(report, default=asdict))
    else:
        print("\n".join(_written(report)))
    return 0


def _accuracy_like(name: str) -> float:
    lines = lines_like(name, 2000)
    return grouping_accuracy([kind for _, kind in lines], mined(messages_of([line for line, _ in lines])))


def _rate(figures: Mapping[str, float]) -> float:
    return figures["lines"] / figures["cpu_s"]


def _written(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the report as Markdown."""
    found: Mapping[str, float] = report["accuracy"]
    yield f"{report['machine']}; load before: {report['load_before']:.1f}. Setting: {report['setting']}.\n"
    missing = PUBLISHED.keys() - found.keys()
    if missing:
        yield f"Not there, so left out: {', '.join(sorted(missing))} (looked in {LOGHUB}).\n"
    if found:
        yield "| Data set | Outpost | Drain | Brain | Left out | Mining, lines/CPU s | `analyse`, lines/CPU s |"
        yield "|:--|--:|--:|--:|--:|--:|--:|"
        for name, value in found.items():
            drain, brain = PUBLISHED[name]
            yield (
                f"| {name} | {value:.4f} | {drain:.3f} | {brain:.3f} | {report['left_out'][name][1]:.4f} "
                f"| {report['mining'][name]:,.0f} | {report['analyse'][name]:,.0f} |"
            )
        mean, others = _mean(found.values()), [_mean(PUBLISHED[name][which] for name in found) for which in (0, 1)]
        out = _mean(chosen[1] for chosen in report["left_out"].values())
        yield (
            f"| **Mean** | **{mean:.4f}** | {others[0]:.3f} | {others[1]:.3f} | {out:.4f} "
            f"| {_mean(report['mining'].values()):,.0f} | {_mean(report['analyse'].values()):,.0f} |"
        )
        verdict = ACCURACY.verdict(mean)
        yield f"\nGate {ACCURACY.gate}, stretch {ACCURACY.stretch}: {verdict}. Chosen when left out: " + (
            "; ".join(f"{name} {_brief(chosen[0])}" for name, chosen in report["left_out"].items()) + ".\n"
        )
    yield "| In the style of | " + " | ".join(report["like"]) + " |"
    yield "|:--|" + "--:|" * len(report["like"])
    yield "| our own samples | " + " | ".join(f"{value:.3f}" for value in report["like"].values()) + " |\n"
    yield "| Whole `analyse` of | Lines | Lines/CPU s | Most memory | Kinds |"
    yield "|:--|--:|--:|--:|--:|"
    for size, figures in report["memory"].items():
        yield (
            f"| {size / 1e6:,.0f} MB | {figures['lines']:,.0f} | {_rate(figures):,.0f} "
            f"| {figures['peak_mb']:.1f} MB | {figures['templates']} |"
        )


def _brief(setting: Setting) -> str:
    return f"{setting.words}/{setting.names}/{setting.capitals}/{setting.masked:g}"


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


if __name__ == "__main__":
    sys.exit(main())
