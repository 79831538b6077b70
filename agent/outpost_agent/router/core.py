"""What a message asks for: a command, the analysis of its files, or something said freely."""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMMANDS = {
    "status": "status",
    "状态": "status",
    "tasks": "tasks",
    "任务": "tasks",
    "cancel": "cancel",
    "取消": "cancel",
    "help": "help",
    "start": "help",
    "帮助": "help",
}
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
    return Command(word) if word else Said(said)
