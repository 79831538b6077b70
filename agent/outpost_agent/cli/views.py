"""What the daemon answers, as types: parsed once where it comes in. Fields that are not known here are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from outpost_wire.errors import BadMessage

T = TypeVar("T")


class Device(msgspec.Struct, frozen=True):
    """Who the device is."""

    id: str
    name: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the machine is: shares of 0 to 1, °C, and bytes of the daemon's memory."""

    cpu: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    load: float = 0.0
    temperature: float | None = None
    rss: int = 0


class Link(msgspec.Struct, frozen=True):
    """The way to the manager, and how many messages wait for it."""

    connected: bool
    outbox: int = 0


class Channel(msgspec.Struct, frozen=True):
    """A chat channel."""

    id: str
    state: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the device is doing."""

    device: Device
    release: str = ""
    state: str = ""
    uptime_s: float = 0.0
    pid: int = 0
    chat: str = ""
    health: Health = Health()
    tasks: Mapping[str, int] = {}
    link: Link | None = None
    channels: tuple[Channel, ...] = ()


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is shown; `parents` only where one task was asked for."""

    id: str
    kind: str
    state: str
    title: str = ""
    progress: float | None = None
    created: str = ""
    updated: str = ""
    attempt: int = 0
    error: str | None = None
    parents: tuple[TaskView, ...] = ()


class Cancelled(msgspec.Struct, frozen=True):
    """The ids of the tasks that were cancelled."""

    cancelled: tuple[str, ...]


class Accepted(msgspec.Struct, frozen=True):
    """What became of a question: its message and the last task that it started."""

    message_id: str
    task_id: str | None = None


class AskUpdate(msgspec.Struct, frozen=True):
    """What is said while a question is worked on."""

    accepted: Accepted | None = None
    task: TaskView | None = None


class File(msgspec.Struct, frozen=True):
    """A file of an answer; its descriptor came along, its bytes packed when `encoding` says so."""

    name: str
    type: str = ""
    size: int = 0
    encoding: str = ""


class Answered(msgspec.Struct, frozen=True):
    """An answer: Markdown and files."""

    text: str
    attachments: tuple[File, ...] = ()


def parse(value: Any, kind: type[T]) -> T:
    """Return `value` as `kind`; raises BadMessage when the daemon speaks another language than this command."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadMessage(f"the device answered in another version's words ({error}); restart it") from error
