"""The interface of a chat channel: how one platform's messages come in and go out.

A channel is an adapter and holds no policy: it turns the platform's messages into `Incoming`, asks
`ChannelContext.admit` whether this person may talk before it fetches any file, hands the message to
`ChannelContext.accept` and acknowledges it to the platform only after that returned; and it carries out one `send` at
a time per chat. Who may say what, splitting, retries, the states of delivery and what may leave the device are the
daemon's. A channel reaches its platform only through the `Outlet` that its factory is given, which knows the proxy.
Checked by `outpost_sdk.suites.channel`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import msgspec

from outpost_sdk.handler import Language
from outpost_wire.document import Button
from outpost_wire.errors import BadInput, OutpostError

if TYPE_CHECKING:
    from aiohttp import ClientSession, ClientTimeout


class Delivery(Enum):
    """How a platform takes what we say.

    BY_SEQUENCE: readers fetch by sequence number and say how far they have read (our own web chat): exactly once.
    BY_CALL: we call the platform, and a call that breaks off may or may not have been carried out.
    """

    BY_SEQUENCE = "by_sequence"
    BY_CALL = "by_call"


Format = Literal["tree", "plain", "telegram"]


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform can take; where a limit is 0 there is none, or the platform cannot do it at all (see below).

    `format` names the renderer: `tree` is the document tree itself, `telegram` the HTML of its Bot API. `text_limit`
    counts `text_unit`s of what a person sees, not of the mark-up; `mark_limit` is how many marks (bold, links, code …)
    one message may hold. `attachment_limit` is in bytes. No buttons where `buttons_limit` is 0; `button_label` is in
    characters, `button_bytes` is what a button's command may take in UTF-8. What was said cannot be changed where
    `edit_interval_s` is 0; else it is the least time between two changes.
    """

    delivery: Delivery
    format: Format = "plain"
    text_limit: int = 0
    text_unit: Literal["codepoint", "utf16", "byte"] = "codepoint"
    mark_limit: int = 0
    attachment_limit: int = 0
    attachments_per_message: int = 10
    buttons_limit: int = 0
    button_label: int = 0
    button_bytes: int = 0
    edit_interval_s: float = 0.0


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


class Unfetched(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message that the platform does not give to us; `size` is in bytes, 0 when it is not known."""

    name: str
    size: int = 0


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it came in.

    `platform_id` is unique within the channel and the same when the platform repeats the message; `digest` tells a
    repetition from another message under the same id, where a platform can confuse them. `sender` is the
    platform's immutable id of the person, `sender_name` what they call themselves there. In a group, `is_addressed`
    says whether the device is meant. Messages that belong together, as the pictures of an album do, come one by one
    with the same `album`.
    """

    channel: str
    platform_id: str
    chat: str
    sender: str
    sender_name: str = ""
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    unfetched: tuple[Unfetched, ...] = ()
    language: Language | None = None
    is_group: bool = False
    is_addressed: bool = True
    album: str = ""
    digest: bytes = b""


class Accepted(msgspec.Struct, frozen=True):
    """What became of a message: its id here and the last task of the chain it started, if any."""

    message_id: str
    task_id: str | None


class OutgoingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be sent; `size`, in bytes, is that of what `read()` gives, piece by piece."""

    name: str
    type: str
    size: int
    read: Callable[[], AsyncIterator[bytes]]


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One call's worth of a message: a text that fits the channel's `Caps`, or one file.

    `seq` rises on one device and is never used again; a message too long for one call has several `part`s from 0, each
    sent after the one before was confirmed. `text` is in the channel's format.
    """

    seq: int
    id: str
    chat: str
    part: int = 0
    text: str = ""
    buttons: tuple[Button, ...] = ()
    file: OutgoingFile | None = None
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


class NotPaired(BadInput):
    """This person is not known to the device."""

    code = "not_paired"


class ChannelHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel is: one sentence in each language where it is not simply on.

    `refused`: the platform does not take our credentials, and trying again will not help. `contested`: another program
    uses them. `account` is who we are on the platform, such as "@helper_bot".
    """

    state: Literal["connecting", "on", "unreachable", "refused", "contested", "broken"]
    en: str = ""
    zh: str = ""
    account: str = ""


class ChannelDown(BadInput):
    """The platform was not reached or did not want us; carries the sentence for people."""

    code = "channel_down"


class Outlet(Protocol):
    """The way to a platform: by the proxy that is set for the channel, or straight."""

    def open(self, *, timeout: ClientTimeout | None = None) -> ClientSession:
        """Return a client; whoever asked for it closes it."""
        ...


class ChannelContext(Protocol):
    """What the daemon offers a channel."""

    async def admit(self, incoming: Incoming) -> bool:
        """Say whether this person may talk here; to be asked with a message's words, before its files are fetched.

        Whom the device does not know is dealt with by that (a code to pair, or silence): acknowledge the message and go
        on. Changes nothing when the same message is asked about again.
        """
        ...

    async def accept(self, incoming: Incoming) -> Accepted:
        """Commit a message to disk and start its work; only then may the platform be told that it arrived.

        A repeated platform id gives the first answer. Raises NotPaired, KeyReused, DeviceFull or BadInput.
        """
        ...

    async def keep(self, name: str, type_: str, content: AsyncIterator[bytes]) -> Attachment:
        """Stream a file to the disk; it is forgotten unless a message that is accepted names it.

        Raises AttachmentTooLarge or DeviceFull, having kept nothing.
        """
        ...

    def tell(self, health: ChannelHealth) -> None:
        """Say how the channel is, whenever that changes."""
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


@runtime_checkable
class ShowsWork(Protocol):
    """A channel that can show that the device is at work. What fails here is passed over: it is only a courtesy."""

    async def typing(self, chat: str) -> None:
        """Show for a few seconds that an answer is being made. Raises SendLater, SendRefused or SendUnknown."""
        ...

    async def show_progress(self, chat: str, text: str, shown_as: str | None) -> str:
        """Show `text`, in the channel's format, in place of what was `shown_as`; return what to change it by.

        Raises as `send`.
        """
        ...

    async def end_progress(self, chat: str, shown_as: str) -> None:
        """Take away what `show_progress` showed. Raises as `send`."""
        ...


@runtime_checkable
class Checkable(Protocol):
    """A channel that can say at once whether its settings work."""

    async def check(self) -> str:
        """Return the account that the platform knows us by, or raise ChannelDown."""
        ...


Options = Mapping[str, Any]


class ChannelFactory(Protocol):
    """Makes a channel from its settings; raises BadSetting that names the option at fault."""

    def __call__(self, name: str, options: Options, outlet: Outlet) -> Channel:
        """Return the channel called `name`; opens nothing."""
        ...
