"""Reads Telegram's HTML as strictly as its server does, and a little more."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_TOKEN = re.compile(r'<(?P<end>/?)(?P<tag>[a-z]+)(?: (?P<name>[a-z]+)="(?P<value>[^"<>]*)")?>|(?P<text>[^<>]+)')
_LOOSE = re.compile(r"&(?!(?:amp|lt|gt|quot);)")
_TAGS = {"b", "i", "s", "u", "a", "code", "pre", "blockquote"}
_ALONE = {"code", "pre"}


@dataclass(frozen=True)
class Message:
    """What a person sees of a message, and its entities as (tag, text, attribute)."""

    text: str
    entities: tuple[tuple[str, str, str], ...]


def read(source: str) -> Message:
    """Return what `source` shows; AssertionError where it is not what the Bot API documents."""
    assert not _LOOSE.search(source), "a loose &"
    text = ""
    entities: list[tuple[str, str, str]] = []
    opened: list[tuple[str, int, str]] = []
    position = 0
    while position < len(source):
        token = _TOKEN.match(source, position)
        assert token, f"not HTML at {source[position : position + 40]!r}"
        position = token.end()
        tag = token["tag"]
        if token["text"] is not None:
            text += html.unescape(token["text"])
        elif token["end"]:
            assert opened, f"</{tag}> without a beginning"
            name, start, value = opened.pop()
            assert name == tag, f"</{tag}> where </{name}> was due"
            assert text[start:], f"nothing in <{tag}>"
            entities.append((tag, text[start:], value))
        else:
            _check_opening(tag, token["name"], token["value"], [(name, start) for name, start, _ in opened], len(text))
            opened.append((tag, len(text), html.unescape(token["value"] or "")))
    assert not opened, f"{opened} left open"
    return Message(text, tuple(_merged(entities)))


def _check_opening(tag: str, name: str | None, value: str | None, around: list[tuple[str, int]], position: int) -> None:
    tags = [other for other, _ in around]
    assert tag in _TAGS, f"<{tag}> is not Telegram's"
    assert tag not in tags, f"<{tag}> inside itself"
    is_language = tag == "code" and around and around[-1] == ("pre", position) and value is not None
    if is_language:
        assert name == "class"
        assert re.fullmatch(r"language-[^ ]+", value or "")
        return
    assert (name == "href") if tag == "a" else (name is None), f"{name} in <{tag}>"
    assert not _ALONE & set(tags), f"<{tag}> inside code"
    assert tag not in _ALONE or set(tags) <= {"blockquote"}, f"<{tag}> in {tags}"


def _merged(entities: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return `entities` with literal lines and their language as one, as the server counts them."""
    merged: list[tuple[str, str, str]] = []
    for tag, text, value in entities:
        if tag == "pre" and merged and merged[-1][0] == "code" and merged[-1][2] and merged[-1][1] == text:
            merged[-1] = (tag, text, merged[-1][2].removeprefix("language-"))
        else:
            merged.append((tag, text, value))
    return merged
