"""Lengths, widths and the places where text may be cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_agent.rendering.characters import (
    Unit,
    character_edge,
    clean,
    columns,
    fitting,
    is_blank,
    length,
    word_edge,
)

UNITS: st.SearchStrategy[Unit] = st.sampled_from(["codepoint", "utf16", "byte"])


@pytest.mark.parametrize(
    ("text", "codepoints", "utf16", "bytes_"),
    [("", 0, 0, 0), ("abc", 3, 3, 3), ("é中", 2, 2, 5), ("😀", 1, 2, 4), ("👍🏽", 2, 4, 8), ("\ud83d", 1, 1, 3)],
)
def test_length_is_in_the_unit(text: str, codepoints: int, utf16: int, bytes_: int) -> None:
    assert (length(text, "codepoint"), length(text, "utf16"), length(text, "byte")) == (codepoints, utf16, bytes_)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-2, 40), UNITS)
def test_what_fits_fits_and_one_more_would_not(text: str, room: int, unit: Unit) -> None:
    count = fitting(text, room, unit)
    assert length(text[:count], unit) <= max(room, 0)
    assert count == len(text) or length(text[: count + 1], unit) > room


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("中文", 4), ("e\u0301", 1), ("ｆ", 2), ("ﾊ", 1), ("한", 2)])
def test_columns_follow_the_east_asian_width(text: str, width: int) -> None:
    assert columns(text) == width


@pytest.mark.parametrize(
    ("text", "most", "edge"),
    [
        ("one two", 6, 4),
        ("one two", 3, 3),
        ("onetwo", 5, 0),
        ("one\u00a0two", 6, 0),
        ("中文字", 2, 2),
        ("中文。字", 2, 1),
        ("中（文", 2, 1),
        ("中e\u0301", 2, 1),
        ("", 0, 0),
    ],
)
def test_words_end_at_spaces_and_between_wide_characters(text: str, most: int, edge: int) -> None:
    assert word_edge(text, most) == edge


@pytest.mark.parametrize(
    ("text", "most", "edge"),
    [
        ("abcd", 2, 2),
        ("ae\u0301d", 2, 1),
        ("🇨🇳🇩🇪", 3, 2),
        ("👩\u200d👧a", 2, 2),
        ("a👩\u200d👧", 3, 1),
        ("a\u0301\u0301", 2, 2),
        ("a\u1112\u1161\u11ab", 3, 1),
    ],
)
def test_a_word_is_cut_between_what_people_see_as_characters(text: str, most: int, edge: int) -> None:
    assert character_edge(text, most) == edge


@pytest.mark.parametrize("text", ["", " \t\n", "\u200b\ufeff", "\u2800", "\u3164", "\x00", "\u202e"])
def test_nothing_is_seen_of(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", " 中", "\u0301", "·", "😀"])
def test_something_is_seen_of(text: str) -> None:
    assert not is_blank(text)


def test_clean_keeps_lines_and_tabs() -> None:
    assert clean("a\r\nb\rc\u2028d\te\x07\x9bf\udc00") == "a\nb\nc\nd\tef\ufffd"
