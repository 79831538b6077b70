"""Draws the two plots that reports need as SVG, and SVG as PNG.

The SVG has no script, no style sheet and refers to nothing outside; all text in it is escaped. Without a background
its colours are readable on white and on nearly black. Sizes are in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from pathlib import Path
from unicodedata import east_asian_width

from outpost_wire.errors import OutpostError

WIDTH = 640
_FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans CJK SC', 'PingFang SC', 'WenQuanYi Micro Hei', sans-serif"
_MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'WenQuanYi Micro Hei Mono', monospace"
FONT_FILES = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/System/Library/Fonts/STHeiti Medium.ttc",
)
_FORBIDDEN = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127, *range(0x80, 0xA0), 0xFFFE, 0xFFFF], "�")


class FontMissing(OutpostError):
    """No font file with Chinese characters is installed, so text cannot be drawn into a PNG."""

    code = "font_missing"

    def __init__(self) -> None:
        super().__init__("No font with Chinese characters was found: install fonts-wqy-microhei.")


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of what is not data; `background` is None for a drawing that shows what is behind it."""

    title: str
    text: str
    grid: str
    background: str | None = None


ANYWHERE = Theme(title="#7b8494", text="#7b8494", grid="#8b94a433")
PAPER = Theme(title="#1b2333", text="#5b6577", grid="#e6e9ef", background="#ffffff")


@dataclass(frozen=True, slots=True)
class Series:
    """One layer of stacked bars."""

    name: str
    colour: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar; `label` is shown in full or shortened to the width."""

    label: str
    value: int
    colour: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the horizontal axis; `position` is a number of bars from the left, fractions allowed."""

    position: float
    label: str


def stacked_bars(title: str, series: Sequence[Series], ticks: Sequence[Tick], theme: Theme = ANYWHERE) -> str:
    """Return an SVG of bars, the first series at the bottom; all series have the same length, at least one."""
    count = len(series[0].values)
    highest = max(1, *(sum(column) for column in zip(*(layer.values for layer in series), strict=True)))
    step = nice_step(highest, 4)
    top_value = ceil(highest / step) * step
    left, right, top, bottom, height = 52.0, 16.0, 72.0, 34.0, 300.0
    plot_width, plot_height = WIDTH - left - right, height - top - bottom
    base = height - bottom
    unit = plot_width / count
    gap = min(2.0, unit * 0.18)
    parts = [_open(WIDTH, height, title, theme), _legend(series, 20.0, 54.0, theme)]
    value = 0
    while value <= top_value:
        y = base - plot_height * value / top_value
        parts.append(f'<path d="M{left:.0f} {y:.1f}h{plot_width:.0f}" stroke="{theme.grid}"/>')
        parts.append(_text(left - 8, y + 4, compact(value), theme.text, 11, anchor="end"))
        value += step
    levels = [0] * count
    for layer in series:
        path = []
        for index, size in enumerate(layer.values):
            if size:
                bar = max(plot_height * size / top_value, 0.8)
                y = base - plot_height * levels[index] / top_value
                levels[index] += size
                path.append(f"M{left + index * unit + gap / 2:.1f} {y:.1f}v{-bar:.1f}h{unit - gap:.1f}v{bar:.1f}z")
        if path:
            parts.append(f'<path d="{"".join(path)}" fill="{layer.colour}"/>')
    parts.append(f'<path d="M{left:.0f} {base:.1f}h{plot_width:.0f}" stroke="{theme.text}" stroke-opacity=".5"/>')
    for tick in ticks:
        x = left + tick.position * unit
        parts.append(f'<path d="M{x:.1f} {base:.1f}v4" stroke="{theme.text}" stroke-opacity=".5"/>')
        parts.append(
            _text(min(max(x, left), WIDTH - right - 12), base + 19, tick.label, theme.text, 11, anchor="middle")
        )
    parts.append("</svg>")
    return "".join(parts)


