"""The interface of a chat channel: how one platform's messages come in and go out.

A channel is an adapter and holds no policy: it turns the platform's messages into `Incoming`, hands them to
`ChannelContext.accept` and acknowledges them to the platform only after that returned; and it carries out one
`send` at a time per chat. What may be said to whom, splitting, retries and the states of delivery are the daemon's.
Checked by `outpost_sdk.suites.channel`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import Enum
from typing import Literal, Protocol

import msgspec

from outpost_sdk.handler import Language
from outpost_wire.document import Document
from outpost_wire.errors import BadInput, OutpostError


class Delivery(Enum):
    """How a platform takes what we say.

    BY_SEQUENCE: readers fetch by sequence number and say how far they have read (our own web chat): exactly once.
    BY_CALL: we call the platform, and a call that breaks off may or may not have been carried out.
    """

    BY_SEQUENCE = "by_sequence"
    BY_CALL = "by_call"


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform can take. `text_limit` counts `text_unit`s; `attachment_limit` is in bytes."""

    delivery: Delivery
    text_limit: int = 0
    text_unit: Literal["codepoint", "utf16", "byte"] = "codepoint"
    attachment_limit: int = 0
    attachments_per_message: int = 10


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message. `id` names its content in the device's content folder.

    `encoding` is "zstd" for what is stored compressed (RFC 8878); `name`, `type` and `size`, in bytes, are those of the
    plain content.
    """

    id: str
    name: str
    type: str
    size: int
    encoding: Literal["", "zstd"] = ""


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it came in.

    `platform_id` is unique within the channel and the same when the platform repeats the message; `digest` tells a
    repetition from another message under the same id, where a platform can confuse them. `sender` is the
    platform's immutable id of the person.
    """

    channel: str
    platform_id: str
    chat: str
    sender: str
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    language: Language | None = None
    digest: bytes = b""


class Accepted(msgspec.Struct, frozen=True):
    """What became of a message: its id here and the last task of the chain it started, if any."""

    message_id: str
    task_id: str | None


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message to be sent; `seq` rises on one device and is never used again."""

    seq: int
    id: str
    chat: str
    document: Document
    text: str
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    reply_to_platform_id: str | None = None


class KeyReused(BadInput):
    """This platform id was used for another message."""

    code = "key_reused"


class DeviceFull(BadInput):
    """The disk is fuller than the high-water mark; nothing new is accepted."""

    code = "device_full"


class AttachmentTooLarge(BadInput):
    """A file is larger than the device's limit."""

    code = "attachment_too_large"


class SendRefused(OutpostError):
    """The platform said no, for good: nothing was shown to the person."""

    code = "send_refused"


class SendLater(OutpostError):
    """The platform was not reached, or asked for patience; nothing was shown and sending may be tried again."""

    code = "send_later"

    def __init__(self, sentence: str, after_s: float = 1.0) -> None:
        super().__init__(sentence)
        self.after_s = after_s


class SendUnknown(OutpostError):
    """The call broke off after it was made: the person may have seen it or not. It is never blindly repeated."""

    code = "send_unknown"


class ChannelContext(Protocol):
    """What the daemon offers a channel."""

    async def accept(self, incoming: Incoming) -> Accepted:
        """Commit a message to disk and start its work; only then may the platform be told that it arrived.

        A repeated platform id gives the first answer. Raises KeyReused, DeviceFull or BadInput.
        """
        ...

    async def keep(self, name: str, type_: str, content: AsyncIterator[bytes]) -> Attachment:
        """Stream a file to the disk; it is forgotten unless a message that is accepted names it.

        Raises AttachmentTooLarge or DeviceFull, having kept nothing.
        """
        ...


class Channel(Protocol):
    """One platform's adapter."""

    @property
    def id(self) -> str:
        """Return the channel's name, unique on the device."""
        ...

    @property
    def caps(self) -> Caps:
        """Return what the platform can take."""
        ...

    async def run(self, context: ChannelContext) -> None:
        """Bring in messages until cancelled; reconnects by itself and reads a backlog to its end."""
        ...

    async def send(self, outgoing: Outgoing) -> str | None:
        """Send one message and return the platform's id for it, if it has one.

        Raises SendRefused, SendLater or SendUnknown. For BY_SEQUENCE channels: tell those who listen that
        there is something to fetch.
        """
        ...
