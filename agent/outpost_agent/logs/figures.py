"""Draws the analysis: events over time by level, and the most frequent templates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from outpost_agent.logs.analysis import Analysis
from outpost_agent.logs.axis import Axis
from outpost_agent.logs.markdown import visible
from outpost_agent.logs.texts import Texts
from outpost_agent.plots import ANYWHERE, Bar, Series, Theme, Tick, horizontal_bars, stacked_bars

COLOURS = {
    "fatal": "#a3195b",
    "error": "#e5484d",
    "warn": "#f5a524",
    "notice": "#2bb3a3",
    "info": "#4c8dff",
    "debug": "#94a3b8",
    "trace": "#c3cddb",
    "none": "#7c9cc9",
}
TOP = 10
_MOST_BARS = 120
_MOST_TICKS = 8
_DAY = 86_400
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, _DAY)


def time_plot(analysis: Analysis, texts: Texts, theme: Theme = ANYWHERE) -> str:
    """Return the SVG of events over the axis, stacked by level."""
    axis, factor = analysis.axis, -(-analysis.axis.count // _MOST_BARS)
    coarse = Axis(axis.is_time, axis.start, axis.width * factor, -(-axis.count // factor))
    series = [
        Series(texts.level_names.get(level, level), COLOURS[level], _merged(counts, factor))
        for level, counts in analysis.levels.items()
    ] or [Series(texts.level_names["none"], COLOURS["none"], [0])]
    if axis.is_time:
        title = texts.plot_time.format(width=duration(coarse.width, texts))
        return stacked_bars(title, series, tuple(_time_ticks(coarse)), theme)
    title = texts.plot_order.format(width=f"{coarse.width:,}")
    return stacked_bars(title, series, tuple(_order_ticks(coarse)), theme)


def template_plot(analysis: Analysis, texts: Texts, theme: Theme = ANYWHERE) -> str:
    """Return the SVG of the most frequent templates."""
    bars = [
        Bar(visible(use.template, 200), use.count, COLOURS[use.level or "none"]) for use in analysis.templates[:TOP]
    ]
    return horizontal_bars(texts.plot_templates, bars, theme)


def duration(seconds: float, texts: Texts) -> str:
    """Return a length of time in its two largest units."""
    left = round(seconds)
    parts: list[str] = []
    for size, unit in zip((_DAY, 3600, 60, 1), texts.units, strict=True):
        count, left = divmod(left, size)
        if count or (size == 1 and not parts):
            parts.append(f"{count}{unit}" if unit.startswith(" ") else f"{count} {unit}")
    return " ".join(parts[:2])


def _merged(counts: Sequence[int], factor: int) -> list[int]:
    return [sum(counts[start : start + factor]) for start in range(0, len(counts), factor)]


def _time_ticks(axis: Axis) -> Iterator[Tick]:
    """Yield ticks at round times; a day's first tick shows the date."""
    length = axis.width * axis.count
    step = next((step for step in _STEPS if length / step <= _MOST_TICKS), None)
    if step is None:
        step = -(-length // (_MOST_TICKS * _DAY)) * _DAY
    has_years = length > 300 * _DAY
    previous = None
    seconds = -(-axis.start // step) * step
    while seconds < axis.start + length:
        when = datetime.fromtimestamp(seconds, UTC)
        if has_years:
            label = f"{when:%Y-%m-%d}"
        elif step % _DAY == 0 or (previous is not None and when.date() != previous):
            label = f"{when:%m-%d}" if when.hour == when.minute == 0 else f"{when:%m-%d %H:%M}"
        elif previous is None:
            label = f"{when:%m-%d %H:%M}" if step >= 60 else f"{when:%H:%M:%S}"
        else:
            label = f"{when:%H:%M}" if step >= 60 else f"{when:%H:%M:%S}"
        previous = when.date()
        yield Tick((seconds - axis.start) / axis.width, label)
        seconds += step


def _order_ticks(axis: Axis) -> Iterator[Tick]:
    for quarter in range(5):
        position = axis.count * quarter / 4
        yield Tick(position, f"{round(position * axis.width):,}")
