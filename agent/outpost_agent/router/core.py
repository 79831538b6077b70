"""What a message asks for, and what becomes of it when its chat is busy."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

WhenBusy = Literal["steer", "queue", "collect", "interrupt"]

ALBUM_MS = 1_500
COMING_MS = 600_000
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

Place = tuple[str, str, str]
"""Channel, chat and person."""


@dataclass(frozen=True, slots=True)
class Held:
    """A message for which no work was started yet; `why` is BUSY, or ALBUM and the album's id."""

    place: Place
    message_id: str
    why: str
    created_ms: int


class Coming:
    """Albums of which a message was announced that is not here yet, because its file is still on its way.

    One that does not come within COMING_MS is not waited for any longer.
    """

    def __init__(self) -> None:
        self._since_ms: dict[tuple[Place, str], int] = {}

    def expect(self, place: Place, why: str, now_ms: int) -> None:
        """Note that a message was announced."""
        self._since_ms[place, why] = now_ms

    def came(self, place: Place, why: str) -> None:
        """Note that it is here, or will not come."""
        self._since_ms.pop((place, why), None)

    def waited_for(self, now_ms: int) -> frozenset[tuple[Place, str]]:
        """Return the albums that are waited for."""
        return frozenset(key for key, since_ms in self._since_ms.items() if 0 <= now_ms - since_ms < COMING_MS)


def due(
    held: Sequence[Held],
    busy: Mapping[Place, bool],
    now_ms: int,
    *,
    is_collecting: bool = False,
    coming: Collection[tuple[Place, str]] = (),
    since_ms: int = 0,
) -> list[list[Held]]:
    """Return the groups of messages whose time has come, each to become one piece of work.

    An album is whole when nothing of it is `coming` or has come for ALBUM_MS, of which the device was there to see it,
    since `since_ms`; a clock that was set makes it whole at once. What was gathered in a busy chat is due when that
    place is not `busy`; a device that `is_collecting` gathers albums with the rest.
    """
    groups: dict[tuple[Place, str], list[Held]] = {}
    for message in held:
        groups.setdefault((message.place, BUSY if is_collecting else message.why), []).append(message)

    def is_due(message: Held, why: str) -> bool:
        if why == BUSY and busy.get(message.place, False):
            return False
        if message.why == BUSY:
            return True
        is_quiet = not 0 <= now_ms - max(message.created_ms, since_ms) < ALBUM_MS
        return is_quiet and (message.place, message.why) not in coming

    return [group for (_, why), group in groups.items() if all(is_due(message, why) for message in group)]
