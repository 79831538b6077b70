"""What the web servers of both ends say and read in the same way."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "outpost",
}
"""Pages load nothing from elsewhere, run no inline script, and stand in no other site's frame."""


def accepted_language(header: str) -> Language | None:
    """Return which of the two languages an Accept-Language header (RFC 9110, section 12.5.4) likes best, or None."""
    best: Language | None = None
    best_weight = 0.0
    for part in header.split(","):
        tag, _, parameter = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        weight = _weight(parameter)
        if primary in ("en", "zh") and weight > best_weight:
            best, best_weight = "zh" if primary == "zh" else "en", weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
