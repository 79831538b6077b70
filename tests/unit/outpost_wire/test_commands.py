"""Commands by their leaf, and a reported shadow that has to fit in a message."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_wire.commands import COMMAND_TYPES, decode_command, leaf_of, verb_of
from outpost_wire.errors import BadMessage
from outpost_wire.ids import encode as ulid
from outpost_wire.messages import (
    MESSAGE_LIMIT,
    ChannelFacts,
    PairingRequest,
    PersonFacts,
    PersonIdentity,
    Reported,
    TaskCancel,
    decode,
    encode,
)
from outpost_wire.shadow import fit
from outpost_wire.topics import COMMANDS, Leaf


def test_every_command_has_a_type_and_a_verb() -> None:
    assert set(COMMAND_TYPES) == COMMANDS
    assert {leaf_of(verb_of(leaf)) for leaf in COMMANDS} == COMMANDS
    assert verb_of(Leaf.PAIR_APPROVE) == "pair.approve"


@pytest.mark.parametrize("verb", ["", "pair", "pair.approve/x", "../state", "PAIR.APPROVE"])
def test_what_is_no_verb_has_no_leaf(verb: str) -> None:
    assert leaf_of(verb) is None


def test_a_command_is_read_by_its_leaf() -> None:
    sent = TaskCancel(id=ulid(1), time_ms=1, task=ulid(2))
    assert decode_command(Leaf.TASK_CANCEL, encode(sent)) == sent
    with pytest.raises(BadMessage, match="shadow/desired is not a command"):
        decode_command(Leaf.SHADOW_DESIRED, encode(sent))


@given(st.binary(max_size=200))
def test_bytes_nobody_thought_of_are_a_bad_message(raw: bytes) -> None:
    for leaf in COMMANDS:
        try:
            decode_command(leaf, raw)
        except BadMessage as error:
            assert str(error)


PERSON = PersonFacts(
    id="x" * 256,
    name="\x01" * 256,
    role="user",
    identities=tuple(PersonIdentity(channel="c" * 64, sender="\x01" * 256, name="\x01" * 256) for _ in range(8)),
)
REQUEST = PairingRequest(
    id=ulid(3), code="K7M29XQP", channel="c", sender="s", name="\x01" * 256, created_ms=2**53, expires_ms=2**53
)
CHANNEL = ChannelFacts(name="c", kind="k", state="on", en="\x01" * 256, zh="\x01" * 256)


def reported(people: int, requests: int, channels: int) -> Reported:
    return Reported(
        id=ulid(1),
        time_ms=1,
        version=1,
        name="pi",
        release="1",
        people=(PERSON,) * people,
        requests=(REQUEST,) * requests,
        channels=(CHANNEL,) * channels,
    )


def test_what_fits_is_left_alone() -> None:
    shadow = reported(1, 3, 2)
    assert fit(shadow) is shadow


def test_people_give_way_before_requests_and_channels() -> None:
    shadow = fit(reported(256, 64, 8))
    assert shadow.cut
    assert 0 < len(shadow.people) < 256
    assert (len(shadow.requests), len(shadow.channels)) == (64, 8)


@given(st.integers(0, 20), st.integers(0, 64), st.integers(0, 64), st.integers(500, MESSAGE_LIMIT))
def test_what_was_cut_fits_and_can_be_read(people: int, requests: int, channels: int, limit: int) -> None:
    whole = reported(people, requests, channels)
    shadow = fit(whole, limit)
    raw = encode(shadow)
    assert len(raw) <= limit
    assert decode(raw, Reported) == shadow
    assert shadow.cut == (len(encode(whole)) > limit)


def test_a_manager_of_the_last_release_reads_what_this_one_reports() -> None:
    class Old(msgspec.Struct, frozen=True, kw_only=True):
        version: int
        name: str
        release: str
        labels: dict[str, str] = {}

    assert decode(encode(reported(1, 1, 1)), Old).name == "pi"
