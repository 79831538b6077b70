"""Writes the report of an analysis: what needs attention first, then figures, tables and two plots."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from outpost_agent.logs import analyse
from outpost_agent.logs.analysis import ANALYSIS_FILE, Analysis, Anomaly
from outpost_agent.logs.figures import TOP, duration, template_plot, time_plot
from outpost_agent.logs.focus import asked
from outpost_agent.logs.inside import inside
from outpost_agent.logs.levels import SERIOUS
from outpost_agent.logs.logins import Login
from outpost_agent.logs.markdown import code, plain, table, visible
from outpost_agent.logs.texts import TEXTS, Texts
from outpost_agent.logs.times import written
from outpost_agent.plots import PAPER, FontMissing, to_png
from outpost_sdk.handler import File, Job, Outcome

KIND = "log.report"
_SVG, _PNG = "image/svg+xml", "image/png"
_ANOMALIES_SHOWN = 8
_LOGINS_SHOWN = 8
_FILES_SHOWN = 5
_CHANGES_SHOWN = 8
_MESSAGE_CHARACTERS = 120
_EXAMPLE_CHARACTERS = 220
_MANY_ERRORS = 0.01
_STUBBORN = 10


def report(job: Job) -> Outcome:
    """Write the report of the analysis that log.analyse made, with plots as SVG and, given a font, PNG."""
    with job.open_parent(analyse.KIND, ANALYSIS_FILE) as file:
        analysis = msgspec.json.decode(file.read(), type=Analysis)
    texts = TEXTS[job.language]
    files: list[File] = []
    has_font = True
    for name, draw in (("plot-time", time_plot), ("plot-templates", template_plot)):
        _write(job, f"{name}.svg", draw(analysis, texts).encode())
        files.append(File(f"{name}.svg", _SVG))
        try:
            png = to_png(draw(analysis, texts, PAPER))
        except FontMissing:
            has_font = False
            continue
        _write(job, f"{name}.png", png)
        files.append(File(f"{name}.png", _PNG, attach=True))
    job.progress(1.0)
    return Outcome(
        title=texts.title.format(name=visible(_names(analysis, texts), 120)),
        report=written_report(analysis, texts, has_font=has_font, focus=str(job.params.get("focus", ""))),
        files=tuple(files),
    )


def written_report(analysis: Analysis, texts: Texts, *, has_font: bool = True, focus: str = "") -> str:
    """Return the report as Markdown, less than 60 KiB whatever the log holds; `focus` is what the person asked."""
    sections = [
        f"**{headline(analysis, texts)}**",
        _figures(analysis, texts),
        asked(focus, analysis, texts),
        _anomalies(analysis, texts),
        _logins(analysis, texts),
        _since(analysis, texts),
        _top(analysis, texts),
        inside(analysis, texts),
        _notes(analysis, texts, has_font),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def headline(analysis: Analysis, texts: Texts) -> str:
    """Return the one sentence, in Markdown, that someone reads who reads no further."""
    entered = next((login for login in analysis.logins if login.has_entered), None)
    if entered is not None:
        return _entered(entered, texts)
    worst = analysis.anomalies[0] if analysis.anomalies else None
    if worst is not None and worst.severity == "high":
        return _worst(worst, texts)
    most = analysis.logins[0] if analysis.logins else None
    if most is not None and most.failures >= _STUBBORN:
        return _failed_logins(most, analysis, texts)
    if worst is not None and worst.severity == "medium":
        return _worst(worst, texts)
    if most is not None:
        return _failed_logins(most, analysis, texts)
    summary = analysis.summary
    errors = sum(summary.levels.get(level, 0) for level in SERIOUS)
    if errors and errors >= _MANY_ERRORS * summary.events:
        share = _share(errors, summary.events)
        return texts.errors.format(n=f"{errors:,}", events=f"{summary.events:,}", share=share)
    found = sum(analysis.found.values())
    return texts.look.format(n=f"{found:,}") if found else texts.calm


def _entered(login: Login, texts: Texts) -> str:
    when = texts.at.format(time=_time(login.entered)) if login.entered else ""
    sentence = texts.entered_as if login.entered_user else texts.entered
    return sentence.format(
        n=f"{login.failures:,}", source=plain(login.source, 60), user=plain(login.entered_user, 60), when=when
    )


def _failed_logins(most: Login, analysis: Analysis, texts: Texts) -> str:
    return texts.failed_logins.format(
        n=f"{analysis.failed_logins:,}",
        sources=f"{analysis.login_sources:,}",
        source=plain(most.source, 60),
        most=f"{most.failures:,}",
    )


def _worst(anomaly: Anomaly, texts: Texts) -> str:
    sentence = {"error_spike": texts.spike, "burst": texts.burst}.get(anomaly.kind, texts.new_trouble)
    when = texts.at.format(time=_time(anomaly.time)) if anomaly.time else ""
    return sentence.format(n=f"{anomaly.count:,}", when=when, text=code(anomaly.text, _MESSAGE_CHARACTERS))


def _figures(analysis: Analysis, texts: Texts) -> str:
    summary = analysis.summary
    names = texts.joiner.join(plain(name, 100) for name in summary.names[:_FILES_SHOWN])
    if len(summary.names) > _FILES_SHOWN:
        names += " …"
    span = texts.no_times
    if summary.first is not None and summary.last is not None:
        span = texts.span_value.format(
            first=_time(written(summary.first)),
            last=_time(written(summary.last)) + (" UTC" if summary.zoned else ""),
            length=duration(summary.last - summary.first, texts),
        )
    levels = " · ".join(f"{texts.level_names.get(level, level)} {count:,}" for level, count in summary.levels.items())
    rows = [
        (texts.lines, texts.lines_of_events.format(lines=f"{summary.lines:,}", events=f"{summary.events:,}")),
        (texts.span, span),
        (texts.levels, levels or texts.no_levels),
        (texts.templates, f"{summary.templates:,}"),
    ]
    if summary.formats:
        rows.append((texts.format, texts.joiner.join(plain(name) for name in list(summary.formats)[:3])))
    return table((texts.files if len(summary.names) > 1 else texts.file, names), rows)


def _anomalies(analysis: Analysis, texts: Texts) -> str:
    shown = analysis.anomalies[:_ANOMALIES_SHOWN]
    if not shown:
        return ""
    rows = [
        (
            texts.kinds[anomaly.kind] if anomaly.severity == "low" else f"**{texts.kinds[anomaly.kind]}**",
            _time(anomaly.time),
            _count(anomaly, texts),
            code(anomaly.text, _MESSAGE_CHARACTERS),
        )
        for anomaly in shown
    ]
    examples = []
    for anomaly in shown:
        name = plain(anomaly.source, 60)
        where = (texts.line_of if name else texts.line).format(n=f"{anomaly.line:,}", name=name)
        examples.append(f"- {where}{texts.colon}{code(anomaly.example, _EXAMPLE_CHARACTERS)}")
    parts = [
        f"## {texts.anomalies}",
        table(texts.anomaly_heads, rows),
        texts.examples + texts.colon.rstrip(),
        "\n".join(examples),
    ]
    rest = sum(analysis.found.values()) - len(shown)
    if rest > 0:
        parts.append(f"… {texts.more.format(n=f'{rest:,}')}")
    return "\n\n".join(parts)


def _count(anomaly: Anomaly, texts: Texts) -> str:
    if anomaly.kind in {"error_spike", "burst"}:
        return texts.usual.format(n=f"{anomaly.count:,}", usual=f"{anomaly.usual:g}")
    return f"{anomaly.count:,}"


def _logins(analysis: Analysis, texts: Texts) -> str:
    if not analysis.logins:
        return ""
    rows = [
        (
            code(login.source, 60),
            f"{login.failures:,}",
            _users(login),
            _time(login.first),
            _later(login.last, login.first),
            f"**{texts.yes}** {_time(login.entered)}".strip() if login.has_entered else texts.no,
        )
        for login in analysis.logins[:_LOGINS_SHOWN]
    ]
    parts = [f"## {texts.logins}", table(texts.login_heads, rows, frozenset({1}))]
    if analysis.login_sources > len(rows):
        parts.append(texts.login_note.format(n=f"{analysis.login_sources:,}"))
    return "\n\n".join(parts)


def _users(login: Login) -> str:
    shown = ", ".join(code(user, 32) for user in login.users[:3])
    return f"{shown} +{login.user_count - 3}" if login.user_count > 3 else shown


def _top(analysis: Analysis, texts: Texts) -> str:
    rows = [
        (
            str(place),
            f"{use.count:,}",
            _share(use.count, analysis.summary.events),
            texts.level_names.get(use.level, use.level) if use.level else "",
            code(use.template, _MESSAGE_CHARACTERS),
        )
        for place, use in enumerate(analysis.templates[:TOP], 1)
    ]
    return f"## {texts.top}\n\n{table(texts.top_heads, rows, frozenset({0, 1, 2}))}"


def _since(analysis: Analysis, texts: Texts) -> str:
    changes = analysis.changes
    if not changes.runs:
        return ""
    uses = {use.id: use for use in analysis.templates}
    new = [(f"{uses[name].count:,}", uses[name].template) for name in changes.new if name in uses]
    gone = [(f"{row.count:,}", row.template) for row in changes.gone]
    parts = [f"## {texts.since}"]
    for sentence, count, rows in (
        (texts.since_new, changes.new_count, new),
        (texts.since_gone, changes.gone_count, gone),
    ):
        if not count:
            continue
        lines = [f"- {events} × {code(template, _MESSAGE_CHARACTERS)}" for events, template in rows[:_CHANGES_SHOWN]]
        if count > len(lines):
            lines.append(f"- … {texts.since_more.format(n=f'{count - len(lines):,}')}")
        parts.append(f"{sentence.format(n=f'{count:,}')}{texts.colon.rstrip()}\n\n" + "\n".join(lines))
    return "\n\n".join(parts if len(parts) > 1 else [*parts, texts.since_same])


def _notes(analysis: Analysis, texts: Texts, has_font: bool) -> str:
    lines = list(_note_lines(analysis, texts))
    if not has_font:
        lines.append(texts.no_font)
    if not lines:
        return ""
    return f"## {texts.notes}\n\n" + "\n".join(f"- {line}" for line in lines)


def _note_lines(analysis: Analysis, texts: Texts) -> Iterator[str]:
    summary = analysis.summary
    if summary.assumed_years:
        yield texts.assumed_year.format(years=texts.joiner.join(map(str, summary.assumed_years)))
    if summary.dated > summary.zoned:
        yield texts.no_zone
    counted = (
        (texts.outliers, summary.outliers),
        (texts.replaced, summary.replaced),
        (texts.cut, summary.cut),
        (texts.shortened, summary.shortened),
        (texts.other, summary.other),
        (texts.dropped, analysis.dropped_sources),
    )
    for sentence, count in counted:
        if count:
            yield sentence.format(n=f"{count:,}")


def _names(analysis: Analysis, texts: Texts) -> str:
    first, *others = analysis.summary.names
    if not others:
        return first
    return texts.several.format(name=first, n=len(others) + (1 if texts is TEXTS["zh"] else 0))


def _time(time: str | None) -> str:
    """Return a time as people read it, to the second."""
    return time[:19].replace("T", " ") if time else ""


def _later(time: str | None, than: str | None) -> str:
    """Return a time without its date when that is the date of `than`."""
    written = _time(time)
    return written[11:] if written[:10] == _time(than)[:10] else written


def _share(part: int, whole: int) -> str:
    share = 100 * part / max(1, whole)
    return f"{share:.0f} %" if share >= 10 else f"{share:.1f} %"


def _write(job: Job, name: str, data: bytes) -> None:
    with job.create(name) as out:
        out.write(data)
