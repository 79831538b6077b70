from __future__ import annotations

import msgspec
import pytest

from outpost_manager.arrival import EventArrived, StateArrived, read_arrival
from outpost_wire.errors import BadMessage
from tests.unit.outpost_manager.fleet import FLEET, BoxedDevice, task


def test_an_event_is_read_with_its_place() -> None:
    device = BoxedDevice()
    arrival = device.event(7, task(), first=5).read()
    assert isinstance(arrival, EventArrived)
    assert (arrival.device, arrival.uplink.seq, arrival.uplink.first) == ("pi", 7, 5)


def test_a_state_says_whether_the_broker_had_kept_it() -> None:
    arrival = BoxedDevice().state(online=True, retain=True).read()
    assert isinstance(arrival, StateArrived)
    assert arrival.retained


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("outpost/v1/home/pi/state", b"{", "DeviceState"),
        ("outpost/v1/home/pi/event", b'{"v":1}', "id"),
        ("outpost/v1/home/pi/telemetry", b"\xff", "Telemetry"),
        ("outpost/v1/away/pi/state", b"{}", "fleet 'away'"),
        ("outpost/v1/home/pi/parade", b"{}", "no such leaf"),
        ("outpost/v1/home/pi/security", b"{}", "security"),
        ("outpost/v1/home/pi/event", b"x" * 300_000, "bytes"),
        ("elsewhere", b"", "elsewhere"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(topic: str, payload: bytes, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        read_arrival(FLEET, topic, payload)


def test_an_epoch_that_is_no_ulid_is_refused() -> None:
    message = BoxedDevice(epoch="O" * 26).event(1, task())
    with pytest.raises(BadMessage, match="epoch"):
        read_arrival(FLEET, message.topic, message.payload)


def test_a_body_of_an_unknown_kind_is_an_arrival_with_a_reason() -> None:
    arrival = BoxedDevice().raw_event(1, msgspec.json.encode({"type": "parade"})).read()
    assert isinstance(arrival, EventArrived)
    assert isinstance(arrival.event, BadMessage)
