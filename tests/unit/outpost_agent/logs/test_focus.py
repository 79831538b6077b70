"""What was asked with a log is answered from what is in it."""

from __future__ import annotations

import msgspec
import pytest
from markdown_it import MarkdownIt

from outpost_agent.logs.analysis import ANALYSIS_FILE, Analysis
from outpost_agent.logs.focus import words_of
from outpost_agent.logs.local import analyse_file
from outpost_agent.logs.report import written_report
from outpost_agent.logs.texts import EN, ZH
from tests.unit.outpost_agent.logs.test_report import HOSTILE, dated


@pytest.mark.parametrize(
    ("focus", "words"),
    [
        ("anything odd about the logins?", ("login",)),
        ("please look at sshd and 10.0.0.1", ("sshd", "10.0.0.1")),
        ("看看登录有没有失败", ("login", "logon", "session", "password", "auth", "fail")),
        ("what is in this log?", ()),
        ("昨天出了什么问题", ()),
        ("支付 失败", ("支付", "fail")),
        ("What went wrong yesterday?", ()),
        ("", ()),
    ],
)
def test_the_words_of_a_question_are_those_that_can_be_looked_for(focus: str, words: tuple[str, ...]) -> None:
    assert words_of(focus) == words


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder = tmp_path_factory.mktemp("focus")
    log = "".join(
        dated(minute, f"INFO [main] a.B: request {minute} took 7 ms" if minute % 3 else "WARN [disk] a.C: disk is slow")
        for minute in range(300)
    )
    (folder / "x.log").write_text(log)
    analyse_file(folder / "x.log", folder / "work", "en")
    found = next((folder / "work").rglob(ANALYSIS_FILE))
    return msgspec.json.decode(found.read_bytes(), type=Analysis)


def test_the_messages_with_those_words_are_counted(analysis: Analysis) -> None:
    report = written_report(analysis, EN, focus="is the disk all right?")
    assert "## You asked: is the disk all right?" in report
    section = report.split("## You asked")[1].split("##")[0]
    assert "| 100 | `disk is slow` |" in section
    assert "request" not in section


def test_a_question_that_the_log_does_not_answer_is_said_to_be_open(analysis: Analysis) -> None:
    report = written_report(analysis, ZH, focus="bluetooth?")
    assert "最常见和异常的消息中都没有这些词：`bluetooth`。" in report


def test_a_report_without_a_question_has_no_such_section(analysis: Analysis) -> None:
    assert "You asked" not in written_report(analysis, EN)


def test_a_hostile_question_stays_text(analysis: Analysis) -> None:
    report = written_report(analysis, EN, focus=HOSTILE + " disk")
    html = MarkdownIt("commonmark").enable("table").render(report)
    heading = html.split("<h2>You asked")[1].split("</h2>")[0]
    assert "<" not in heading
    assert "disk is slow" in html.split("You asked")[1].split("<h2>")[0]
