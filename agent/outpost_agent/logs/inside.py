"""The second opinion for people: of each frequent kind of message one line, and what varies in it over which values."""

from __future__ import annotations

from outpost_agent.logs.analysis import Analysis, TemplateUse
from outpost_agent.logs.figures import TOP
from outpost_agent.logs.markdown import code, plain
from outpost_agent.logs.mining.values import Part
from outpost_agent.logs.texts import Texts

_EXAMPLE_CHARACTERS = 220
_VALUE_CHARACTERS = 32
_PARTS_SHOWN = 6


def inside(analysis: Analysis, texts: Texts) -> str:
    """Return the section on the most frequent kinds of message that have variable parts, "" if none has."""
    shown = [(place, use) for place, use in enumerate(analysis.templates[:TOP], 1) if use.parts]
    if not shown:
        return ""
    lines = [line for place, use in shown for line in _lines(place, use, texts)]
    return f"## {texts.inside}\n\n{texts.inside_note}\n\n" + "\n".join(lines)


def _lines(place: int, use: TemplateUse, texts: Texts) -> tuple[str, str]:
    name = plain(use.source, 60)
    where = (texts.line_of if name else texts.line).format(n=f"{use.line:,}", name=name)
    parts = [
        texts.part.format(n=number, values=_values(part, texts))
        for number, part in enumerate(use.parts[:_PARTS_SHOWN], 1)
    ]
    if len(use.parts) > _PARTS_SHOWN:
        parts.append("…")
    return (
        f"- **{place}**, {where}{texts.colon}{code(use.example, _EXAMPLE_CHARACTERS)}",
        f"  - {texts.joiner.join(parts)}",
    )


def _values(part: Part, texts: Texts) -> str:
    """Return a range of numbers, or the most frequent values and how many more there are."""
    if part.least is not None and part.most is not None and part.least < part.most:
        unit = f" {plain(part.unit, 12)}" if part.unit else ""
        return texts.part_range.format(least=_number(part.least), most=_number(part.most), unit=unit)
    shown = " / ".join(code(value, _VALUE_CHARACTERS) or "—" for value in part.examples)
    rest = part.different - len(part.examples)
    if rest <= 0 and not part.more:
        return shown
    return texts.part_more.format(values=shown, n=f"{rest:,}{'+' if part.more else ''}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.6g}"
