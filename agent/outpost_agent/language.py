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


def accepted_language(header: str) -> Language | None:
    """Return the first of the two languages in an Accept-Language header (RFC 9110, section 12.5.4), or None."""
    ranked: list[tuple[float, Language]] = []
    for part in header.split(","):
        tag, _, quality = part.strip().partition(";q=")
        name = tag.strip().lower().split("-")[0]
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if name == "zh":
            ranked.append((-weight, "zh"))
        elif name == "en":
            ranked.append((-weight, "en"))
    return min(ranked, key=lambda item: item[0])[1] if ranked else None
