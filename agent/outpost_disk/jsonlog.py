"""Logs for machines: one JSON object per line on standard error, or short lines on a terminal.

What is logged is fields (`extra={...}`), never sentences built from data, so that no text of a chat and no secret
gets in by accident; an exception is told by its type and place, not by its message, unless it is one of ours.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from outpost_wire.errors import OutpostError

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_PRIORITY = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
_TEXT_LIMIT = 500


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; with `journal` a syslog priority goes before it (sd-daemon(3))."""

    def __init__(self, *, journal: bool = False) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        line = msgspec.json.encode(_fields(record), enc_hook=str).decode()
        return f"<{_PRIORITY.get(record.levelno, 6)}>{line}" if self._journal else line


class ShortLines(logging.Formatter):
    """Formats a record for a person who watches a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        head = f"{fields.pop('time')[11:19]} {fields.pop('level'):<7} {fields.pop('logger')}: {fields.pop('event')}"
        return " ".join([head, *(f"{key}={value}" for key, value in fields.items())])


def setup(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log record of `level` and above to `stream`, standard error when None."""
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    is_terminal = target.isatty()
    handler.setFormatter(ShortLines() if is_terminal else JsonLines(journal="JOURNAL_STREAM" in os.environ))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "event": record.getMessage()[:_TEXT_LIMIT],
    }
    fields.update((key, value) for key, value in record.__dict__.items() if key not in _OWN)
    if record.exc_info and record.exc_info[1] is not None:
        fields.update(_describe(record.exc_info[1]))
    return fields


def _describe(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    place = [f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames[-6:]]  # noqa: PTH119
    described: dict[str, Any] = {"error": type(error).__name__, "at": place}
    if isinstance(error, OutpostError | OSError):
        described["reason"] = str(error)[:_TEXT_LIMIT]
    if isinstance(error, BaseExceptionGroup):
        described["errors"] = [_describe(inner) for inner in error.exceptions[:5]]
    return described
