"""The miner: messages in, kinds of message out; no I/O, no clock, and memory that does not grow with the log.

A message is masked (`masks`), counted as a shape in bounded memory (`shapes`), and at the end the shapes are grouped
(`grouping`) and named (`templates`). So which messages belong together is told from all of them at once: neither their
order, nor where the input was cut, nor a restart from a `model` changes it. Until then a message has a mark, which the
result translates to the id of its template; a mark that the result lacks is of a message that was forgotten, OTHER.
"""

from __future__ import annotations

from dataclasses import dataclass

from outpost_agent.logs.mining.grouping import SETTING, Setting, groups
from outpost_agent.logs.mining.masks import Masker, words
from outpost_agent.logs.mining.model import Model, restore, stored
from outpost_agent.logs.mining.shapes import Held, Limits, Shapes, alive
from outpost_agent.logs.mining.templates import ids_of, text_of

OTHER = "T0"
_LENGTH = 2048
_WIDTH = 128
_REMEMBERED = 10_000
_LONGEST_REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of message: `count` events now, `before` in all earlier runs, `last` in the one before this."""

    id: str
    text: str
    count: int
    before: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Mined:
    """The kinds of message found: `templates` that have events now, the most used first.

    `template_of` gives the id for a mark. `runs` were made before this one; `new` are ids that no earlier run had,
    `gone` the templates of the run before that have no event now; both are empty in a first run.
    """

    templates: tuple[Template, ...]
    template_of: dict[str, str]
    other: int
    runs: int
    new: tuple[str, ...]
    gone: tuple[Template, ...]


class Miner:
    """Takes the messages of one source, in a stream; goes on from `model` if there is one.

    Of a message the first `_LENGTH` characters and `_WIDTH` words count; `templates` bounds what the result tells
    apart.
    """

    def __init__(
        self,
        model: Model | None = None,
        *,
        setting: Setting = SETTING,
        limits: Limits | None = None,
        templates: int = 4000,
    ) -> None:
        self._setting = setting
        self._templates = templates
        self._masker = Masker()
        self._shapes = Shapes(limits)
        self._runs = 0
        self._last: dict[int, int] = {}
        self._seen: dict[str, tuple[Held, str]] = {}
        self._marked: dict[str, Held] = {}
        if model is not None:
            self._runs = model.runs
            restore(model, self._shapes)
            self._last = _last_of(model, self._shapes)

    def add(self, message: str) -> str:
        """Count a message and return its mark."""
        if len(message) > _LENGTH:
            message = message[:_LENGTH].rpartition(" ")[0] or message[:_LENGTH]
        masked = self._masker.mask(message)
        known = self._seen.get(masked)
        if known is None or not known[0].is_alive:
            known = self._known(masked)
        held = known[0]
        held.count += 1
        held.now += 1
        return known[1]

    def merge(self, model: Model) -> None:
        """Add what another run found; its events count as earlier ones."""
        restore(model, self._shapes)

    def result(self) -> Mined:
        """Return what was found so far."""
        members, texts, names = self._grouped()
        rows: list[tuple[Template, list[Held]]] = []
        for held, text, name in zip(members, texts, names, strict=True):
            count, now = sum(one.count for one in held), sum(one.now for one in held)
            last = sum(self._last.get(one.number, 0) for one in held)
            rows.append((Template(name, text, now, count - now, last), held))
        rows.sort(key=lambda row: (-row[0].count, row[0].text))
        present = [row for row in rows if row[0].count]
        kept, rest = present[: self._templates], present[self._templates :]
        name_of = {id(one): template.id for template, held in kept for one in held}
        return Mined(
            templates=tuple(template for template, _ in kept),
            template_of=self._template_of(name_of),
            other=self._shapes.other + sum(template.count for template, _ in rest),
            runs=self._runs,
            new=tuple(template.id for template, _ in kept if not template.before) if self._runs else (),
            gone=tuple(template for template, _ in rows if template.last and not template.count),
        )

    def model(self) -> Model:
        """Return what to keep for the next run."""
        members, _, names = self._grouped()
        for held, name in zip(members, names, strict=True):
            for one in held:
                one.template = name
        return stored(self._shapes, self._runs + 1)

    def _known(self, masked: str) -> tuple[Held, str]:
        held = self._shapes.place(words(masked, _WIDTH))
        mark = f"S{held.number}"
        self._marked[mark] = held
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
            self._marked = {name: one for name, one in self._marked.items() if alive(one) is not None}
        if len(masked) <= _LONGEST_REMEMBERED:
            self._seen[masked] = held, mark
        return held, mark

    def _grouped(self) -> tuple[list[list[Held]], list[str], list[str]]:
        of = {held.words: held for held in self._shapes}
        found = list(groups({shape: held.count for shape, held in of.items()}, self._setting))
        members = [[of[shape] for shape in group] for group in found]
        texts = [text_of(group) for group in found]
        return members, texts, ids_of(members, texts)

    def _template_of(self, name_of: dict[int, str]) -> dict[str, str]:
        translated: dict[str, str] = {}
        for mark, held in self._marked.items():
            living = alive(held)
            name = name_of.get(id(living)) if living is not None else None
            if name is not None:
                translated[mark] = name
        return translated


def _last_of(model: Model, shapes: Shapes) -> dict[int, int]:
    """Return for each shape the events that it had in the model's last run."""
    last: dict[int, int] = {}
    for shelf in model.shelves:
        for row in shelf.shapes:
            if row.last:
                number = shapes.place(row.words).number
                last[number] = last.get(number, 0) + row.last
    return last
