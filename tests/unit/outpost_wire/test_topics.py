from __future__ import annotations

import pytest

from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId, FleetId
from outpost_wire.topics import (
    COMMANDS,
    FROM_DEVICE,
    Address,
    Leaf,
    ReplyAddress,
    filter_for,
    is_reply,
    parse_reply,
    parse_topic,
    replies_filter,
    reply_topic,
    topic,
)

FLEET, DEVICE = FleetId("home"), DeviceId("pi-5.local")


@pytest.mark.parametrize("leaf", list(Leaf))
def test_a_topic_is_parsed_back_to_its_address(leaf: Leaf) -> None:
    assert parse_topic(topic(FLEET, DEVICE, leaf)) == Address(FLEET, DEVICE, leaf)


def test_a_topic_is_spelled_as_documented() -> None:
    assert topic(FLEET, DEVICE, Leaf.SHADOW_DESIRED) == "outpost/v1/home/pi-5.local/shadow/desired"


@pytest.mark.parametrize("name", ["", "+", "#", "a/b", "$share", "-a", "a" * 65, "设备", "a\n", "a b"])
def test_refuses_a_name_that_could_mean_something_else_in_a_topic(name: str) -> None:
    with pytest.raises(BadMessage, match="may not stand in a topic"):
        topic(FleetId(name), DEVICE, Leaf.STATE)
    with pytest.raises(BadMessage, match="may not stand in a topic"):
        topic(FLEET, DeviceId(name), Leaf.STATE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not one of"),
        ("outpost/v1/home/pi", "is not one of"),
        ("outpost/v2/home/pi/state", "is not one of"),
        ("/outpost/v1/home/pi/state", "is not one of"),
        ("outpost/v1/home/+/state", "is not a name"),
        ("outpost/v1//pi/state", "is not a name"),
        ("outpost/v1/home/pi/state/", "no such leaf"),
        ("outpost/v1/home/pi/shadow", "no such leaf"),
        ("outpost/v1/home/pi/State", "no such leaf"),
    ],
)
def test_refuses_a_topic_outside_the_tree(text: str, why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        parse_topic(text)


def test_a_filter_covers_every_device_and_is_shared_when_asked() -> None:
    assert filter_for(FLEET, Leaf.EVENT) == "outpost/v1/home/+/event"
    assert filter_for(FLEET, Leaf.EVENT, share="manager") == "$share/manager/outpost/v1/home/+/event"


def test_what_the_manager_publishes_is_not_from_a_device() -> None:
    assert set(Leaf) - FROM_DEVICE == {Leaf.SHADOW_DESIRED, Leaf.ACKED} | COMMANDS


def test_a_reply_topic_is_parsed_back_to_its_address() -> None:
    text = reply_topic(FLEET, DEVICE, "manager")
    assert text == "outpost/v1/home/pi-5.local/reply/manager"
    assert parse_reply(text) == ReplyAddress(FLEET, DEVICE, "manager")
    assert is_reply(text)


def test_a_filter_covers_the_answers_of_every_device_to_one_manager() -> None:
    assert replies_filter(FLEET, "manager") == "outpost/v1/home/+/reply/manager"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "outpost/v1/home/pi/reply",
        "outpost/v1/home/pi/reply/",
        "outpost/v1/home/pi/reply/a/b",
        "outpost/v1/home/pi/reply/+",
        "outpost/v1/home/pi/reply/#",
        "outpost/v1/home/pi/replyx/manager",
        "outpost/v1/home/+/reply/manager",
        "outpost/v1/home/pi/state",
        "other/home/pi/reply/manager",
    ],
)
def test_what_is_no_reply_topic_is_refused(text: str) -> None:
    assert not is_reply(text)
    with pytest.raises(BadMessage):
        parse_reply(text)


@pytest.mark.parametrize("name", ["", "+", "#", "a/b", "a" * 65])
def test_no_reply_topic_is_made_of_what_is_no_name(name: str) -> None:
    with pytest.raises(BadMessage, match="may not stand in a topic"):
        reply_topic(FLEET, DEVICE, name)
    with pytest.raises(BadMessage, match="may not stand in a topic"):
        replies_filter(FLEET, name)
