"""The benchmarks' tables."""

from __future__ import annotations

import pytest

from tests.bench.peer import version
from tests.bench.table import BUDGETS, COMPARED, Budget, budgets, comparison


@pytest.mark.parametrize(
    ("value", "verdict"), [(1.0, "stretch"), (2.0, "stretch"), (2.1, "gate"), (6.0, "gate"), (6.1, "MISSED")]
)
def test_less_is_held_to_gate_and_stretch(value: float, verdict: str) -> None:
    assert Budget("CPU", "ms", 6, 2).verdict(value) == verdict


@pytest.mark.parametrize(("value", "verdict"), [(7000, "stretch"), (6999, "gate"), (2999, "MISSED")])
def test_more_is_better_where_that_is_said(value: float, verdict: str) -> None:
    assert Budget("Tasks", "/s", 3000, 7000, more=True).verdict(value) == verdict


def test_what_has_no_gate_has_no_verdict() -> None:
    assert Budget("Time to ready", "s").verdict(1e9) == ""


def test_only_what_was_measured_is_shown() -> None:
    lines = list(budgets({"idle_pss_mb": 61.2}))
    assert lines[2:] == [f"| {BUDGETS['idle_pss_mb'].what} | 61.2 MB | 60 | 45 | MISSED |"]


def test_compares_by_a_ratio_of_ours_to_theirs() -> None:
    figures = {f"our_{name}": 1.0 for name in COMPARED} | {f"their_{name}": 4.0 for name in COMPARED}
    lines = list(comparison(figures, "peer 1.2"))
    assert lines[0].endswith("| peer 1.2 | Outpost ÷ peer |")
    assert len(lines) == 2 + len(COMPARED)
    assert all(line.endswith("| 0.25 × |") for line in lines[2:])


def test_a_peer_that_cannot_be_had_is_named_with_the_reason() -> None:
    header, _, row = comparison({}, "peer 1.2", "it cannot be installed")
    assert "peer 1.2" in header
    assert row == "| skipped: it cannot be installed | | | |"


def test_the_version_of_a_peer_is_the_locked_one() -> None:
    assert version("nanobot-ai").count(".") == 2
