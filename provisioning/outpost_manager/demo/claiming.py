"""Makes whoever runs the demo the owner of its device, by the device's own command, once per state folder.

The recovery file exists for one moment only: in the answer to the claim. So a mark is left before the device is asked
and taken away when the file is written; where the mark is found and the device is owned, a claim was cut off there.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from outpost_disk import replace_file
from outpost_manager.demo.folder import DemoFolder
from outpost_manager.errors import FolderUnusable

PATIENCE_S = 30.0
PAUSE_S = 0.3
PASSING = frozenset({"nobody_listens", "connection_lost", "no_answer"})
"""What the command says while the device is being started again."""
UNCERTAIN = frozenset({"connection_lost", "no_answer"})
"""The failures after which the device may have been claimed all the same."""


class Ownership(enum.Enum):
    """Whose the device is, and how that came about."""

    TAKEN = "claimed just now"
    OURS = "claimed at an earlier start"
    THEIRS = "claimed by somebody, such as with the code in a browser"
    CUT_OFF = "claimed, but its recovery file was never written"
    UNCLEAR = "the device's command did not do it"


class Fault(msgspec.Struct, frozen=True):
    """Why the command failed."""

    code: str
    message: str


class Printed(msgspec.Struct, frozen=True):
    """What `outpost claim --take --json` and `outpost claim --link --json` print."""

    link: str = ""
    recovery: str = ""
    error: Fault | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking: a link, after a claim the recovery file as well, or a failure by its code.

    `is_uncertain` says that the device may have been claimed although this answer does not tell.
    """

    link: str = ""
    recovery: str = ""
    code: str = ""
    reason: str = ""
    is_uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Entrance:
    """How one comes to the device: a one-time link, or none and the reason."""

    ownership: Ownership
    link: str = ""
    reason: str = ""


Ask = Callable[[str], Awaitable[Answer]]


def parse_answer(raw: bytes) -> Answer:
    """Return what the command printed; what is not its document is a failure."""
    try:
        printed = msgspec.json.decode(raw, type=Printed)
    except msgspec.DecodeError:
        return Answer(code="no_document", is_uncertain=True)
    if printed.error is None:
        return Answer(printed.link, printed.recovery)
    code, reason = printed.error.code, printed.error.message
    return Answer(code=code, reason=reason, is_uncertain=code in UNCERTAIN)


async def enter(folder: DemoFolder, ask: Ask, stop: asyncio.Event, *, pause_s: float = PAUSE_S) -> Entrance:
    """Claim the device unless it has an owner, and return a fresh way in.

    `ask(option)` runs the device's claim command; while the device is being started again it is asked again, until
    `stop`. Let it come to its end, or the recovery file may be lost. Blocks on the disk. Raises FolderUnusable.
    """
    try:
        return await _enter(folder, partial(_patiently, ask, stop, pause_s))
    except OSError as error:
        raise FolderUnusable(folder.root, error.strerror or type(error).__name__) from error


async def _enter(folder: DemoFolder, ask: Ask) -> Entrance:
    if folder.recovery.exists():
        folder.claiming.unlink(missing_ok=True)
        link = await ask("--link")
        if link.code != "not_claimed":
            return _entrance(Ownership.OURS, link)
        folder.recovery.replace(folder.old_recovery)  # the device's state was removed: this file is not for the new one
    was_cut_off = folder.claiming.exists()
    replace_file(folder.claiming, b"")
    taken = await ask("--take")
    if taken.recovery:
        replace_file(folder.recovery, taken.recovery.encode())
        folder.claiming.unlink()
        return _entrance(Ownership.TAKEN, taken)
    is_uncertain = was_cut_off or taken.is_uncertain
    if not is_uncertain:
        folder.claiming.unlink()
    if taken.code != "already_claimed":
        return _entrance(Ownership.UNCLEAR, taken)
    return _entrance(Ownership.CUT_OFF if is_uncertain else Ownership.THEIRS, await ask("--link"))


def _entrance(ownership: Ownership, answer: Answer) -> Entrance:
    return Entrance(ownership, answer.link, answer.reason)


async def _patiently(ask: Ask, stop: asyncio.Event, pause_s: float, option: str) -> Answer:
    """Ask until there is an answer that is not a passing failure, or patience ends with the last one."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_S
    answer = await ask(option)
    is_uncertain = answer.is_uncertain
    while answer.code in PASSING and loop.time() < end and not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await stop.wait()
        answer = await ask(option)
        is_uncertain = is_uncertain or answer.is_uncertain
    return replace(answer, is_uncertain=is_uncertain)
