"""The axis of an analysis: time in buckets of a readable width, or the order of events where there is no time."""

from __future__ import annotations

from math import floor

import msgspec

BUCKETS = 240
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_WIDTHS = (
    *(1, 2, 5, 10, 15, 30),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30, 90, 365)),
)


class Axis(msgspec.Struct, frozen=True):
    """`count` buckets of `width` from `start`: seconds since 1970 if `is_time`, else numbers of events from 0."""

    is_time: bool
    start: int
    width: int
    count: int

    def at(self, bucket: int) -> int:
        """Return where `bucket` starts."""
        return self.start + bucket * self.width


def time_axis(first: float, last: float) -> Axis:
    """Return the axis of at most BUCKETS buckets that holds both moments."""
    start, count, width = 0, 0, 0
    for width in (*_WIDTHS, *(365 * _DAY * n for n in (2, 5, 10, 50, 100))):
        start = floor(first / width) * width
        count = floor((last - start) / width) + 1
        if count <= BUCKETS:
            break
    return Axis(True, start, width, count)


def order_axis(events: int) -> Axis:
    """Return the axis over `events` events in their order."""
    width = max(1, -(-events // BUCKETS))
    return Axis(False, 0, width, max(1, -(-events // width)))
