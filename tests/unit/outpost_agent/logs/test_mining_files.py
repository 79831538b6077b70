"""The miner behind files: cuts, restarts, another day, and input that means harm."""

from __future__ import annotations

import csv
import resource
import time
from collections import defaultdict
from pathlib import Path

import pytest
import zstandard

from outpost_agent.cli.main import main
from outpost_agent.logs.local import LocalJob, analyse_file
from outpost_agent.logs.standardise import standardise
from outpost_agent.logs.texts import TEXTS
from outpost_sdk.handler import Language
from outpost_wire.errors import BadInput
from tests.support.logs_like import LIKE, lines_like


def assigned(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["template_id"] for row in csv.DictReader(file)]


def groups(ids: list[str]) -> set[frozenset[int]]:
    members: defaultdict[str, set[int]] = defaultdict(set)
    for index, name in enumerate(ids):
        members[name].add(index)
    return {frozenset(group) for group in members.values()}


@pytest.mark.parametrize("name", ["sshd", "android"])
def test_a_log_in_pieces_has_the_groups_of_the_whole(tmp_path: Path, name: str) -> None:
    lines = [line for line, _ in lines_like(name, 600)]
    whole = tmp_path / "whole.log"
    whole.write_text("\n".join(lines) + "\n", encoding="utf-8")
    pieces = []
    for number, start in enumerate(range(0, 600, 170)):
        pieces.append(tmp_path / f"{number}.log")
        pieces[-1].write_text("\n".join(lines[start : start + 170]) + "\n", encoding="utf-8")
    analyse_file(whole, tmp_path / "one", assign=tmp_path / "one.csv")
    analyse_file(pieces, tmp_path / "two", assign=tmp_path / "two.csv")
    assert assigned(tmp_path / "one.csv") == assigned(tmp_path / "two.csv")


def test_a_log_in_runs_has_the_groups_and_ids_of_the_whole_at_the_end(tmp_path: Path) -> None:
    lines = [line for line, _ in lines_like("bgl", 900)]
    model = tmp_path / "bgl.model"
    part = tmp_path / "part.log"
    for start in range(0, 900, 300):
        part.write_text("\n".join(lines[start : start + 300]) + "\n", encoding="utf-8")
        analyse_file(part, tmp_path / f"run{start}", model=model)
    whole = tmp_path / "whole.log"
    whole.write_text("\n".join(lines) + "\n", encoding="utf-8")
    analyse_file(whole, tmp_path / "again", model=model, assign=tmp_path / "again.csv")
    analyse_file(whole, tmp_path / "fresh", assign=tmp_path / "fresh.csv")
    assert groups(assigned(tmp_path / "again.csv")) == groups(assigned(tmp_path / "fresh.csv"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_tells_what_is_new_and_gone_since_the_last_time(tmp_path: Path, language: Language) -> None:
    log, model = tmp_path / "x.log", tmp_path / "x.model"
    line = "2024-01-02 10:00:{:02} INFO {}\n"
    log.write_text(line.format(0, "backup 1 done") + line.format(1, "disk 7 is fine"), encoding="utf-8")
    words = TEXTS[language]
    first = analyse_file(log, tmp_path / "one", language, model=model)
    assert words.since not in first.outcome.report
    assert "changes" not in first.as_json()
    log.write_text(line.format(0, "backup 2 done") + line.format(1, "disk 7 is `lost`"), encoding="utf-8")
    second = analyse_file(log, tmp_path / "two", language, model=model)
    section = second.outcome.report.split(f"## {words.since}")[1].split("\n## ")[0]
    assert "- 1 × `` disk <*> is `lost` ``" in section
    assert "- 1 × `disk <*> is fine`" in section
    changes = second.as_json()["changes"]
    assert (changes["runs"], changes["new_count"], changes["gone_count"]) == (1, 1, 1)
    third = analyse_file(log, tmp_path / "three", language, model=model)
    assert words.since_same in third.outcome.report


@pytest.mark.parametrize(
    "data", [b"", b"no model", zstandard.compress(b"{}")[:-3], zstandard.compress(bytes(80 << 20))]
)
def test_a_damaged_model_is_named_and_left_alone(tmp_path: Path, data: bytes) -> None:
    log, model = tmp_path / "x.log", tmp_path / "x.model"
    log.write_text("2024-01-02 10:00:00 INFO fine\n", encoding="utf-8")
    model.write_bytes(data)
    with pytest.raises(BadInput, match=r"x\.model"):
        analyse_file(log, tmp_path / "work", model=model)
    assert model.read_bytes() == data


def test_a_damaged_model_that_the_device_kept_counts_as_none(tmp_path: Path) -> None:
    log, model = tmp_path / "x.log", tmp_path / "model"
    log.write_text("2024-01-02 10:00:00 INFO fine\n", encoding="utf-8")
    model.write_bytes(b"no model")
    params = {"has_model": True, "source": "p\nx.log"}
    outcome = standardise(LocalJob(tmp_path / "work", files=[log, model], params=params))
    assert (outcome.data["names"], outcome.data["lines"]) == (("x.log",), 1)


def test_the_command_keeps_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, model = tmp_path / "x.log", tmp_path / "x.model"
    log.write_text("2024-01-02 10:00:00 INFO fine\n", encoding="utf-8")
    assert main(["analyse", str(log), "--model", str(model), "--json"]) == 0
    assert main(["analyse", str(log), "--model", str(model), "--json"]) == 0
    assert '"runs":1' in capsys.readouterr().out
    assert model.stat().st_mode & 0o777 == 0o600


def hostile() -> dict[str, bytes]:
    head = b"2024-01-02 10:00:00 INFO "
    return {
        "one line of 10 MB without an end": head + b"word " * 2_000_000,
        "10 MB without a space": head + b"x" * 10_000_000,
        "zeros": (head + b"took 1 ms\n") * 3000 + bytes(4096) + (head + b"a\0b\0c\n") * 50,
        "mixed encodings": (head + "fine 好 \n".encode()) * 900 + (head + b"caf\xe9 \xb4\xed\n") * 40,
        "every word another": b"".join(head + b"%x %x %x\n" % (n * 7919, n * n, n ^ 0xABC) for n in range(20_000)),
        "every letter another": b"".join(
            head + bytes(97 + (n * step) % 26 for step in range(1, 12)) + b" q" * (n % 60) + b"\n"
            for n in range(20_000)
        ),
        "marks and wildcards": (head + b'"template":"S1" <*> S2 \x1f <*>\n') * 500,
        "brackets and quotes": (head + b"([{<\"'" * 4000 + b"\n") * 20,
    }


@pytest.mark.parametrize("name", hostile())
def test_input_that_means_harm_is_bounded_in_time_and_memory(tmp_path: Path, name: str) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(hostile()[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    result = analyse_file(log, tmp_path / "work", assign=tmp_path / "out.csv")
    assert time.process_time() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024
    assert len(assigned(tmp_path / "out.csv")) == result.analysis.summary.lines
    assert sum(row.count for row in result.templates) == result.analysis.summary.events
    assert len(result.templates) <= 4001


def test_every_style_of_log_has_its_times_found(tmp_path: Path) -> None:
    for name in LIKE:
        log = tmp_path / f"{name}.log"
        log.write_text("\n".join(line for line, _ in lines_like(name, 50)) + "\n", encoding="utf-8")
        summary = analyse_file(log, tmp_path / name).analysis.summary
        assert (name, summary.dated, summary.events) == (name, 50, 50)
