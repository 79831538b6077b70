"""From a document to the messages that say it on one platform."""

from __future__ import annotations

from dataclasses import dataclass

from outpost_agent.rendering import choices
from outpost_agent.rendering.dialect import Dialect, write
from outpost_agent.rendering.flow import lay_out
from outpost_agent.rendering.lines import joined
from outpost_agent.rendering.plain import Plain
from outpost_agent.rendering.splitter import Limits, split
from outpost_agent.rendering.telegram import TelegramHtml
from outpost_sdk.channel import Caps, Format
from outpost_wire.document import Button, Document
from outpost_wire.errors import OutpostError

DIALECTS: dict[Format, Dialect] = {"plain": Plain(), "telegram": TelegramHtml()}


class NoRenderer(OutpostError):
    """A format without a renderer was asked for; `tree` has none, because there the document travels as it is."""

    code = "no_renderer"


@dataclass(frozen=True, slots=True)
class Part:
    """One message's worth of a document, in the platform's format; something of it can be seen."""

    text: str
    buttons: tuple[Button, ...] = ()


def render(document: Document, caps: Caps) -> tuple[Part, ...]:
    """Return the messages that say `document` within `caps`, in their order; none for a document without content.

    The buttons go to the last one. A button that the platform cannot show, because there are too many or its command is
    too long, becomes a line that tells the command. Raises NoRenderer; ValueError for a text limit that no splitting
    can keep.
    """
    dialect = DIALECTS.get(caps.format)
    if dialect is None:
        raise NoRenderer(f"there is no renderer for {caps.format}: its documents travel as they are")
    shown, told = choices.shared_out(choices.choices(document.blocks), caps)
    said = Document((*document.blocks, choices.as_text(told)))
    limits = Limits(caps.text_limit, caps.text_unit, caps.mark_limit)
    pieces = [*split(lay_out(said, dialect), limits)]
    if shown and not pieces:
        pieces = [*split(lay_out(Document((choices.as_names(shown),)), dialect), limits)]
    texts = [write(joined(piece), dialect) for piece in pieces]
    return tuple(Part(text, shown if index == len(texts) else ()) for index, text in enumerate(texts, 1))
