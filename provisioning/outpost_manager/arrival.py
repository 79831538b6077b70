"""What comes from devices, parsed once: bytes and a topic become one of four arrivals, or are refused here."""

from __future__ import annotations

from dataclasses import dataclass

from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId, FleetId, is_ulid
from outpost_wire.messages import (
    DeviceState,
    Event,
    Reported,
    Telemetry,
    Uplink,
    decode,
    decode_event,
    decode_telemetry,
)
from outpost_wire.topics import Address, Leaf, parse_topic


@dataclass(frozen=True, slots=True)
class StateArrived:
    """Birth or last will; `retained` when the broker had kept it from before we asked."""

    device: DeviceId
    state: DeviceState
    retained: bool


@dataclass(frozen=True, slots=True)
class ReportedArrived:
    """A reported shadow; `retained` as above."""

    device: DeviceId
    reported: Reported
    retained: bool


@dataclass(frozen=True, slots=True)
class TelemetryArrived:
    """A batch of samples."""

    device: DeviceId
    batch: Telemetry


@dataclass(frozen=True, slots=True)
class EventArrived:
    """An event or a result, with its place in the device's outbox."""

    device: DeviceId
    uplink: Uplink
    event: Event | BadMessage
    """BadMessage when the body cannot be used: its place is taken all the same, or the device could never go on."""


Arrival = StateArrived | ReportedArrived | TelemetryArrived | EventArrived


def read_arrival(fleet: FleetId, topic: str, payload: bytes, *, retained: bool = False) -> Arrival:
    """Return what arrived on `topic`, or raise BadMessage that names the field at fault."""
    address = parse_topic(topic)
    if address.fleet != fleet:
        raise BadMessage(f"fleet {address.fleet!r} is not {fleet!r}")
    return _read(address, payload, retained)


def _read(address: Address, payload: bytes, retained: bool) -> Arrival:
    match address.leaf:
        case Leaf.STATE:
            return StateArrived(address.device, decode(payload, DeviceState), retained)
        case Leaf.SHADOW_REPORTED:
            return ReportedArrived(address.device, decode(payload, Reported), retained)
        case Leaf.TELEMETRY:
            return TelemetryArrived(address.device, decode_telemetry(payload))
        case Leaf.EVENT:
            uplink = decode(payload, Uplink)
            if not is_ulid(uplink.epoch):
                raise BadMessage("Uplink: epoch is not a ULID - at `$.epoch`")
            return EventArrived(address.device, uplink, _event(uplink))
        case leaf:
            raise BadMessage(f"{leaf} is not taken from devices")


def _event(uplink: Uplink) -> Event | BadMessage:
    try:
        return decode_event(uplink.body)
    except BadMessage as error:
        return error
