"""How well lines were put into groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence


def grouping_accuracy(truth: Sequence[str], found: Sequence[str]) -> float:
    """Return the share of lines whose group is exactly that of the truth (J. Zhu et al., ICSE-SEIP 2019)."""
    right = {frozenset(group) for group in _groups(truth)}
    return sum(len(group) for group in _groups(found) if frozenset(group) in right) / len(truth)


def _groups(labels: Sequence[str]) -> list[list[int]]:
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        members[label].append(index)
    return list(members.values())
