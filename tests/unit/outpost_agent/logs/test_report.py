"""The report and its plots: right words, safe text, bounded size."""

from __future__ import annotations

import dataclasses
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from outpost_agent import plots
from outpost_agent.logs.analysis import ANALYSIS_FILE, Analysis
from outpost_agent.logs.local import Analysed, analyse_file
from outpost_agent.logs.markdown import code, plain, table
from outpost_agent.logs.report import written_report
from outpost_agent.logs.texts import EN, TEXTS, ZH
from outpost_agent.plots import ANYWHERE, PAPER, Bar, Series, Tick, horizontal_bars, stacked_bars
from outpost_sdk.handler import Language

HOSTILE = (
    "`|` ``x`` <script>alert(1)</script> [a](javascript:x) ![b](http://evil.example/c.png) | \\| **b** "
    "\x1b[31mred\x00 \u202egpj.exe\u2066 \u200b &amp; <!-- -- </title></svg> ]]> "
)
CJK_FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
COMMONMARK = MarkdownIt("commonmark").enable("table")


def analysed(folder: Path, text: str, language: Language = "en", name: str = "x.log") -> Analysed:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return analyse_file(file, folder / "work", language)


def dated(minute: int, rest: str) -> str:
    return f"2024-01-02 {10 + minute // 60:02}:{minute % 60:02}:00,000 {rest}\n"


def calm_log() -> str:
    return "".join(dated(minute, f"INFO [main] a.B: request {minute} took 7 ms") for minute in range(300))


def test_an_ordinary_log_has_nothing_unusual(tmp_path: Path) -> None:
    result = analysed(tmp_path, calm_log())
    assert result.outcome.title == "Log analysis: x.log"
    assert result.outcome.report.startswith(f"**{EN.calm}**\n")
    assert "| Lines | 300, in 300 events |" in result.outcome.report
    assert "| Time | 2024-01-02 10:00:00 to 2024-01-02 14:59:00 (4 h 59 min) |" in result.outcome.report
    assert "| Levels | info 300 |" in result.outcome.report
    assert "| 1 | 300 | 100 % | info | `request <*> took <*> ms` |" in result.outcome.report


def test_an_error_spike_is_the_headline_with_an_example(tmp_path: Path) -> None:
    spike = "".join(dated(200, f"ERROR [main] a.B: disk {number} is full") for number in range(40))
    result = analysed(tmp_path, calm_log() + spike)
    assert result.outcome.report.startswith(
        "**Errors jumped to 40 at 2024-01-02 13:20:00: mostly `disk <*> is full`.**"
    )
    assert "| **error spike** | 2024-01-02 13:20:00 | 40 (usually 0) | `disk <*> is full` |" in result.outcome.report
    assert "- line 301: `disk 0 is full`" in result.outcome.report


def test_a_break_in_is_the_headline_in_the_language_of_the_person(tmp_path: Path) -> None:
    failed = "".join(
        f"Jun 14 15:16:{second:02} box sshd[9]: Failed password for root from 203.0.113.5 port 4 ssh2\n"
        for second in range(20)
    )
    entered = "Jun 14 15:17:00 box sshd[9]: Accepted password for root from 203.0.113.5 port 4 ssh2\n"
    result = analysed(tmp_path, failed + entered, "zh")
    year = str(result.analysis.summary.assumed_years[0])
    assert result.outcome.title == "日志分析：x.log"
    assert result.outcome.report.startswith(
        f"**可能已有人入侵：来自 203.0.113.5 的登录失败 20 次之后，以 root 登录成功（{year}-06-14 15:17:00）。**"
    )
    assert f"| `203.0.113.5` | 20 | `root` | {year}-06-14 15:16:00 |" in result.outcome.report


def test_refused_requests_of_an_access_log_are_suspicious_logins(tmp_path: Path) -> None:
    lines = [
        f"198.51.100.{9 if minute % 5 else 7} - - [02/Jan/2024:10:{minute:02}:00 +0000] "
        f'"GET /{"admin" if minute % 5 else "index.html"} HTTP/1.1" {401 if minute % 5 else 200} 12\n'
        for minute in range(60)
    ]
    result = analysed(tmp_path, "".join(lines))
    assert {use.template: use.count for use in result.analysis.templates} == {
        "GET:Unauthorized /admin": 48,
        "GET:OK /index.html": 12,
    }
    assert [(login.source, login.failures) for login in result.analysis.logins] == [("198.51.100.9", 48)]


def test_what_is_asked_for_most_in_an_access_log_is_told(tmp_path: Path) -> None:
    lines = [
        f'198.51.100.9 - - [02/Jan/2024:10:{minute:02}:00 +0000] "GET {path} HTTP/1.1" 200 12\n'
        for minute in range(60)
        for path in ("/", "/news/today", f"/item/{minute}.html")
    ]
    result = analysed(tmp_path, "".join(lines))
    (use,) = [use for use in result.analysis.templates if use.template == "GET:OK <*>"]
    assert set(use.parts[0].examples) >= {"/", "/news/today"}