def horizontal_bars(title: str, bars: Sequence[Bar], theme: Theme = ANYWHERE) -> str:
    """Return an SVG of bars from the top, each under its label with its value at the end."""
    left, right, top, row = 20.0, 76.0, 58.0, 38.0
    width = WIDTH - left - right
    highest = max([1, *(bar.value for bar in bars)])
    parts = [_open(WIDTH, top + row * len(bars) + 8, title, theme)]
    for index, bar in enumerate(bars):
        y = top + index * row
        length = max(3.0, width * bar.value / highest)
        label = shortened(bar.label, (WIDTH - left * 2) / 12)
        parts.append(_text(left, y + 8, label, theme.text, 11.5, font=_MONO))
        parts.append(f'<rect x="{left}" y="{y + 14:.1f}" width="{width:.1f}" height="10" rx="5" fill="{theme.grid}"/>')
        parts.append(
            f'<rect x="{left}" y="{y + 14:.1f}" width="{length:.1f}" height="10" rx="{min(5, length / 2):.1f}"'
        )
        parts.append(f' fill="{bar.colour}"/>')
        parts.append(_text(WIDTH - 20, y + 23, f"{bar.value:,}", theme.title, 12, anchor="end"))
    parts.append("</svg>")
    return "".join(parts)


def to_png(svg: str, *, scale: float = 2.0) -> bytes:
    """Return `svg` drawn as PNG at `scale`; raises FontMissing. Takes about 0.1 s of CPU."""
    font = next((path for path in FONT_FILES if Path(path).is_file()), None)
    if font is None:
        raise FontMissing
    import resvg_py  # noqa: PLC0415 - 20 MB that only this needs

    family = "WenQuanYi Micro Hei" if "wqy" in font else None
    drawn: bytes = resvg_py.svg_to_bytes(
        svg_string=svg,
        zoom=scale,
        skip_system_fonts=True,
        font_files=[font],
        font_family=family,
        sans_serif_family=family,
        monospace_family=family,
    )
    return bytes(drawn)


def nice_step(highest: float, steps: int) -> int:
    """Return a whole 1, 2 or 5 times a power of ten, so that about `steps` of them reach `highest`."""
    raw = max(1.0, highest / steps)
    power = 10 ** floor(log10(raw))
    return int(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw))


def compact(value: int) -> str:
    """Return a whole number in at most five characters: 950, 1.2k, 3M."""
    for size, suffix in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + suffix
    return str(value)


def shortened(text: str, width: float) -> str:
    """Return `text` cut to `width` full-width characters; a Latin one counts as 0.52 of such."""
    used = 0.0
    for index, character in enumerate(text):
        used += 1.0 if east_asian_width(character) in "WF" else 0.52
        if used > width:
            return text[: max(0, index - 1)].rstrip() + "…"
    return text


def escaped(text: str) -> str:
    """Return `text` safe in XML text and attributes; characters that XML forbids become U+FFFD."""
    clean = text.encode("utf-8", "replace").decode().translate(_FORBIDDEN)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        clean = clean.replace(character, entity)
    return clean


def _open(width: float, height: float, title: str, theme: Theme) -> str:
    background = f'<rect width="100%" height="100%" fill="{theme.background}"/>' if theme.background else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' height="{height:.0f}" font-family="{escaped(_FONT)}" role="img"><title>{escaped(title)}</title>{background}'
        + _text(20, 30, title, theme.title, 15, weight=600)
    )


def _legend(series: Sequence[Series], x: float, y: float, theme: Theme) -> str:
    parts = []
    for layer in series:
        parts.append(f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" rx="3" fill="{layer.colour}"/>')
        parts.append(_text(x + 15, y, layer.name, theme.text, 11.5))
        x += 33 + 12 * sum(1.0 if east_asian_width(character) in "WF" else 0.54 for character in layer.name)
    return "".join(parts)


def _text(
    x: float,
    y: float,
    text: str,
    colour: str,
    size: float,
    *,
    anchor: str = "start",
    font: str = "",
    weight: int = 400,
) -> str:
    style = f' font-family="{escaped(font)}"' if font else ""
    if weight != 400:
        style += f' font-weight="{weight}"'
    if anchor != "start":
        style += f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}"{style}>{escaped(text)}</text>'
