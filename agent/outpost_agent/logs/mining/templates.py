"""What a group of shapes is called: the text of its template, and an id that does not change."""

from __future__ import annotations

import re
from base64 import b32encode
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from hashlib import blake2b

from outpost_agent.logs.mining.grouping import Shape
from outpost_agent.logs.mining.masks import WILDCARD
from outpost_agent.logs.mining.shapes import Held

_ANY = "\0"
"""Stands for `<*>` while words are compared, so that its signs are not taken for theirs."""
_SEVERAL = re.compile(r"\0.*\0", re.DOTALL)
_HEAD = re.compile(r".*[=:(\[{<\"'/,@#]", re.DOTALL)
_TAIL = re.compile(r"[)\]}>\"',;:.!?]*$")


def text_of(shapes: Sequence[Shape]) -> str:
    """Return the template of shapes of one length: their common words, `<*>` where they differ."""
    places = [set(words) for words in zip(*shapes, strict=True)]
    return " ".join(next(iter(words)) if len(words) == 1 else _merged(words) for words in places)


def id_of(text: str, taken: Container[str] = ()) -> str:
    """Return `T` and eight characters that follow from `text` alone, unless they are `taken`."""
    salt = b""
    while True:
        digest = blake2b(text.encode(errors="surrogatepass"), digest_size=5, salt=salt).digest()
        name = f"T{b32encode(digest).decode().lower()}"
        if name not in taken:
            return name
        salt = (int.from_bytes(salt, "big") + 1).to_bytes(4, "big")


def ids_of(groups: Sequence[Sequence[Held]], texts: Sequence[str]) -> list[str]:
    """Return an id for each group: the one that most of its events had before, or one made of its text.

    An id that several groups claim stays with the one that has more of its events.
    """
    claims: list[tuple[int, str, str, int]] = []
    for index, group in enumerate(groups):
        before: Counter[str] = Counter()
        for held in group:
            if held.template:
                before[held.template] += held.count - held.now
        claims.extend((-events, name, texts[index], index) for name, events in before.items())
    names: dict[int, str] = {}
    taken: set[str] = set()
    for _, name, _, index in sorted(claims):
        if index not in names and name not in taken:
            names[index] = name
            taken.add(name)
    for index, text in sorted(enumerate(texts), key=lambda row: row[1]):
        if index not in names:
            names[index] = id_of(text, taken)
            taken.add(names[index])
    return [names[index] for index in range(len(groups))]


def _merged(words: Iterable[str]) -> str:
    """Return what different words of one place have in common around `<*>`."""
    different = sorted(word.replace(WILDCARD, _ANY) for word in words)
    head = _HEAD.match(_common_start(different[0], different[-1]).partition(_ANY)[0])
    start = head[0] if head is not None else ""
    rest = [word[len(start) :] for word in different]
    tail = _TAIL.search(rest[0])
    end = tail[0] if tail is not None else ""
    while end and not all(word.endswith(end) for word in rest):
        end = end[1:]
    return _SEVERAL.sub(_ANY, f"{start}{_ANY}{end}").replace(_ANY, WILDCARD)


def _common_start(one: str, other: str) -> str:
    """Return what two texts begin with; those of the first and the last of sorted texts is that of all."""
    for index, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return one[:index]
    return min(one, other, key=len)
