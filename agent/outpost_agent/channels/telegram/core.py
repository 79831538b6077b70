"""The rules of the Telegram adapter: what a message says and whom it means, what an answer of the Bot API amounts to.

Offsets and lengths of the Bot API count UTF-16 units.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from outpost_agent.channels.telegram.updates import Entity, File, Message, Query, User
from outpost_sdk.channel import Incoming
from outpost_sdk.handler import Language
from outpost_wire.document import Button

PRESSED = "cb:"

_TAG = re.compile(r"<[^>]*>")
_AFTER_MENTION = " \t\r\n,:，：、"
_NAME_LIMIT = 200
_BUTTON_ROW = 24
"""How many characters of labels stand side by side; a phone shows about as many."""


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message, not fetched yet; `size` is in bytes, 0 when it is not known."""

    file_id: str
    name: str
    type: str
    size: int


def platform_id(chat: int | str, message_id: int) -> str:
    """Return what names a message within the channel."""
    return f"{chat}:{message_id}"


def message_id(platform: str | None, chat: str) -> int | None:
    """Return the number within `chat` of the message named `platform`, or None for one that is not there."""
    where, _, number = (platform or "").rpartition(":")
    return int(number) if where == chat and number.isdecimal() else None


def language_of(user: User) -> Language | None:
    """Return which of our languages this person reads, or None when their app does not say."""
    if not user.language_code:
        return None
    return "zh" if user.language_code.lower().startswith("zh") else "en"


def incoming_of(channel: str, me: User, message: Message) -> Incoming | None:
    """Return what a person wrote, without its files, or None for what nobody has to answer.

    Whoever writes as a group or channel is known by its id, which is no person's: an anonymous administrator is
    somebody else each time.
    """
    author = message.sender_chat or message.sender
    if author is None or message.sender is None or (message.sender.is_bot and message.sender_chat is None):
        return None
    text, entities = message.text or message.caption, message.entities or message.caption_entities
    text = text or _said_otherwise(message)
    if not text and attached_to(message) is None:
        return None
    is_group = message.chat.type != "private"
    return Incoming(
        channel=channel,
        platform_id=platform_id(message.chat.id, message.message_id),
        chat=str(message.chat.id),
        sender=str(author.id),
        sender_name=message.sender_chat.title if message.sender_chat else name_of(message.sender),
        text=_without_address(text, entities, me),
        language=language_of(message.sender),
        is_group=is_group,
        is_addressed=not is_group or _is_meant(message, text, entities, me),
        album=f"{message.chat.id}:{message.media_group_id}" if message.media_group_id else "",
    )


def pressed(channel: str, query: Query) -> Incoming | None:
    """Return the message that pressing a button amounts to, or None where it cannot be answered."""
    if query.message is None or not query.data:
        return None
    return Incoming(
        channel=channel,
        platform_id=f"{PRESSED}{query.id}",
        chat=str(query.message.chat.id),
        sender=str(query.sender.id),
        sender_name=name_of(query.sender),
        text=query.data,
        language=language_of(query.sender),
        is_group=query.message.chat.type != "private",
    )


def name_of(user: User) -> str:
    """Return what a person calls themselves."""
    return f"{user.first_name} {user.last_name}".strip() or user.username


def attached_to(message: Message) -> Attached | None:
    """Return the file of a message, a picture in its largest size, with a name by which it can be kept."""
    number = message.message_id
    if message.document:
        return _attached(message.document, f"document-{number}", "application/octet-stream")
    if message.animation:
        return _attached(message.animation, f"animation-{number}.mp4", "video/mp4")
    if message.photo:
        largest = max(message.photo, key=lambda size: (size.width * size.height, size.file_size))
        return _attached(largest, f"photo-{number}.jpg", "image/jpeg")
    if message.audio:
        return _attached(message.audio, f"audio-{number}.mp3", "audio/mpeg")
    if message.voice:
        return _attached(message.voice, f"voice-{number}.ogg", "audio/ogg")
    if message.video or message.video_note:
        return _attached(message.video or message.video_note, f"video-{number}.mp4", "video/mp4")
    return None


