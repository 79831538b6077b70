"""The result of an analysis, as it is kept in analysis.json: facts without words of any language."""

from __future__ import annotations

from typing import Literal

import msgspec

from outpost_agent.logs.axis import Axis
from outpost_agent.logs.logins import Login
from outpost_agent.logs.mining.values import Part
from outpost_agent.logs.standardise import NO_CHANGES, Changes, Summary

ANALYSIS_FILE = "analysis.json"

AnomalyKind = Literal["error_spike", "burst", "new", "rare"]
Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the log that is not as usual.

    `error_spike`: more errors than usual in a stretch of time; `burst`: more of one template than usual; `new`: a
    template first seen in the last fifth of the log; `rare`: one seen once or twice. `count` events lie between `time`
    and `until` (None where the log has no times); `usual` is the median of a bucket. `line` is that of `example`, in
    `source` if there are several files.
    """

    kind: AnomalyKind
    severity: Severity
    template: str
    text: str
    level: str | None
    time: str | None
    until: str | None
    count: int
    usual: float
    score: float
    line: int
    source: str
    example: str


class TemplateUse(msgspec.Struct, frozen=True, kw_only=True):
    """A template, how often and when it was used, its first message with level and place, and what varies in it."""

    id: str
    template: str
    count: int
    level: str | None
    first: str | None
    last: str | None
    line: int = 0
    source: str = ""
    example: str = ""
    parts: tuple[Part, ...] = ()


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a log.

    `levels` holds per level (`none` for events without one) the events of each bucket of `axis`. `templates` are the
    most used. `found` counts the anomalies of each kind before the list was cut to the most telling. `failed_logins`
    counts all failures, `logins` lists the suspicious sources, of `login_sources` in all; `dropped_sources` could not
    be kept. `changes` tells this run from those before it.
    """

    summary: Summary
    axis: Axis
    levels: dict[str, list[int]]
    templates: tuple[TemplateUse, ...]
    anomalies: tuple[Anomaly, ...]
    found: dict[str, int]
    logins: tuple[Login, ...]
    login_sources: int
    failed_logins: int
    dropped_sources: int
    changes: Changes = NO_CHANGES
