"""Puts hostile text into Markdown so that it stays text.

What is shown of a log was written by strangers: it may hold mark-up, pipes that end a table's cell, control
characters, and marks that turn the direction of writing around. All of it is shown as characters or not at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SPACES = re.compile(r"\s+")
_MARK_UP = re.compile(r"([\\`*_\[\]<>&|~!#])")
_BACKTICKS = re.compile(r"`+")
_LOOKED_AT = 4000


def visible(text: str, limit: int) -> str:
    """Return `text` as one line of at most `limit` visible characters, cut with an ellipsis.

    White space becomes one space; control, format (bidirectional and zero-width) and unassigned characters become ·.
    """
    line = _SPACES.sub(" ", text[:_LOOKED_AT]).strip()
    if not line.isascii() or not line.isprintable():
        line = "".join("·" if unicodedata.category(character) in _INVISIBLE else character for character in line)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def plain(text: str, limit: int = 200) -> str:
    """Return `text` for inside a paragraph or a cell: what could be mark-up there is escaped (CommonMark, 2.4)."""
    return _MARK_UP.sub(r"\\\1", visible(text, limit))


def code(text: str, limit: int = 200) -> str:
    """Return `text` as a code span (CommonMark, 6.1) that may stand in a table's cell (GFM, 4.10)."""
    shown = visible(text, limit)
    if not shown:
        return ""
    longest = max((len(run) for run in _BACKTICKS.findall(shown)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{padding}{shown}{padding}{fence}".replace("|", "\\|")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> str:
    """Return a table of cells that are Markdown already; the columns in `right` hold numbers."""
    rule = ("---:" if column in right else "---" for column in range(len(heads)))
    lines = [heads, tuple(rule), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