def clean_name(name: str) -> str:
    """Return the last part of a file name, without control characters and of bounded length; "" where none is left."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in last if character.isprintable()).strip(". ")[-_NAME_LIMIT:]


def served_path(file_path: str, token: str) -> str:
    """Return where below /file/botTOKEN/ a file is served.

    A local Bot API server names it by its place on its own disk, below a folder that is called as the token.
    """
    path = file_path.removeprefix("file://")
    for folder in (token, token.replace(":", "~")):
        before, found, after = path.partition(f"/{folder}/")
        if found and (not before or before.startswith("/")):
            return after
    return path.lstrip("/")


def keyboard(buttons: Iterable[Button]) -> dict[str, Any]:
    """Return the inline keyboard; short labels stand side by side."""
    rows: list[list[dict[str, str]]] = []
    room = 0
    for button in buttons:
        if not rows or len(button.label) > room:
            rows.append([])
            room = _BUTTON_ROW
        rows[-1].append({"text": button.label, "callback_data": button.command})
        room -= len(button.label)
    return {"inline_keyboard": rows}


def marked_up(source: str) -> dict[str, Any]:
    """Return the parameters that show `source`, in the HTML of the Bot API."""
    return {"text": source, "parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}


def mended(parameters: dict[str, Any], moved_to: int | None, is_marks: bool) -> dict[str, Any] | None:
    """Return what to call with in place of `parameters`, which were refused, or None when there is nothing to mend.

    A group that became a supergroup has another id, and its messages other numbers; marks that the server does not take
    are left out. Each is mended once.
    """
    if moved_to is not None and parameters["chat_id"] != moved_to:
        return {**{key: value for key, value in parameters.items() if key != "reply_parameters"}, "chat_id": moved_to}
    if is_marks and "parse_mode" in parameters:
        plain = {key: value for key, value in parameters.items() if key != "parse_mode"}
        return {**plain, "text": without_marks(parameters["text"])}
    return None


def without_marks(source: str) -> str:
    """Return the words of our own HTML, for a server that does not take the marks."""
    return html.unescape(_TAG.sub("", source))


def utf16_slice(text: str, offset: int, length: int) -> str:
    """Return the part of `text` that an entity covers."""
    encoded = text.encode("utf-16-le")
    return encoded[offset * 2 : (offset + length) * 2].decode("utf-16-le", errors="replace")


def _attached(file: File | None, name: str, type_: str) -> Attached:
    assert file is not None
    return Attached(
        file_id=file.file_id,
        name=clean_name(file.file_name) or name,
        type=file.mime_type or type_,
        size=file.file_size,
    )


def _said_otherwise(message: Message) -> str:
    """Return what a message without words says."""
    if message.sticker:
        return message.sticker.emoji
    if message.location:
        return f"geo:{message.location.latitude},{message.location.longitude}"
    if message.contact:
        contact = message.contact
        return f"{contact.first_name} {contact.last_name}".strip() + f" {contact.phone_number}"
    return ""


def _is_meant(message: Message, text: str, entities: tuple[Entity, ...], me: User) -> bool:
    answered = message.reply_to_message
    if answered is not None and answered.sender is not None and answered.sender.id == me.id:
        return True
    return any(_names(entity, text, me) for entity in entities)


def _names(entity: Entity, text: str, me: User) -> bool:
    """Say whether an entity is our name, or a command for us alone."""
    if entity.type == "text_mention":
        return entity.user is not None and entity.user.id == me.id
    if entity.type not in ("mention", "bot_command") or not me.username:
        return False
    covered = utf16_slice(text, entity.offset, entity.length).lower()
    return covered.endswith(f"@{me.username.lower()}")


def _without_address(text: str, entities: tuple[Entity, ...], me: User) -> str:
    """Return `text` without our name at its start: "@bot how warm" says "how warm", "/help@bot" says "/help"."""
    for entity in entities:
        if entity.offset == 0 and _names(entity, text, me):
            covered = utf16_slice(text, 0, entity.length)
            rest = text[len(covered) :]
            if entity.type == "bot_command":
                return covered.rpartition("@")[0] + rest
            return rest.lstrip(_AFTER_MENTION)
    return text
