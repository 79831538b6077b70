"""Buttons: which of a document's choices a platform can show as buttons, and how the others are said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from outpost_agent.rendering.characters import character_edge, clean, is_blank
from outpost_sdk.channel import Caps
from outpost_wire.document import (
    Block,
    Break,
    Button,
    Buttons,
    CodeSpan,
    Inline,
    Item,
    ListBlock,
    Paragraph,
    Quote,
    Text,
)


def choices(blocks: Iterable[Block | Item]) -> Iterator[Button]:
    """Give the buttons of `blocks` in their order."""
    for block in blocks:
        match block:
            case Buttons(buttons):
                yield from buttons
            case ListBlock(items):
                yield from choices(items)
            case Quote(children) | Item(children):
                yield from choices(children)


def shared_out(buttons: Iterable[Button], caps: Caps) -> tuple[tuple[Button, ...], tuple[Button, ...]]:
    """Return the buttons that the platform can show, with labels that fit, and those that it cannot."""
    shown: list[Button] = []
    told: list[Button] = []
    for button in buttons:
        if len(shown) < caps.buttons_limit and _can_be_pressed(button.command, caps.button_bytes):
            shown.append(Button(_cut(_label(button), caps.button_label), button.command))
        else:
            told.append(button)
    return tuple(shown), tuple(told)


def as_text(buttons: Iterable[Button]) -> Paragraph:
    """Return choices as lines that tell what to write."""
    nodes: list[Inline] = []
    for button in buttons:
        label = _label(button)
        if nodes:
            nodes.append(Break())
        if label != button.command:
            nodes.append(Text(f"{label}: "))
        nodes.append(CodeSpan(button.command))
    return Paragraph(tuple(nodes))


def as_names(buttons: Iterable[Button]) -> Paragraph:
    """Return the labels of choices, for a message that would be nothing but buttons."""
    return Paragraph((Text(" / ".join(button.label for button in buttons)),))


def _label(button: Button) -> str:
    label = " ".join(clean(button.label).split())
    return button.command if is_blank(label) else label


def _can_be_pressed(command: str, limit: int) -> bool:
    if is_blank(command) or command != clean(command):
        return False
    return not limit or len(command.encode()) <= limit


def _cut(label: str, limit: int) -> str:
    if not limit or len(label) <= limit:
        return label
    return label[: character_edge(label, limit - 1)].rstrip() + "…" if limit > 1 else label[:limit]
