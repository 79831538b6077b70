"""Tells which masked messages are one kind of message, and which of their words vary.

A shape is a masked message, as a tuple of words. Shapes of equal length are grouped in two steps. Words of one
template come equally often, so each shape's root is the largest set of its words with the same count among the shapes
of that length (the idea of S. Yu et al.: "Brain: Log Parsing with Bidirectional Parallel Tree", IEEE TSC 2023). Within
a root, a place with few different words separates kinds of message and a place with many is variable. What is few
depends on what stands there: the name of a host, a class or a user varies sooner than a word of prose, and that sooner
than a word in capitals, which is a state or a command of the program.

The result depends on the set of shapes and their counts alone, never on their order.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from outpost_agent.logs.mining.masks import UNIT, WILDCARD

Shape = tuple[str, ...]
Place = tuple[int, str]
Root = tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """How many different words make a place variable, one setting for every log; see docs/bench-logs.md.

    `words` of prose, `names` (of hosts, classes, files, or after a word that announces a name), `capitals`; a place
    is also variable when `masked` of its events have nothing but a value there. So many sets of words that take turns
    beside the same other words are a `crowd`, values all of them.
    """

    words: int = 5
    names: int = 3
    capitals: int = 10
    masked: float = 0.2
    crowd: int = 20


SETTING = Setting()

_BEFORE_A_NAME = """
by for from
account application app bean channel class client cluster database device directory domain driver file folder function
group host hostname image interface job key lock method module node package partition plugin process property queue
rule schema server service session stage table task thread topic user username users volume worker
"""
_ANNOUNCES_A_NAME = frozenset(_BEFORE_A_NAME.split())
_LETTER = re.compile(r"\w")
_QUANTITY = re.compile(UNIT)
_IDENTIFIER = re.compile(r"(?:[\w.-]|<\*>)*<\*>(?:[\w.-]|<\*>)*")
_NAME = re.compile(r"[\w$-]+(?:(?:\.|::)[\w$-]+)+|\w*[0-9]\w*|[^\s]*[/\\@][^\s]*")
_CROWDED_WORDS = 2
_NEARLY_ALL = 0.9
_AROUND = "[](){}<>\"',;:"


def groups(shapes: Mapping[Shape, int], setting: Setting = SETTING) -> Iterator[tuple[Shape, ...]]:
    """Yield the groups of `shapes` (each with the number of its events), every shape in exactly one, in order."""
    by_length: defaultdict[int, list[Shape]] = defaultdict(list)
    for shape in sorted(shapes):
        by_length[len(shape)].append(shape)
    for _, members in sorted(by_length.items()):
        for alike in _by_root(members, shapes, setting):
            yield from _split(alike, shapes, setting)


@dataclass(frozen=True, slots=True)
class _Rooted:
    """A shape with the largest set of its telling words of one count, and its telling words that come more often."""

    shape: Shape
    root: Root
    above: Root

    @property
    def places(self) -> tuple[int, ...]:
        return tuple(place for place, _ in self.root)


def _by_root(members: list[Shape], shapes: Mapping[Shape, int], setting: Setting) -> Iterable[list[Shape]]:
    """Part shapes of one length by the largest set of words that come equally often.

    Values can come equally often, too (a user, always from the same host). So where all have words in common and the
    sets of nearly all stand in the same places, there is nothing to part here; and where a crowd of sets does and has
    its more frequent words in common, those are the root.
    """
    found, has_common = _rooted(members, shapes)
    standing = Counter(rooted.places for rooted in found)
    usual = max((count for places, count in standing.items() if places), default=0)
    if has_common and usual + standing[()] >= _NEARLY_ALL * len(members):
        return [members]
    crowds: defaultdict[tuple[Root, tuple[int, ...]], set[Root]] = defaultdict(set)
    for rooted in found:
        crowds[rooted.above, rooted.places].add(rooted.root)
    roots: defaultdict[Root, list[Shape]] = defaultdict(list)
    for rooted in found:
        crowd = crowds[rooted.above, rooted.places]
        is_crowd = len(rooted.above) >= _CROWDED_WORDS and len(crowd) >= setting.crowd
        roots[rooted.above if is_crowd else rooted.root].append(rooted.shape)
    return roots.values()


def _rooted(members: list[Shape], shapes: Mapping[Shape, int]) -> tuple[list[_Rooted], bool]:
    """Return each shape with its root, and whether there are words that all have.

    Those, of an unknown header or of the only template here, tell nothing apart, and nor do values.
    """
    constant = [[place for place in enumerate(shape) if not _is_value(place[1])] for shape in members]
    often: Counter[Place] = Counter()
    for shape, places in zip(members, constant, strict=True):
        for place in places:
            often[place] += shapes[shape]
    everything = sum(shapes[shape] for shape in members)
    found = []
    for shape, places in zip(members, constant, strict=True):
        telling = [place for place in places if often[place] < everything]
        sizes = Counter(often[place] for place in telling)
        chosen = max(((size, count) for count, size in sizes.items()), default=(0, 0))[1]
        root = tuple(place for place in telling if often[place] == chosen)
        found.append(_Rooted(shape, root, tuple(place for place in telling if often[place] > chosen)))
    return found, everything in often.values()


@lru_cache(10_000)
def _is_value(word: str) -> bool:
    """Return whether nothing but values, with units and signs around them, stands in a masked word."""
    return WILDCARD in word and _LETTER.search(_QUANTITY.sub(WILDCARD, word)) is None


def _split(members: list[Shape], shapes: Mapping[Shape, int], setting: Setting) -> Iterator[tuple[Shape, ...]]:
    """Part shapes at the place with the fewest words, as long as a place has too few to be variable."""
    waiting = [members]
    while waiting:
        alike = waiting.pop()
        place = _separating(alike, shapes, setting) if len(alike) > 1 else None
        if place is None:
            yield tuple(alike)
            continue
        parts: defaultdict[str, list[Shape]] = defaultdict(list)
        for shape in alike:
            parts[shape[place]].append(shape)
        waiting.extend(parts.values())


def _separating(alike: list[Shape], shapes: Mapping[Shape, int], setting: Setting) -> int | None:
    """Return the place that separates kinds of message, or None if all places are constant or variable."""
    best, fewest = None, max(setting.words, setting.names, setting.capitals)
    for place, found in enumerate(zip(*alike, strict=True)):
        different = set(found)
        if not 1 < len(different) < fewest:
            continue
        events: Counter[str] = Counter()
        for word, shape in zip(found, alike, strict=True):
            events[word] += shapes[shape]
        before = alike[0][place - 1] if place else ""
        if len(different) < _enough(events, before, setting):
            best, fewest = place, len(different)
    return best


def _enough(events: Counter[str], before: str, setting: Setting) -> int:
    """Return how many different words make a place variable whose words have so many `events`."""
    if any(" " in word for word in events):
        plain: Counter[str] = Counter()
        for word, count in events.items():
            plain[_QUANTITY.sub(WILDCARD, word)] += count
        events = plain
    if _is_masked(events, setting):
        return 2
    if len({_IDENTIFIER.sub("#", word) if WILDCARD in word else word for word in events}) == 1:
        return 2
    bare = [word.strip(_AROUND) for word in events]
    if before.strip(_AROUND + "=").lower() in _ANNOUNCES_A_NAME and not any(word.endswith(":") for word in events):
        return min(setting.names, setting.words)
    if 2 * sum(_NAME.fullmatch(word) is not None for word in bare) >= len(bare):
        return min(setting.names, setting.words)
    if all(word.isupper() for word in bare):
        return max(setting.capitals, setting.words)
    return setting.words


def _is_masked(events: Counter[str], setting: Setting) -> bool:
    """Return whether the words are one masked value in its frame (`(uid=<*>)`), and what else stands in that frame."""
    if all(_is_value(word) for word in events):
        return True
    masked = [(count, word) for word, count in events.items() if word.count(WILDCARD) == 1]
    if not masked:
        return False
    count, most = max(masked)
    start, _, end = most.partition(WILDCARD)
    if count < setting.masked * events.total():
        return False
    return all(word.startswith(start) and word.endswith(end) for word in events)
