"""The one way out: everything that leaves the device passes `Egress.leave`, with a label that says what it is.

It lets all pass for now and counts it; rules about what may leave will sit here and nowhere else. What is said to
a person at this machine's own socket does not leave the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from outpost_wire.egress import Departure

T = TypeVar("T")


@dataclass(slots=True)
class Left:
    """How much has left since the start: how often, and how many bytes."""

    count: int = 0
    bytes: int = 0


class Egress:
    """Where things leave; `counted(departure)` hears of each."""

    def __init__(self, counted: Callable[[Departure], None] = lambda _: None) -> None:
        self._counted = counted
        self._left: dict[tuple[str, str], Left] = {}

    def leave(self, departure: Departure, body: T) -> T:
        """Return what may leave in place of `body`."""
        left = self._left.setdefault((departure.destination, departure.kind), Left())
        left.count += 1
        left.bytes += departure.bytes
        self._counted(departure)
        return body

    def totals(self) -> Iterable[tuple[str, str, Left]]:
        """Return destination, kind and how much has left, since the start."""
        return [(destination, kind, left) for (destination, kind), left in sorted(self._left.items())]
