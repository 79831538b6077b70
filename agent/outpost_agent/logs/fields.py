"""Reads lines that are made of named fields: JSON objects and logfmt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

_TIME = ("time", "timestamp", "@timestamp", "ts", "date", "datetime", "asctime", "eventTime", "@t", "t")
_LEVEL = ("level", "severity", "lvl", "levelname", "log.level", "loglevel", "log_level", "@l", "PRIORITY")
_COMPONENT = ("logger", "component", "logger_name", "name", "module", "service", "source", "SYSLOG_IDENTIFIER", "_COMM")
_MESSAGE = ("message", "msg", "text", "event", "error", "MESSAGE", "@m", "@mt", "log", "request")
_MICROSECONDS = ("__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP")

_LOGFMT = re.compile(r"\s*[A-Za-z_@][\w.@/-]*=(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"]*)(?=\s|$)")
_PAIR = re.compile(r"([A-Za-z_@][\w.@/-]*)=(?:\"((?:[^\"\\]|\\.)*)\"|([^\s\"]*))")
_ESCAPE = re.compile(r"\\(.)")
_decoder = msgspec.json.Decoder()


class Fields(msgspec.Struct, frozen=True, gc=False):
    """What a line of named fields says, each as the text or number it was written as."""

    time: str
    level: str
    component: str
    message: str


def from_json(line: str) -> Fields | None:
    """Return the fields of a JSON object with a time, a level or a message; None for anything else."""
    try:
        row = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    return _chosen(row, line)


def from_logfmt(line: str) -> Fields | None:
    """Return the fields of a line `key=value key="value"` that has a message, or a time and a level; else None."""
    if "=" not in line[:200] or _LOGFMT.match(line) is None:
        return None
    row: dict[str, Any] = {}
    for key, quoted, bare in _PAIR.findall(line):
        row.setdefault(key, _ESCAPE.sub(r"\1", quoted) if quoted else bare)
    has_message = "msg" in row or "message" in row
    if len(row) < 2 or not (has_message or (_first(row, _TIME) and _first(row, _LEVEL))):
        return None
    return _chosen(row, line)


def _chosen(row: Mapping[str, Any], line: str) -> Fields | None:
    time = _first(row, _TIME)
    for key in _MICROSECONDS:
        if not time and key in row:
            time = str(row[key])
    level, message = _first(row, _LEVEL), _first(row, _MESSAGE)
    if not (time or level or message):
        return None
    return Fields(time, level, _first(row, _COMPONENT), message or line)


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of `names` that holds a text or a number, as text; empty if none does."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            if value:
                return value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return repr(value)
    return ""
