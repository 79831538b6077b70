"""ULIDs (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits, 26 characters of Crockford's base 32."""

from __future__ import annotations

from collections.abc import Callable
from typing import NewType

DeviceId = NewType("DeviceId", str)
FleetId = NewType("FleetId", str)
MessageId = NewType("MessageId", str)
TaskId = NewType("TaskId", str)

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = frozenset(ALPHABET)
_RANDOM_BITS = 80
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1


class Ulids:
    """Makes ULIDs that rise strictly, even within one millisecond and when the clock goes back.

    `clock_ms` returns Unix time in milliseconds; `entropy(n)` returns n random bytes.
    """

    def __init__(self, clock_ms: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        self._clock_ms = clock_ms
        self._entropy = entropy
        self._last = 0

    def __call__(self) -> str:
        fresh = (self._clock_ms() << _RANDOM_BITS) | (int.from_bytes(self._entropy(10)) & _RANDOM_MASK)
        self._last = max(fresh, self._last + 1)
        return encode(self._last)


def encode(value: int) -> str:
    """Return the 26 characters of a 128-bit `value`."""
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def is_ulid(text: str) -> bool:
    """Say whether `text` is a ULID as `encode` writes it."""
    return len(text) == 26 and text[0] in "01234567" and _VALUES.issuperset(text)
