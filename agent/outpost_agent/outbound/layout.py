"""The calls that a message is made of: its text in parts, then one for each of its files.

The number and order of the calls follow from the message, what it offers again and the channel's limits alone, so that
a message that was cut between two calls goes on with the right one. Whether a file can go at all is seen only when its
turn comes; where it cannot, a sentence takes its place.
"""

from __future__ import annotations

from outpost_agent.conversation import Stored
from outpost_agent.language import language_of
from outpost_agent.markdown import parse_markdown
from outpost_agent.rendering import Part, render
from outpost_sdk.channel import Attachment, Caps
from outpost_sdk.handler import Language
from outpost_wire.document import Block, Button, Buttons, Document, Inline, Link, Paragraph, Text

Call = Part | Attachment

UNASKED_LIMIT = 5_000_000
"""Bytes up to which data goes into a chat that nobody asked for; what is larger waits on the device's page."""


def lay_out(message: Stored, offers: tuple[int, ...], caps: Caps) -> tuple[Call, ...]:
    """Return the calls of a message that offers the messages at `offers` again."""
    document = message.document
    if document is None or not document.blocks:
        document = parse_markdown(message.text)
    noted = Document((*document.blocks, *_note(offers, language_of(message.text, message.language), caps)))
    return (*render(noted, caps), *message.attachments)


def gone(name: str, language: Language, caps: Caps) -> Part:
    """Say that a file is not there any more."""
    sentence = {
        "en": f"{name} is not on the device any more, so it cannot be sent. Ask for the work again to get it.",
        "zh": f"{name} 已不在设备上，无法发送。如需该文件，请重新发起任务。",
    }
    return _sentence((Text(sentence[language]),), caps)


def too_large(name: str, size: int, address: str, language: Language, caps: Caps) -> Part:
    """Say that a file is larger than the chat takes, and where it is."""
    before = {
        "en": f"{name} ({_megabytes(size)}) is larger than this chat takes. It is on the device's page: ",
        "zh": f"{name}（{_megabytes(size)}）超过了本聊天的文件上限，可在设备页面上取得：",
    }[language]
    return _sentence((Text(before), *_link(address)), caps)


def is_unasked(file: Attachment) -> bool:
    """Say whether a file is too much to be sent without being asked for; pictures are part of what is told."""
    return file.size > UNASKED_LIMIT and not file.type.startswith("image/")


def stays(name: str, size: int, address: str, language: Language, caps: Caps) -> Part:
    """Say that a large file stays on the device, and where it is."""
    before = {
        "en": f"{name} ({_megabytes(size)}) stays on the device. It is on its page: ",
        "zh": f"{name}（{_megabytes(size)}）保留在设备上，可在设备页面上取得：",
    }[language]
    return _sentence((Text(before), *_link(address)), caps)


def declined(name: str, address: str, language: Language, caps: Caps) -> Part:
    """Say that the platform did not take a file, and where it is."""
    before = {
        "en": f"{name} was not taken by this chat's platform. It is on the device's page: ",
        "zh": f"聊天平台没有接收 {name}，可在设备页面上取得：",
    }[language]
    return _sentence((Text(before), *_link(address)), caps)


def _note(offers: tuple[int, ...], language: Language, caps: Caps) -> tuple[Block, ...]:
    if not offers:
        return ()
    commands = [f"/again {seq}" for seq in offers]
    if language == "zh":
        said = "之前的一条回复可能没有送达。" if len(offers) == 1 else f"之前的 {len(offers)} 条回复可能没有送达。"
        labels = ["再发一次"] if len(offers) == 1 else [f"再发第 {number} 条" for number in range(1, len(offers) + 1)]
        ask = "发送 {} 即可再收一次。"
    else:
        said = (
            "An earlier answer may not have reached you."
            if len(offers) == 1
            else f"{len(offers)} earlier answers may not have reached you."
        )
        labels = ["Send it again"] if len(offers) == 1 else [f"Send no. {n} again" for n in range(1, len(offers) + 1)]
        ask = " Send {} to get it again."
    if not caps.buttons_limit:
        return (Paragraph((Text(said + "".join(ask.format(command) for command in commands)),)),)
    buttons = tuple(Button(label, command) for label, command in zip(labels, commands, strict=True))
    return (Paragraph((Text(said),)), Buttons(buttons[: caps.buttons_limit]))


def _sentence(inlines: tuple[Inline, ...], caps: Caps) -> Part:
    return render(Document((Paragraph(inlines),)), caps)[0]


def _link(address: str) -> tuple[Inline, ...]:
    return (Link(address, (Text(address),)),)


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"
