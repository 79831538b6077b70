"""The chain in one process: figures, the assignment, several files, and real logs."""

from __future__ import annotations

import csv
import gzip
import json
import resource
from collections import Counter
from pathlib import Path

import pytest
import zstandard

from outpost_agent.logs.local import LocalJob, analyse_file
from outpost_agent.logs.mining.core import OTHER, Miner
from outpost_agent.logs.mining.templates import id_of
from outpost_agent.logs.standardise import standardise, template_rows
from outpost_wire.errors import BadInput
from tests.support.grouping import grouping_accuracy

LOGHUB = Path(__file__).parents[5] / "shared" / "data" / "loghub"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def loghub(name: str) -> tuple[Path, list[dict[str, str]]]:
    log = LOGHUB / name / f"{name}_2k.log"
    if not log.exists():
        pytest.skip(f"the data set {name} is missing: {log}")
    return log, rows(log.with_name(f"{log.name}_structured.csv"))


def test_every_line_is_assigned_once(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text(
        "\n2024-01-02 10:00:00 ERROR boom 1\n  at x\n\n2024-01-02 10:00:01 ERROR boom 2\n2024-01-02 10:00:02 INFO fine",
        encoding="utf-8",
    )
    result = analyse_file(log, tmp_path / "work", assign=tmp_path / "out.csv")
    boom, fine = id_of("boom <*>"), id_of("fine")
    assert (tmp_path / "out.csv").read_text() == (
        f"line,template_id\n1,{boom}\n2,{boom}\n3,{boom}\n4,{boom}\n5,{boom}\n6,{fine}\n"
    )
    number = {"seen": 2, "different": 2, "more": False, "least": 1.0, "most": 2.0, "unit": "", "examples": ("1", "2")}
    assert result.as_json() | {"seconds": 0} == {
        "lines": 6,
        "events": 3,
        "templates": [
            {"id": boom, "template": "boom <*>", "count": 2, "example": "boom 1\n  at x", "line": 1, "parts": [number]},
            {"id": fine, "template": "fine", "count": 1, "example": "fine", "line": 6, "parts": []},
        ],
        "levels": {"error": 2, "info": 1},
        "anomalies": [],
        "seconds": 0,
    }
    json.dumps(result.as_json())


def test_the_events_that_are_kept_name_their_templates_and_are_as_long_as_told(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    hostile = '2024-01-02 10:00:01 INFO a "template":"S1" in it, and \\"template\\":\\"S1\\"\n'
    log.write_text("2024-01-02 10:00:00 INFO took 1 ms\n" * 9000 + hostile, encoding="utf-8")
    outcome = standardise(LocalJob(tmp_path / "made", files=[log]))
    (kept,) = [file for file in outcome.files if file.attach]
    with (tmp_path / "made" / kept.name).open("rb") as file:
        plain = zstandard.ZstdDecompressor().stream_reader(file).read()
    events = [json.loads(line) for line in plain.splitlines()]
    assert len(plain) == kept.plain_bytes
    assert {event["template"] for event in events[:-1]} == {id_of("took <*> ms")}
    assert events[-1]["message"] == hostile[25:-1]
    assert (tmp_path / "made" / "events.scratch").stat().st_size == 0


def test_several_files_are_analysed_together_and_assigned_apart(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.log", tmp_path / "b.log.gz"
    plain.write_text("2024-01-02 10:00:00 INFO took 1 ms\n", encoding="utf-8")
    packed.write_bytes(gzip.compress(b"2024-01-02 10:00:01 INFO took 2 ms\n"))
    result = analyse_file([plain, packed], tmp_path / "work", assign=tmp_path / "out.csv")
    took = id_of("took <*> ms")
    assert (tmp_path / "out.csv").read_text() == f"source,line,template_id\na.log,1,{took}\nb.log.gz,1,{took}\n"
    assert result.outcome.title == "Log analysis: a.log and 1 more"
    assert result.analysis.summary.lines == 2


def test_without_a_file_it_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Send a log file"):
        standardise(LocalJob(tmp_path))


def test_forgotten_templates_are_put_together() -> None:
    miner = Miner(templates=10)
    for word in "abcdefghijklmnopqrst":
        miner.add(word * 3)
    found = template_rows(miner.result())
    assert found[-1].id == OTHER
    assert sum(row.count for row in found) == 20
    assert len(found) <= 11


def test_progress_runs_from_little_to_all(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("2024-01-02 10:00:00 INFO took 1 ms\n" * 30_000, encoding="utf-8")
    told: list[float] = []
    analyse_file(log, tmp_path / "work", progress=told.append)
    assert told == sorted(told)
    assert 0 < told[0] < 0.5
    assert told[-1] == 1.0


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    small, large = tmp_path / "s.log.gz", tmp_path / "l.log.gz"
    lines = "".join(f"2024-01-02 10:{n % 60:02}:00 INFO [main] a.B: user {n} took {n * n} ms\n" for n in range(20_000))
    small.write_bytes(gzip.compress(lines.encode(), 1))
    large.write_bytes(gzip.compress(lines.encode(), 1) * 10)
    analyse_file(small, tmp_path / "one")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    analyse_file(large, tmp_path / "two")
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 8 * 1024


@pytest.mark.parametrize(
    ("name", "accuracy"),
    [("HDFS", 0.998), ("Hadoop", 0.99), ("Spark", 0.99), ("Linux", 0.99), ("Mac", 0.97), ("Apache", 1.0)],
)
def test_groups_real_logs_better_than_published_miners(tmp_path: Path, name: str, accuracy: float) -> None:
    log, truth = loghub(name)
    result = analyse_file(log, tmp_path / "work", assign=tmp_path / "out.csv")
    assigned = rows(tmp_path / "out.csv")
    assert [row["line"] for row in assigned] == [str(number) for number in range(1, len(truth) + 1)]
    assert Counter(row["template_id"] for row in assigned) == {row.id: row.count for row in result.templates}
    assert grouping_accuracy([row["EventId"] for row in truth], [row["template_id"] for row in assigned]) >= accuracy


@pytest.mark.parametrize("name", ["HDFS", "Hadoop", "Spark", "Apache"])
def test_counts_the_levels_of_real_logs(tmp_path: Path, name: str) -> None:
    log, truth = loghub(name)
    result = analyse_file(log, tmp_path / "work")
    assert result.analysis.summary.levels == Counter(row["Level"].lower() for row in truth)


def test_finds_the_attackers_of_a_real_log(tmp_path: Path) -> None:
    log, truth = loghub("Linux")
    result = analyse_file(log, tmp_path / "work")
    worst = result.analysis.logins[0]
    named = sum(f"rhost={worst.source} " in f"{row['Content']} " for row in truth)
    assert (worst.source, worst.failures) == ("150.183.249.110", named)
    assert worst.users == ("root",)
