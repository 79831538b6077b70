"""Counts masked messages in bounded memory, so that what is kept does not depend on the order they came in.

A shape is a masked message as a tuple of words. Shapes of one length with the same first two words share a shelf. Each
shelf keeps the different words of every place; when a place has more than a cap, it varies: from then on all shapes of
the shelf have `<*>` there. The first and the second word have caps of their own. Whether a place has passed its cap is
a matter of the set of messages, not of their order; so shards may be counted apart and put together in any order, or
one after another with restarts in between, and give the same shapes.

The last two defences depend on order and are for hostile input: a shelf that overflows halves its cap, and when all
shelves together overflow, the least used tenth of the shapes is forgotten and counts as `other`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from sys import intern

from outpost_agent.logs.mining.grouping import Shape
from outpost_agent.logs.mining.masks import WILDCARD

ShelfKey = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is kept: different first words of one length, second words after a first one, words of a place,
    shapes of a shelf, shapes in all."""

    firsts: int = 500
    seconds: int = 200
    words: int = 100
    shelf: int = 1000
    shapes: int = 12_000


@dataclass(slots=True, eq=False)
class Held:
    """A shape that is kept: `count` of its events in all, `now` in this run, the id of the template it was last in.

    `into` is the shape that took it in; `is_alive` is False once it was taken in or forgotten.
    """

    number: int
    words: Shape
    count: int = 0
    now: int = 0
    template: str = ""
    into: Held | None = None
    is_alive: bool = True


@dataclass(slots=True)
class Shelf:
    """Shapes of one length and start; a place whose words are None varies."""

    places: list[set[str] | None]
    cap: int
    shapes: dict[Shape, Held] = field(default_factory=dict)

    def fitted(self, words: Shape) -> Shape:
        """Return `words` with `<*>` where this shelf varies."""
        if None not in self.places:
            return words
        pairs = zip(words, self.places, strict=True)
        return tuple(WILDCARD if known is None else word for word, known in pairs)

    def learn(self, words: Shape) -> bool:
        """Note the words of a shape; return whether a place has passed the cap and varies now."""
        passed = False
        for place, word in enumerate(words):
            known = self.places[place]
            if known is None or word == WILDCARD or word in known:
                continue
            known.add(intern(word))
            if len(known) > self.cap:
                self.places[place] = None
                passed = True
        return passed


