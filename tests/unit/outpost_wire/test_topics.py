from __future__ import annotations

import pytest

from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId, FleetId
from outpost_wire.topics import FROM_DEVICE, Address, Leaf, filter_for, parse_topic, topic

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
    assert set(Leaf) - FROM_DEVICE == {Leaf.SHADOW_DESIRED, Leaf.ACKED}
