"""Finds the header of a log line: its time, level, component and message.

The format is inferred. The format that fitted last is tried first; when it does not fit, the line's start tells which
formats are possible and these are tried in order. So a file may change its format at any line.
"""

from __future__ import annotations

import re
from collections import Counter
from http import HTTPStatus

import msgspec

from outpost_agent.logs import fields
from outpost_agent.logs.formats import BY_KIND, HEAD, LEVEL_ONLY, Format
from outpost_agent.logs.levels import level_of, level_of_number, level_of_status, level_of_syslog
from outpost_agent.logs.times import Clock

_HEAD_LENGTH = 700
_OUTCOMES = {str(int(status)): status.phrase.replace(" ", "-") for status in HTTPStatus}
_PATTERN_LENGTH = 8192
_CONTEXT = re.compile(r"\A\[(?:-|req-[^\]]*)\] ")
"""The request that a line belongs to: part of the message, but not of what it says."""
_REQUEST = re.compile(r'"((?:[^"\\]|\\.)*)" (\d{3}) ')


class Header(msgspec.Struct, frozen=True, gc=False):
    """What a line's header says.

    `seconds` since 1970 and `time` (ISO 8601) are None without a readable time. `message` is the rest of the line,
    `pattern` the text to mine a template from.
    """

    seconds: float | None
    time: str | None
    level: str | None
    component: str
    message: str
    pattern: str


class HeaderParser:
    """Parses the lines of one file; `formats` counts what was found, by name."""

    def __init__(self, clock: Clock) -> None:
        self.formats: Counter[str] = Counter()
        self._clock = clock
        self._last: Format | None = None
        self._is_dated = False

    def parse(self, line: str) -> Header | None:
        """Return the header of `line`, or None if it has none (and so may continue an event)."""
        if line.startswith("{"):
            return self._from_fields("json", fields.from_json(line))
        if len(line) <= _PATTERN_LENGTH:
            return self._from_text(line)
        header = self._from_text(line[:_PATTERN_LENGTH])
        if header is None:
            return None
        return msgspec.structs.replace(header, message=header.message + line[_PATTERN_LENGTH:])

    def _from_text(self, line: str) -> Header | None:
        last = self._last
        if last is not None:
            match = last.pattern.match(line)
            if match is not None:
                return self._header(last, match)
        if line[:1].isspace():
            return None
        kind = HEAD.match(line, 0, _HEAD_LENGTH)
        if kind is not None:
            for candidate in BY_KIND[str(kind.lastgroup)]:
                match = candidate.pattern.match(line)
                if match is not None:
                    self._is_dated = True
                    self._last = None if candidate.is_weak else candidate
                    return self._header(candidate, match)
        found = self._from_fields("logfmt", fields.from_logfmt(line))
        if found is None and not self._is_dated:
            match = LEVEL_ONLY.pattern.match(line)
            if match is not None and level_of(match["level"] or match["bare"]) is not None:
                return self._header(LEVEL_ONLY, match)
        return found

    def _header(self, found: Format, match: re.Match[str]) -> Header:
        self.formats[found.name] += 1
        time, level, component, message = match.group("time", "level", "component", "message")
        moment = self._clock.read(found.kind, time)
        seconds, written = moment if moment is not None else (None, None)
        pattern = message = message or ""
        if not level:
            known = level_of(match["bare"]) if found is LEVEL_ONLY else None
        elif not level[0].isdigit():
            known = level_of(level)
            if found.name == "openstack":
                pattern = pattern_of(message)
        elif found.name == "access":
            known = level_of_status(int(level))
            pattern = _request_pattern(match["request"], level)
        else:
            known = level_of_syslog(int(level))
        return Header(seconds, written, known, component or "", message, pattern)

    def _from_fields(self, name: str, found: fields.Fields | None) -> Header | None:
        if found is None:
            return None
        self.formats[name] += 1
        moment = self._clock.any(found.time) if found.time else None
        seconds, written = moment if moment is not None else (None, None)
        level = _level_of_field(found.level)
        return Header(seconds, written, level, found.component, found.message, found.message)


def pattern_of(message: str) -> str:
    """Return the text that the template of a message was mined from, told from the message alone."""
    if message[:1] == "[":
        return _CONTEXT.sub("", message, count=1)
    request = _REQUEST.match(message, 0, _PATTERN_LENGTH) if message[:1] == '"' else None
    return message if request is None else _request_pattern(request[1], request[2])


def _level_of_field(text: str) -> str | None:
    if text[:1].isdigit():
        try:
            return level_of_number(float(text))
        except ValueError:
            return None
    return level_of(text)


def _request_pattern(request: str, status: str) -> str:
    """Return what makes requests alike: the method, what became of it, and the path without its query."""
    method, _, rest = request.partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    return f"{method}:{_OUTCOMES.get(status, 'Unknown')} {path}"
