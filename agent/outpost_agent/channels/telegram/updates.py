"""What the Bot API sends, as far as it is used here; what it has beyond that is passed over.

https://core.telegram.org/bots/api#available-types
"""

from __future__ import annotations

import msgspec

from outpost_wire.errors import BadMessage


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account; its `id` never changes and is never given to anybody else."""

    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str = ""


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation."""

    id: int
    type: str
    title: str = ""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A mark over a part of a text; `offset` and `length` are in UTF-16 units."""

    type: str
    offset: int
    length: int
    user: User | None = None


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file in one of its shapes: document, photo, voice and so on."""

    file_id: str
    file_size: int = 0
    file_name: str = ""
    mime_type: str = ""
    width: int = 0
    height: int = 0


class Sticker(msgspec.Struct, frozen=True, kw_only=True):
    """A sticker; `emoji` is what it stands for."""

    emoji: str = ""


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A place on earth."""

    latitude: float
    longitude: float


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's number."""

    phone_number: str
    first_name: str = ""
    last_name: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """The message that a message answers."""

    message_id: int
    sender: User | None = msgspec.field(default=None, name="from")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message; with `date` 0 it is one whose content we may not see."""

    message_id: int
    chat: Chat
    date: int = 0
    sender: User | None = msgspec.field(default=None, name="from")
    sender_chat: Chat | None = None
    text: str = ""
    caption: str = ""
    entities: tuple[Entity, ...] = ()
    caption_entities: tuple[Entity, ...] = ()
    reply_to_message: Answered | None = None
    media_group_id: str = ""
    document: File | None = None
    photo: tuple[File, ...] = ()
    audio: File | None = None
    video: File | None = None
    video_note: File | None = None
    voice: File | None = None
    animation: File | None = None
    sticker: Sticker | None = None
    location: Location | None = None
    contact: Contact | None = None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A button was pressed."""

    id: str
    sender: User = msgspec.field(name="from")
    message: Message | None = None
    data: str = ""


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened."""

    update_id: int
    message: Message | None = None
    callback_query: Query | None = None


class _Numbered(msgspec.Struct, frozen=True):
    update_id: int


def parse_updates(raw: bytes) -> tuple[Update, ...]:
    """Return the updates in `raw`, in order; one that cannot be read is there with its number only.

    Raises BadMessage when not even the numbers can be read.
    """
    try:
        pieces = msgspec.json.decode(raw, type=tuple[msgspec.Raw, ...])
        return tuple(_parse_update(piece) for piece in pieces)
    except msgspec.DecodeError as error:
        raise BadMessage(f"updates: {error}") from error


def _parse_update(raw: msgspec.Raw) -> Update:
    try:
        return msgspec.json.decode(raw, type=Update)
    except msgspec.DecodeError:
        return Update(update_id=msgspec.json.decode(raw, type=_Numbered).update_id)
