"""Finds bursts in a series of counts with robust statistics.

How far a bucket lies above the usual is its modified z-score (B. Iglewicz, D. Hoaglin: "How to Detect and Handle
Outliers", 1993): the distance from the median divided by the scaled median absolute deviation (MAD), neither of which
a burst itself can move. Counts are noisy even when nothing happens, about by the square root of the usual count, so
the scale is never below that, nor below one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

FEWEST_BUCKETS = 12
_PEAK = 6.0
_FLANK = 3.0
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Burst:
    """Buckets `start` up to but not `end` hold `count` events where `usual` (per bucket) is the median."""

    start: int
    end: int
    peak: int
    count: int
    usual: float
    score: float


def strongest_burst(counts: Sequence[int], least: int) -> Burst | None:
    """Return the burst around the highest bucket, or None if that is below `least` or not unusual.

    A burst is the buckets next to the peak that are unusual themselves. One that takes more than a quarter of the
    series is not a burst but how the log is.
    """
    if len(counts) < FEWEST_BUCKETS:
        return None
    highest = max(counts)
    if highest < least:
        return None
    usual = median(counts)
    spread = median(abs(count - usual) for count in counts)
    scale = max(_MAD_TO_SIGMA * spread, sqrt(usual), 1.0)
    score = (highest - usual) / scale
    if score < _PEAK:
        return None
    floor = usual + _FLANK * scale
    peak = start = counts.index(highest)
    while start > 0 and counts[start - 1] > floor:
        start -= 1
    end = peak + 1
    while end < len(counts) and counts[end] > floor:
        end += 1
    if (end - start) * 4 > len(counts):
        return None
    return Burst(start, end, peak, sum(counts[start:end]), usual, score)
