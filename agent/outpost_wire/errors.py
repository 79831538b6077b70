"""The root of Outpost's errors.

Every error that a person may read carries a stable `code`, an English sentence and, where it reaches a chat, a
Chinese one; none of them ever holds a key, a token or a chat's text.
"""

from __future__ import annotations

from typing import ClassVar


class OutpostError(Exception):
    """What went wrong and what to do, in one sentence; `code` names the kind for machines."""

    code: ClassVar[str] = "error"


class BadMessage(OutpostError):
    """Bytes from outside that are not the message they should be; names the field at fault."""

    code = "bad_message"


class BadInput(OutpostError):
    """Something a person handed in that cannot be worked on; says why in both languages.

    `str(error)` is the English sentence, `error.zh` the Simplified Chinese one.
    """

    code = "bad_input"

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh

    def __reduce__(self) -> tuple[type[BadInput], tuple[str, str]]:
        return type(self), (self.en, self.zh)


class BadSetting(BadInput):
    """A setting that is unknown or wrong; names the file, the key and what was expected."""

    code = "bad_setting"
