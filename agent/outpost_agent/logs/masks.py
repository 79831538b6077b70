"""Replaces the parts of a token that are surely variable by `<*>`, before templates are mined.

Only shapes that no programmer types into a message are masked: numbers and what is built of them (addresses, dates,
versions, ports), hexadecimal values and identifiers with a UUID's shape. Digits that belong to a word (`workers2`,
`jk2_init`) stay. Words are left to the miner, which learns from the log itself which of them vary.
"""

from __future__ import annotations

import re

WILDCARD = "<*>"

_VARIABLE = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"0[xX][0-9a-fA-F]+"
    r"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|(?=[a-f]*[0-9])[0-9a-f]{12,}(?![0-9A-Za-z])"
    r"|(?=[A-F]*[0-9])[0-9A-F]{12,}(?![0-9A-Za-z])"
    r"|(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}(?![0-9A-Za-z])"
    r"|(?=[0-9a-fA-F:]{0,39}[0-9])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?![0-9A-Za-z:])"
    r"|[-+]?[0-9]+(?:[.,:/_-][0-9]+)*"
    r")"
)
_REMEMBERED = 20_000
_LONGEST_REMEMBERED = 64


class Masker:
    """Masks messages token by token and remembers what it has masked; memory is bounded."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def tokens(self, message: str) -> list[str]:
        """Return the words of `message`, variable parts replaced by `<*>`."""
        known = self._known
        if len(known) >= _REMEMBERED:
            known.clear()
        tokens = message.split()
        for index, token in enumerate(tokens):
            if not token.isalpha():
                masked = known.get(token)
                if masked is None:
                    masked = _VARIABLE.sub(WILDCARD, token)
                    if len(token) <= _LONGEST_REMEMBERED:
                        known[token] = masked
                tokens[index] = masked
        return tokens
