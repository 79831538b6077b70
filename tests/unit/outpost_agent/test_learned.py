"""What is kept of a source, and which names are one source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from outpost_agent.chains import source_of
from outpost_agent.learned import LearnedFolder


def made(folder: Path, text: str) -> Path:
    path = folder / f"made-{text}"
    path.write_text(text)
    return path


def test_the_last_that_was_kept_is_found(tmp_path: Path) -> None:
    learned = LearnedFolder(tmp_path / "learned")
    assert learned.find("a") is None
    for text in ("one", "two"):
        learned.keep("a", made(tmp_path, text))
    found = learned.find("a")
    assert found is not None
    assert found.read_text() == "two"
    assert learned.find("b") is None


def test_what_a_crash_left_half_done_is_no_hindrance(tmp_path: Path) -> None:
    learned = LearnedFolder(tmp_path / "learned")
    learned.keep("a", made(tmp_path, "one"))
    found = learned.find("a")
    assert found is not None
    (found.parent / f".{found.name}.new").write_text("half")
    learned.keep("a", made(tmp_path, "two"))
    assert found.read_text() == "two"


def test_a_file_that_is_gone_leaves_what_was_kept(tmp_path: Path) -> None:
    learned = LearnedFolder(tmp_path / "learned")
    learned.keep("a", made(tmp_path, "one"))
    with pytest.raises(FileNotFoundError):
        learned.keep("a", tmp_path / "gone")
    found = learned.find("a")
    assert found is not None
    assert found.read_text() == "one"


def test_the_source_used_least_lately_gives_way(tmp_path: Path) -> None:
    learned = LearnedFolder(tmp_path / "learned", limit=2)
    for age, source in enumerate("abc"):
        learned.keep(source, made(tmp_path, source))
        found = learned.find(source)
        assert found is not None
        os.utime(found, (age, age))
    assert [learned.find(source) is not None for source in "abc"] == [False, True, True]


@pytest.mark.parametrize(
    "name", ["app.log", "app.log.1", "app.log.12.gz", "app-2024-01-02.log.zst", "App_20240102.log"]
)
def test_turns_of_one_log_are_one_source(name: str) -> None:
    assert source_of("p", [name]) == source_of("p", ["app.log"])


def test_other_people_and_other_names_are_other_sources() -> None:
    assert len({source_of("p", ["app.log"]), source_of("q", ["app.log"]), source_of("p", ["web.log"])}) == 3
    assert source_of("p", ["a.log", "b.log"]) == source_of("p", ["b.log.1", "a.log.1"])
