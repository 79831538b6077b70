"""What a message asks for, and what becomes of it when its chat is busy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

WhenBusy = Literal["steer", "queue", "collect", "interrupt"]

ALBUM_MS = 1_500
_COMMANDS = {
    "status": "status",
    "状态": "status",
    "tasks": "tasks",
    "任务": "tasks",
    "cancel": "cancel",
    "取消": "cancel",
    "retry": "retry",
    "重试": "retry",
    "again": "again",
    "重发": "again",
    "analyse": "analyse",
    "analyze": "analyse",
    "分析": "analyse",
    "help": "help",
    "start": "help",
    "帮助": "help",
}
_WORDS = frozenset({"status", "tasks", "cancel", "help"})
_SLASHED = re.compile(r"[/／](\w{1,32})(?:@\w+)?(?:\s+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """A command by its canonical name; `argument` is what followed it, stripped."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """Something that begins with a slash and is no command."""

    name: str


@dataclass(frozen=True, slots=True)
class Analyse:
    """Files came along; `focus` is what was said with them."""

    focus: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Free text."""

    text: str


Intent = Command | UnknownCommand | Analyse | Said


def parse_intent(text: str, *, has_files: bool) -> Intent:
    """Return what a message asks for. Files are analysed whatever is said with them."""
    said = text.strip()
    if has_files:
        return Analyse(said)
    slashed = _SLASHED.fullmatch(said)
    if slashed:
        name = _COMMANDS.get(slashed[1].lower())
        return Command(name, (slashed[2] or "").strip()) if name else UnknownCommand(slashed[1])
    word = _COMMANDS.get(said.lower().rstrip("?？!！.。"))
    return Command(word) if word in _WORDS else Said(said)


class Course(Enum):
    """What becomes of a message."""

    ANSWER = "answer"
    """It is answered at once."""
    START = "start"
    """Its files are its own work, after what is under way."""
    STEER = "steer"
    """Its words join the work under way."""
    GATHER = "gather"
    """It waits until the work under way has ended, and is then done together with what else has come."""
    INTERRUPT = "interrupt"
    """The work under way is cancelled; then as if there had been none."""


def course_of(intent: Intent, when_busy: WhenBusy, *, is_busy: bool) -> Course:
    """Say what becomes of a message in a chat in which its person has work under way, or has not."""
    if isinstance(intent, Command | UnknownCommand):
        return Course.ANSWER
    at_rest = Course.START if isinstance(intent, Analyse) else Course.ANSWER
    if not is_busy or (isinstance(intent, Said) and not intent.text):
        return at_rest
    match when_busy:
        case "steer":
            return Course.STEER if isinstance(intent, Said) else Course.START
        case "queue":
            return at_rest
        case "collect":
            return Course.GATHER
        case "interrupt":
            return Course.INTERRUPT


BUSY = "busy"
ALBUM = "album:"


@dataclass(frozen=True, slots=True)
class Held:
    """A message for which no work was started yet; `why` is BUSY, or ALBUM and the album's id."""

    place: tuple[str, str, str]
    """Channel, chat and person."""
    message_id: str
    why: str
    created_ms: int


def due(held: Sequence[Held], busy: Mapping[tuple[str, str, str], bool], now_ms: int) -> list[list[Held]]:
    """Return the groups of messages whose time has come, each to become one piece of work.

    An album is whole when nothing of it has come for ALBUM_MS; a clock that was set makes it whole at once. What was
    gathered in a busy chat is due when that place is not `busy`.
    """
    groups: dict[tuple[tuple[str, str, str], str], list[Held]] = {}
    for message in held:
        groups.setdefault((message.place, message.why), []).append(message)
    return [
        group
        for (place, why), group in groups.items()
        if (not busy.get(place, False) if why == BUSY else not 0 <= now_ms - group[-1].created_ms < ALBUM_MS)
    ]
