"""What travels to the manager is cut to what may."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.markdown import parse_markdown
from outpost_agent.results import fit, leaving, result_of
from outpost_sdk.handler import Outcome
from outpost_sdk.tasks import Task, TaskSpec
from outpost_wire.ids import TaskId, encode
from outpost_wire.messages import RESULT_LIMIT, OnDevice, Plot, decode_event, result_size
from outpost_wire.messages import encode as encode_message

NOTE = "\n\n*The rest is on the device.*"


def plot(name: str, size: int) -> Plot:
    return Plot(name=name, title=name, svg="x" * size)


def test_what_fits_is_not_touched() -> None:
    plots = (plot("a", 100), plot("b", 100))
    assert fit("# Hi", plots, NOTE) == ("# Hi", parse_markdown("# Hi"), plots, False)


def test_the_last_plot_gives_way_first() -> None:
    plots = (plot("a", 60_000), plot("b", 60_000), plot("c", 120_000))
    report, _, kept, cut = fit("# Hi", plots, NOTE)
    assert (report, [item.name for item in kept], cut) == ("# Hi", ["a", "b"], True)


@given(st.lists(st.text(min_size=1, max_size=60), max_size=40), st.integers(500, 5000))
def test_a_long_report_ends_at_a_blocks_edge(paragraphs: list[str], limit: int) -> None:
    report = "\n\n".join(paragraphs)
    shorter, document, kept, cut = fit(report, (plot("a", limit),), NOTE, limit)
    assert cut
    assert kept == ()
    assert document == parse_markdown(shorter)
    assert result_size(shorter, document, ()) <= limit
    assert shorter == report or (shorter.endswith(NOTE) and report.startswith(shorter.removesuffix(NOTE)))


def test_a_result_is_one_that_the_manager_takes() -> None:
    spec = TaskSpec(id=TaskId(encode(1)), kind="log.report", principal="p", title="Log", message_id=encode(2))
    task = Task(spec=spec, state="running", created_ms=1, updated_ms=2)
    outcome = Outcome(report="para\n\n" * 60_000, title="t" * 400)
    plots = [plot(f"p{number}", 50_000) for number in range(12)]
    result = result_of(task, outcome, plots=plots, on_device=OnDevice(name="e", bytes=5), bytes_made=7, now_ms=3)
    assert result_size(result.report, result.document, result.plots) <= RESULT_LIMIT
    assert result.cut
    assert decode_event(encode_message(result)) == result


def test_a_summary_is_the_title_and_the_first_block() -> None:
    spec = TaskSpec(id=TaskId(encode(1)), kind="log.report", principal="p", title="Log", message_id=encode(2))
    task = Task(spec=spec, state="running", created_ms=1, updated_ms=2)
    outcome = Outcome(report="**All is well.**\n\n| secret | table |\n|--|--|\n", title="Log analysis")
    result = result_of(task, outcome, plots=[plot("a", 10)], on_device=None, bytes_made=7, now_ms=3)
    summary = leaving(result, "summary")
    assert summary is not None
    assert (summary.title, summary.report, summary.plots, summary.cut) == ("Log analysis", "**All is well.**", (), True)
    assert summary.document == parse_markdown("**All is well.**")
    assert leaving(result, "full") is result
    assert leaving(result, "none") is None
