"""What characters are worth: their length in a platform's unit, their width, and where text may be cut."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Unit = Literal["codepoint", "utf16", "byte"]

_ENCODINGS: dict[Unit, tuple[str, int]] = {"utf16": ("utf-16-le", 2), "byte": ("utf-8", 1)}
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_JOINER = "\u200d"
_EXTENDING = re.compile("[\u200c\u200d\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_HANGUL_LEADING = re.compile("[\u1100-\u115f\ua960-\ua97c]")
_HANGUL = re.compile("[\u1100-\u11ff\ua960-\ua97c\uac00-\ud7fb]")
_HANGUL_FOLLOWING = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb]")
_FLAG_LETTER = re.compile("[\U0001f1e6-\U0001f1ff]")
_NO_BREAK = frozenset("\u00a0\u202f\u2060\ufeff")
_NEVER_FIRST = frozenset("、。，．：；！？）］｝〉》」』】〕〗〙〟’”…—～·・ー々ゝゞヽヾっッゃャゅュょョ％")
_NEVER_LAST = frozenset("（［｛〈《「『【〔〖〘〝‘“￥＄")
_UNSEEN = re.compile(
    "[\\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)


def length(text: str, unit: Unit) -> int:
    """Return the length of `text` in code points, UTF-16 code units or bytes of UTF-8."""
    if unit == "codepoint" or text.isascii():
        return len(text)
    encoding, size = _ENCODINGS[unit]
    return len(text.encode(encoding, "surrogatepass")) // size


def fitting(text: str, room: int, unit: Unit) -> int:
    """Return how many characters from the start of `text`, which holds no surrogates, take at most `room` units."""
    begin = text[: max(room, 0)]
    if unit == "codepoint" or begin.isascii():
        return len(begin)
    encoding, size = _ENCODINGS[unit]
    return len(begin.encode(encoding)[: room * size].decode(encoding, "ignore"))


def columns(text: str) -> int:
    """Return the width of `text` in a monospaced font: two for a wide character (UAX #11), none for a mark."""
    return len(text) if text.isascii() else sum(map(_width, text))


def clean(text: str) -> str:
    """Return `text` with every kind of line break as a line feed and without what no platform carries.

    Control characters go; half a surrogate pair becomes U+FFFD. Tabs stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", _BREAKS.sub("\n", text)))


def is_blank(text: str) -> bool:
    """Say whether nothing of `text` can be seen; platforms refuse a message of which that is true.

    White space, controls, what Unicode calls Default_Ignorable_Code_Point, and the empty braille pattern.
    """
    return _UNSEEN.fullmatch(text) is not None


def word_edge(text: str, most: int) -> int:
    """Return the last place in `text`, from 1 to `most`, at which a word ends or begins; 0 when there is none.

    Chinese and Japanese may be cut between any two characters, except before closing and after opening punctuation.
    """
    for index in range(min(most, len(text) - 1), 0, -1):
        before, after = text[index - 1], text[index]
        if _is_space(before) or _is_space(after):
            return index
        if before < "\u1100" and after < "\u1100":
            continue
        is_wide = _width(before) == 2 or _width(after) == 2
        if is_wide and after not in _NEVER_FIRST and before not in _NEVER_LAST and not _belongs(text, index):
            return index
    return 0


def character_edge(text: str, most: int) -> int:
    """Return the last place in `text`, from 1 to `most`, that is not inside what a person sees as one character.

    Follows the extended grapheme clusters of UAX #29 without its rules for prepended marks and Indic conjuncts. Where
    a single cluster goes beyond `most`, it is cut there.
    """
    for index in range(min(most, len(text) - 1), 0, -1):
        if not _belongs(text, index):
            return index
    return most


def _belongs(text: str, index: int) -> bool:
    """Say whether the characters on both sides of `index` are seen as one."""
    before, after = text[index - 1], text[index]
    if after < "\u0300" and before != _JOINER:
        return False
    if before == _JOINER or _EXTENDING.match(after) or unicodedata.category(after)[0] == "M":
        return not _is_space(before)
    if _FLAG_LETTER.match(after):
        return _flag_letters_before(text, index) % 2 == 1
    if _HANGUL_FOLLOWING.match(after):
        return _HANGUL.match(before) is not None
    return _HANGUL_LEADING.match(before) is not None and _HANGUL.match(after) is not None


def _flag_letters_before(text: str, index: int) -> int:
    count = 0
    while count < index and _FLAG_LETTER.match(text[index - 1 - count]):
        count += 1
    return count


def _is_space(character: str) -> bool:
    return character.isspace() and character not in _NO_BREAK


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
