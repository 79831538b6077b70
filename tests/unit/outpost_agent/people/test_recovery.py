"""The recovery file: what people do to it, and what is noticed."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from outpost_agent.people import RecoveryRefused
from outpost_agent.people.core import ALPHABET
from outpost_agent.people.recovery import digest_of, new_secret, parse_recovery, recovery_text

NOW = 1_800_000_000_000
SECRETS = st.text(alphabet=ALPHABET, min_size=28, max_size=28)
SECRET = "ABCDEFGHJKLMNPQRSTUVWXYZ2345"


def line(secret: str = SECRET) -> str:
    return recovery_text(secret, "Kitchen (outpost-1)", NOW).splitlines()[-1]


def test_the_file_says_in_both_languages_what_it_is_and_for_which_device() -> None:
    text = recovery_text(SECRET, "Kitchen (outpost-1)", NOW)
    assert "RECOVERY FILE" in text
    assert "恢复文件" in text
    assert "Device / 设备: Kitchen (outpost-1)" in text
    assert "2027-01-15 08:00 UTC" in text
    assert max(len(each) for each in text.splitlines()) <= 80


def test_a_secret_has_140_bits() -> None:
    assert len(new_secret(random.Random(1).randbytes)) * 5 == 140


@given(SECRETS, st.text(max_size=100))
def test_the_whole_file_is_read(secret: str, device: str) -> None:
    assert parse_recovery(recovery_text(secret, device, NOW)) == secret


@given(SECRETS, st.randoms())
def test_the_last_line_alone_is_read_however_it_is_typed(secret: str, chance: random.Random) -> None:
    typed = "".join(each.lower() if chance.random() < 0.5 else each for each in line(secret))
    for dash in (" ", "", "–", "－", " - ", "\n"):
        assert parse_recovery(f"  {typed.replace('-', dash)}\r\n") == secret


def test_a_file_that_went_through_a_mail_program_is_read() -> None:
    text = recovery_text(SECRET, "Kitchen", NOW)
    quoted = "\ufeff" + "\r\n".join(f"> {each}" for each in text.splitlines())
    assert parse_recovery(quoted) == SECRET


def test_the_name_of_a_device_cannot_pass_for_the_secret() -> None:
    other = line("2" * 28)
    assert parse_recovery(recovery_text(SECRET, other, NOW)) == SECRET


@given(SECRETS, st.integers(0, 34), st.sampled_from(ALPHABET))
def test_a_wrong_character_is_noticed_and_its_group_named(secret: str, place: int, wrong: str) -> None:
    groups = line(secret).split("-")
    group, at = divmod(place, 5)
    assume(groups[group][at] != wrong)
    groups[group] = groups[group][:at] + wrong + groups[group][at + 1 :]
    with pytest.raises(RecoveryRefused, match=f"group {group + 1} .*{groups[group]}"):
        parse_recovery("-".join(groups))


@given(SECRETS, st.integers(0, 6), st.sampled_from(list(itertools.combinations(range(5), 2))))
def test_two_characters_that_changed_places_are_noticed(secret: str, group: int, places: tuple[int, int]) -> None:
    groups = line(secret).split("-")
    characters, (one, other) = list(groups[group]), places
    assume(characters[one] != characters[other])
    characters[one], characters[other] = characters[other], characters[one]
    groups[group] = "".join(characters)
    with pytest.raises(RecoveryRefused, match=f"group {group + 1}"):
        parse_recovery("-".join(groups))


@given(SECRETS, st.permutations(range(7)))
def test_groups_in_another_order_are_noticed(secret: str, order: list[int]) -> None:
    assume(order != sorted(order))
    groups = line(secret).split("-")
    with pytest.raises(RecoveryRefused, match="typing error in group"):
        parse_recovery("-".join(groups[number] for number in order))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        line()[:-1],
        line() + "A",
        line()[6:],
        recovery_text(SECRET, "Kitchen", NOW).replace(line(), ""),
        recovery_text(SECRET, "Kitchen", NOW).replace(line(), line()[:-1]),
        "\x00" * 100,
        "水" * 50_000,
    ],
)
def test_without_a_code_it_says_what_to_hand_in(text: str) -> None:
    with pytest.raises(RecoveryRefused, match="seven groups of five"):
        parse_recovery(text)


@pytest.mark.parametrize("wrong", "0O")
def test_a_character_that_no_code_has_is_named(wrong: str) -> None:
    with pytest.raises(RecoveryRefused, match="no 0 and no O"):
        parse_recovery(wrong + line()[1:])


@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(RecoveryRefused) as caught:
        parse_recovery(text)
    assert caught.value.en
    assert caught.value.zh


@pytest.mark.parametrize("now", [-1, 0, 2**53, 2**63])
def test_a_clock_beyond_all_calendars_makes_a_file_all_the_same(now: int) -> None:
    assert parse_recovery(recovery_text(SECRET, "", now)) == SECRET


def test_the_digest_does_not_show_the_secret() -> None:
    assert len(digest_of(SECRET)) == 32
    assert digest_of(SECRET) != digest_of("2" * 28)