def test_a_log_without_times_is_analysed_in_its_order(tmp_path: Path) -> None:
    result = analysed(tmp_path, "".join(f"step {number} done\n" for number in range(1000)))
    assert not result.analysis.axis.is_time
    assert "| Time | no timestamps found |" in result.outcome.report
    assert sum(result.analysis.levels["none"]) == 1000


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_lines_stay_text_and_the_report_stays_small(tmp_path: Path, language: Language) -> None:
    lines = [
        f"2024-01-02 10:00:{second % 60:02} ERROR {chr(97 + second % 26) * 9} {HOSTILE * 30}" for second in range(900)
    ]
    result = analysed(tmp_path, "\n".join(lines), language, name="a`b|<b>[x](y).log")
    report = result.outcome.report
    html = COMMONMARK.render(report)
    assert len(report.encode()) < 60 * 1024
    assert not set(report) & {"\x1b", "\x00", "\u202e", "\u2066", "\u200b"}
    assert "<script" not in html
    assert "<a " not in html
    assert "<img" not in html
    columns = {len(row.findall("th")) or len(row.findall("td")) for row in ET.fromstring(f"<x>{html}</x>").iter("tr")}
    assert columns <= {2, 5}


def test_plots_are_attached_as_png_and_kept_as_svg(tmp_path: Path) -> None:
    if not CJK_FONT.exists():
        pytest.skip(f"no font for PNG: {CJK_FONT} is missing")
    result = analysed(tmp_path, calm_log(), "zh")
    assert [(file.name, file.type, file.attach) for file in result.outcome.files] == [
        ("plot-time.svg", "image/svg+xml", False),
        ("plot-time.png", "image/png", True),
        ("plot-templates.svg", "image/svg+xml", False),
        ("plot-templates.png", "image/png", True),
    ]
    png = (result.folder / "plot-time.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (1280, 600)


def test_without_a_font_the_plots_stay_svg_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "FONT_FILES", ())
    result = analysed(tmp_path, calm_log())
    assert [file.name for file in result.outcome.files] == ["plot-time.svg", "plot-templates.svg"]
    assert EN.no_font in result.outcome.report


def test_the_largest_plots_are_small(tmp_path: Path) -> None:
    levels = ("FATAL", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG", "TRACE")
    lines = [
        f"2024-01-02 {hour:02}:{minute:02}:00 {level} {level.lower()} " + "词" * 300
        for hour in range(24)
        for minute in range(60)
        for level in levels
    ]
    result = analysed(tmp_path, "\n".join(lines))
    assert (result.folder / "plot-time.svg").stat().st_size < 40 * 1024
    assert (result.folder / "plot-templates.svg").stat().st_size < 40 * 1024
    assert len(result.analysis.levels) == 7


def test_both_languages_fill_in_the_same_fields() -> None:
    for field in dataclasses.fields(EN):
        english, chinese = getattr(EN, field.name), getattr(ZH, field.name)
        if isinstance(english, str):
            assert {*_fields(english)} == {*_fields(chinese)}, field.name


def test_the_report_is_written_from_the_file_alone(tmp_path: Path) -> None:
    result = analysed(tmp_path, calm_log())
    stored = (tmp_path / "work" / "analyse" / ANALYSIS_FILE).read_bytes()
    again = msgspec.json.decode(stored, type=Analysis)
    assert written_report(again, TEXTS["en"], has_font="plot-time.png" in {f.name for f in result.outcome.files}) == (
        result.outcome.report
    )


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=80))
def test_a_code_span_shows_exactly_the_text(text: str) -> None:
    rendered = COMMONMARK.render(table(("a", "b"), [(code(text), "c")]))
    cells = list(ET.fromstring(f"<x>{rendered}</x>").iter("td"))
    assert len(cells) == 2
    assert "".join(cells[0].itertext()) == text


@given(st.text(max_size=200))
def test_plain_text_in_a_cell_is_never_mark_up(text: str) -> None:
    rendered = COMMONMARK.render(table(("a", "b"), [(plain(text), "c")]))
    cells = list(ET.fromstring(f"<x>{rendered}</x>").iter("td"))
    assert len(cells) == 2
    assert list(cells[0]) == []


@given(st.text(max_size=60), st.lists(st.tuples(st.text(max_size=60), st.integers(0, 10**12)), max_size=4))
def test_any_text_makes_a_well_formed_plot(title: str, rows: list[tuple[str, int]]) -> None:
    bars = [Bar(label, value, "#4c8dff") for label, value in rows]
    series = [Series(label, "#4c8dff", [value, 0, 3]) for label, value in rows] or [Series("", "#4c8dff", [0])]
    for theme in (ANYWHERE, PAPER):
        for svg in (horizontal_bars(title, bars, theme), stacked_bars(title, series, [Tick(1, title)], theme)):
            root = ET.fromstring(svg)
            assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
                "svg",
                "title",
                "rect",
                "text",
                "path",
            }


@pytest.mark.parametrize(("highest", "step"), [(1, 1), (3, 1), (7, 2), (108, 50), (999, 500), (40_000, 10_000)])
def test_ticks_fall_on_round_numbers(highest: int, step: int) -> None:
    assert plots.nice_step(highest, 4) == step


def _fields(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}