class Shapes:
    """All shapes of one source."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.other = 0
        self._limits = limits if limits is not None else Limits()
        self._shelves: dict[ShelfKey, Shelf] = {}
        self._firsts: dict[int, set[str] | None] = {}
        self._seconds: dict[tuple[int, str], set[str] | None] = {}
        self._numbers = 0
        self._living = 0

    def __len__(self) -> int:
        return self._living

    def __iter__(self) -> Iterator[Held]:
        """Yield the living shapes."""
        for shelf in self._shelves.values():
            yield from shelf.shapes.values()

    def place(self, words: Shape) -> Held:
        """Return the living shape that `words` count for; new if need be, with no events yet."""
        key, words = self._home(words)
        shelf = self._shelf(key)
        words = shelf.fitted(words)
        held = shelf.shapes.get(words)
        if held is not None:
            return held
        if self._living >= self._limits.shapes:
            self._forget()
            return self.place(words)
        self._numbers += 1
        held = Held(self._numbers, words)
        self._put(shelf, held)
        return alive(held) or self.place(words)

    def starts(self) -> tuple[tuple[int, ...], tuple[tuple[int, str], ...]]:
        """Return the lengths whose first words vary, and the lengths and first words after which the second varies."""
        firsts = tuple(sorted(length for length, known in self._firsts.items() if known is None))
        seconds = tuple(sorted(start for start, known in self._seconds.items() if known is None))
        return firsts, seconds

    def vary_starts(self, firsts: Iterable[int], seconds: Iterable[tuple[int, str]]) -> None:
        """Take over from another count that these starts vary."""
        for length in firsts:
            self._vary_first(length)
        for length, first in seconds:
            self._vary_second(length, self._first_of(length, first))

    def vary(self, key: ShelfKey, places: Iterable[int], cap: int) -> None:
        """Take over from another count that these places of a shelf vary; for the start, see `vary_starts`."""
        shelf = self._shelf(self._key(*key))
        shelf.cap = min(shelf.cap, cap)
        for place in places:
            shelf.places[place] = None
        self._refit(shelf)

    def shelves(self) -> Iterator[tuple[ShelfKey, Shelf]]:
        """Yield all shelves in a fixed order."""
        yield from sorted(self._shelves.items())

    def _home(self, words: Shape) -> tuple[ShelfKey, Shape]:
        """Return the shelf of `words`, and the words as they stand there."""
        length = len(words)
        if not length:
            return (0, "", ""), words
        first = words[0]
        firsts = self._firsts.setdefault(length, set())
        if firsts is not None and first not in firsts and first != WILDCARD:
            firsts.add(intern(first))
            if len(firsts) > self._limits.firsts:
                self._vary_first(length)
        first = self._first_of(length, first)
        if length == 1:
            return (1, first, ""), (first,)
        second = words[1]
        seconds = self._seconds.setdefault((length, first), set())
        if seconds is not None and second not in seconds and second != WILDCARD:
            seconds.add(intern(second))
            if len(seconds) > self._limits.seconds:
                self._vary_second(length, first)
        key = self._key(length, first, second)
        return key, (key[1], key[2], *words[2:])

    def _first_of(self, length: int, first: str) -> str:
        return WILDCARD if self._firsts.get(length, ()) is None else first

    def _key(self, length: int, first: str, second: str) -> ShelfKey:
        if length < 2:
            return length, self._first_of(length, first), ""
        first = self._first_of(length, first)
        return length, first, WILDCARD if self._seconds.get((length, first), ()) is None else second

    def _shelf(self, key: ShelfKey) -> Shelf:
        shelf = self._shelves.get(key)
        if shelf is None:
            shelf = self._shelves[key] = Shelf([set() for _ in range(key[0])], self._limits.words)
        return shelf

    def _vary_first(self, length: int) -> None:
        if self._firsts.get(length, ()) is None:
            return
        self._firsts[length] = None
        seconds: set[str] | None = set()
        for key in [key for key in self._seconds if key[0] == length]:
            theirs = self._seconds.pop(key)
            seconds = seconds | theirs if seconds is not None and theirs is not None else None
        if seconds is not None and len(seconds) > self._limits.seconds:
            seconds = None
        self._seconds[length, WILDCARD] = seconds
        self._gather([key for key in self._shelves if key[0] == length])

    def _vary_second(self, length: int, first: str) -> None:
        if self._seconds.get((length, first), ()) is None:
            return
        self._seconds[length, first] = None
        self._gather([key for key in self._shelves if key[:2] == (length, first)])

    def _gather(self, keys: list[ShelfKey]) -> None:
        """Put shelves together whose starts have become one."""
        old = [(key, self._shelves.pop(key)) for key in keys]
        for key, shelf in old:
            home = self._shelf(self._key(*key))
            home.cap = min(home.cap, shelf.cap)
            for place, known in enumerate(shelf.places):
                if known is None:
                    home.places[place] = None
        for key, shelf in old:
            _, first, second = new = self._key(*key)
            home = self._shelf(new)
            for held in shelf.shapes.values():
                self._living -= 1
                start = (first, second) if len(held.words) > 1 else (first,)
                held.words = (*start, *held.words[2:])
                self._put(home, held)

    def _put(self, shelf: Shelf, held: Held) -> None:
        """Put a shape that is nowhere on a shelf."""
        self._adopt(shelf, held)
        if shelf.learn(held.words):
            self._refit(shelf)
        while len(shelf.shapes) > self._limits.shelf and shelf.cap > 1:
            shelf.cap //= 2
            shelf.places = [None if known is None or len(known) > shelf.cap else known for known in shelf.places]
            self._refit(shelf)

    def _refit(self, shelf: Shelf) -> None:
        """Bring the shapes of a shelf in line with the places that vary."""
        old, shelf.shapes = shelf.shapes, {}
        for held in old.values():
            self._living -= 1
            self._adopt(shelf, held)

    def _adopt(self, shelf: Shelf, held: Held) -> None:
        held.words = shelf.fitted(held.words)
        there = shelf.shapes.setdefault(held.words, held)
        if there is held:
            self._living += 1
            return
        if held.count > there.count or not there.template:
            there.template = held.template or there.template
        there.count += held.count
        there.now += held.now
        held.into, held.is_alive = there, False

    def _forget(self) -> None:
        """Forget the least used tenth of the shapes."""
        by_use = sorted(self, key=lambda held: (held.count, held.words))
        gone = by_use[: max(1, self._limits.shapes // 10)]
        for held in gone:
            held.is_alive = False
            self.other += held.now
            key, _ = self._home(held.words)
            shelf = self._shelves[key]
            del shelf.shapes[held.words]
            self._living -= 1
            if not shelf.shapes and None not in shelf.places:
                del self._shelves[key]


def alive(held: Held) -> Held | None:
    """Return the living shape that `held` is or has become, or None if it was forgotten."""
    while not held.is_alive:
        if held.into is None:
            return None
        held = held.into
    return held
