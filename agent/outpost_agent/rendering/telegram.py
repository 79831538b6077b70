"""The HTML of Telegram's Bot API (core.telegram.org/bots/api#html-style)."""

from __future__ import annotations

import re

from outpost_agent.rendering.lines import Kind, Mark, Marks

_TAGS = {
    Kind.STRONG: "b",
    Kind.EMPHASIS: "i",
    Kind.STRIKE: "s",
    Kind.CODE: "code",
    Kind.LINK: "a",
    Kind.LITERAL: "pre",
    Kind.QUOTE: "blockquote",
}
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,32}")


class TelegramHtml:
    """Telegram's HTML. Quotes do not nest there, and code stands under no other mark but a quote's.

    Only http and https make a link: the server drops any other address without a word.
    """

    kinds: frozenset[Kind] = frozenset(_TAGS)
    schemes: tuple[str, ...] = ("http://", "https://")

    def under(self, marks: Marks, mark: Mark) -> Marks:
        kinds = {other.kind for other in marks}
        if mark.kind in kinds:
            return marks
        if mark.kind is Kind.CODE:
            return marks if Kind.LINK in kinds else (mark,)
        return (*marks, mark)

    def text(self, text: str) -> str:
        return text.translate(_ESCAPES)

    def opening(self, mark: Mark) -> str:
        if mark.kind is Kind.LINK:
            return f'<a href="{self.text(mark.value).replace(chr(34), "&quot;")}">'
        if mark.kind is Kind.LITERAL and _has_language(mark):
            return f'<pre><code class="language-{mark.value}">'
        return f"<{_TAGS[mark.kind]}>"

    def closing(self, mark: Mark) -> str:
        if mark.kind is Kind.LITERAL and _has_language(mark):
            return "</code></pre>"
        return f"</{_TAGS[mark.kind]}>"


def _has_language(mark: Mark) -> bool:
    return _LANGUAGE.fullmatch(mark.value) is not None
