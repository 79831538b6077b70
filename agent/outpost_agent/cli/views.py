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
    account: str = ""


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
    owned: bool = True


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


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Whose device it is: the code and the link that make it somebody's, while it is nobody's."""

    owned: bool
    address: str
    code: str | None = None
    link: str | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A link that signs a browser in once, and the recovery file where there is a new one."""

    link: str
    recovery: str = ""


class Recovery(msgspec.Struct, frozen=True):
    """The text of a recovery file."""

    recovery: str


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a person is on one channel."""

    channel: str
    sender: str
    name: str = ""
    since_ms: int = 0


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person whom the device knows."""

    name: str
    role: str = "user"
    id: str = ""
    identities: tuple[Identity, ...] = ()


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks to talk to the device."""

    code: str
    channel: str
    sender: str
    name: str = ""
    expires_ms: int = 0


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Who is known and who asks."""

    people: tuple[Person, ...] = ()
    requests: tuple[Request, ...] = ()
    turned_away: int = 0


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an answer is about."""

    person: Person
    channel: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Who was turned down."""

    channel: str
    sender: str
    name: str = ""


class ChannelView(msgspec.Struct, frozen=True, kw_only=True):
    """A channel, and in both languages why it is not simply on; `removable` when it does not stand in the settings."""

    name: str
    kind: str = ""
    state: str = ""
    account: str = ""
    en: str = ""
    zh: str = ""
    removable: bool = False


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """Who the device is on a channel's platform."""

    name: str
    account: str = ""


def parse(value: Any, kind: type[T]) -> T:
    """Return `value` as `kind`; raises BadMessage when the daemon speaks another language than this command."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadMessage(f"the device answered in another version's words ({error}); restart it") from error
