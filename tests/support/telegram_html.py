"""Telegram's reading of HTML, as strict as the Bot API's: what is shown, and with which marks, or why it is refused.

Written from the rules at https://core.telegram.org/bots/api#html-style; the sentences are those that the server gives.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

TAGS = {
    "a": "text_link",
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "u": "underline",
    "ins": "underline",
    "tg-spoiler": "spoiler",
    "tg-emoji": "custom_emoji",
    "span": "spoiler",
    "pre": "pre",
    "code": "code",
    "blockquote": "blockquote",
}
MARKS_LIMIT = 100

_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|lt|gt|amp|quot);?")
_START = re.compile(r"<([^\s>]+)((?:\s+[^\s=>]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[a-zA-Z0-9.-]+))?)*)\s*>")
_ATTRIBUTE = re.compile(r"([^\s=>]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([a-zA-Z0-9.-]+)))?")


class BadHtml(Exception):
    """Telegram would refuse this; carries its sentence."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark over a part of the text; `offset` and `length` are in UTF-16 units."""

    type: str
    offset: int
    length: int
    value: str = ""


def utf16(text: str) -> int:
    """Return the length of `text` in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def parse(source: str) -> tuple[str, tuple[Mark, ...]]:
    """Return what a person sees of `source` and the marks on it, or raise BadHtml."""
    text: list[str] = []
    marks: list[Mark] = []
    opened: list[tuple[str, int, str, int]] = []
    at = shown = 0
    while at < len(source):
        if source[at] == "&":
            character, at = _character(source, at)
            text.append(character)
            shown += utf16(character)
        elif source[at] != "<":
            text.append(source[at])
            shown += utf16(source[at])
            at += 1
        elif source.startswith("</", at):
            at = _close(source, at, opened, marks, shown)
        else:
            name, value, end = _open(source, at)
            opened.append((name, shown, value, at))
            at = end
    if opened:
        name, _, _, where = opened[-1]
        raise BadHtml(f'Can\'t find end tag corresponding to start tag "{name}"' + _where(source, where, ""))
    return "".join(text), tuple(sorted(marks, key=lambda mark: (mark.offset, -mark.length)))


def _character(source: str, at: int) -> tuple[str, int]:
    found = _ENTITY.match(source, at)
    if found is None:
        return "&", at + 1
    return html.unescape(f"&{found[1]};"), found.end()


def _open(source: str, at: int) -> tuple[str, str, int]:
    found = _START.match(source, at)
    if found is None:
        name = re.match(r"<([^\s>]*)", source[at:])
        assert name is not None
        if name[1].lower() not in TAGS:
            raise BadHtml(f'Unsupported start tag "{name[1].lower()}"' + _where(source, at))
        raise BadHtml("Unclosed start tag" + _where(source, at))
    name_, attributes = found[1].lower(), _attributes(found[2])
    if name_ not in TAGS:
        raise BadHtml(f'Unsupported start tag "{name_}"' + _where(source, at))
    if name_ == "span" and attributes.get("class") != "tg-spoiler":
        raise BadHtml('Tag "span" must have class "tg-spoiler"' + _where(source, at))
    value = {"a": attributes.get("href", ""), "code": attributes.get("class", "")}.get(name_, "")
    return name_, value, found.end()


def _attributes(source: str) -> dict[str, str]:
    return {
        found[1].lower(): html.unescape(found[2] or found[3] or found[4] or "") for found in _ATTRIBUTE.finditer(source)
    }


def _close(source: str, at: int, opened: list[tuple[str, int, str, int]], marks: list[Mark], shown: int) -> int:
    end = source.find(">", at)
    if end < 0:
        raise BadHtml("Unclosed end tag" + _where(source, at))
    if not opened:
        raise BadHtml("Unexpected end tag" + _where(source, at))
    name, offset, value, _ = opened.pop()
    closing = source[at + 2 : end].strip().lower()
    if closing not in ("", name):
        raise BadHtml(f'Unmatched end tag{_where(source, at)}, expected "</{name}>", found "</{closing}>"')
    if shown > offset:
        marks.append(Mark(TAGS[name], offset, shown - offset, value))
    return end + 1


def _where(source: str, at: int, word: str = " at byte offset ") -> str:
    return f"{word}{len(source[:at].encode())}" if word else ""
