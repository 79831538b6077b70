"""Which of the two languages a person is answered in."""

from __future__ import annotations

import re

from outpost_sdk.handler import Language

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_LETTERS = re.compile(r"[A-Za-z]{2,}")


def language_of(text: str, preferred: Language | None = None) -> Language:
    """Return the language of `text`; when that does not tell, the one `preferred`, else English."""
    if _HAN.search(text):
        return "zh"
    if _LETTERS.search(text) and not text.lstrip().startswith(("/", "／")):
        return "en"
    return preferred or "en"
