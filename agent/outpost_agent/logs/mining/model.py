"""What is kept of a source from one run to the next, as a file of JSON.

The file holds the shapes with their counts, so a run that goes on from it groups as if there had been no end; and for
each shape the id of its template, so ids stay. Version 1 is pinned by tests/vectors/logs.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from outpost_agent.logs.mining.grouping import Shape
from outpost_agent.logs.mining.shapes import Shapes, ShelfKey
from outpost_wire.errors import BadInput

MODEL_LIMIT_BYTES = 64 << 20
_WORDS_LIMIT = 256

Count = Annotated[int, msgspec.Meta(ge=0)]


class StoredShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shape: its words, the events of all runs and of the last, the id of its template."""

    words: Shape
    count: Count
    last: Count
    template: str


class StoredShelf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shapes of one length and start, the places that vary, and how many words a place may have before it does."""

    length: int
    first: str
    second: str
    cap: int
    varying: tuple[int, ...]
    shapes: tuple[StoredShape, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.length <= _WORDS_LIMIT or self.cap < 1:
            raise ValueError("length or cap is out of range")
        if any(len(shape.words) != self.length for shape in self.shapes):
            raise ValueError("a shape is not of its shelf's length")
        if any(not 0 <= place < self.length for place in self.varying):
            raise ValueError("a varying place is out of range")


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is kept of a source; `runs` counts the runs that made it.

    `firsts` are the lengths of shapes whose first word varies, `seconds` the lengths and first words after which the
    second does.
    """

    version: Literal[1] = 1
    runs: Count = 0
    firsts: tuple[int, ...] = ()
    seconds: tuple[tuple[int, str], ...] = ()
    shelves: tuple[StoredShelf, ...] = ()


def encoded(model: Model) -> bytes:
    """Return the model as it is kept."""
    return msgspec.json.encode(model)


def parse_model(data: bytes, name: str) -> Model:
    """Return the model in `data`; raises BadInput, which calls the file `name`, if it is none."""
    try:
        return msgspec.json.decode(data, type=Model)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput(
            f"“{name}” is not a model of a log ({error}): move it away to begin a new one.",
            f"“{name}”不是日志模型（{error}）：请移走该文件以重新建立。",
        ) from error


def stored(shapes: Shapes, runs: int) -> Model:
    """Return the model of `shapes`."""
    firsts, seconds = shapes.starts()
    return Model(
        runs=runs,
        firsts=firsts,
        seconds=seconds,
        shelves=tuple(
            StoredShelf(
                *key,
                shelf.cap,
                tuple(place for place, known in enumerate(shelf.places) if known is None),
                tuple(
                    StoredShape(held.words, held.count, held.now, held.template)
                    for held in sorted(shelf.shapes.values(), key=lambda held: held.words)
                ),
            )
            for key, shelf in shapes.shelves()
        ),
    )


def restore(model: Model, shapes: Shapes) -> None:
    """Add what a model holds to `shapes`: events count as earlier ones."""
    shapes.vary_starts(model.firsts, model.seconds)
    for shelf in model.shelves:
        key: ShelfKey = shelf.length, shelf.first, shelf.second
        shapes.vary(key, shelf.varying, shelf.cap)
    for shelf in model.shelves:
        for row in shelf.shapes:
            held = shapes.place(row.words)
            if row.count > held.count or not held.template:
                held.template = row.template or held.template
            held.count += row.count
