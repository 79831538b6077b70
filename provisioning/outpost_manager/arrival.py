"""What comes from devices, parsed once: bytes and a topic become one of five arrivals, or are refused here."""

from __future__ import annotations

from dataclasses import dataclass

from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId, FleetId, is_ulid
from outpost_wire.messages import (
    CommandDone,
    DeviceState,
    Event,
    Reported,
    Telemetry,
    Uplink,
    decode,
    decode_event,
    decode_telemetry,
)
from outpost_wire.topics import Address, Leaf, is_reply, parse_reply, parse_topic


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


@dataclass(frozen=True, slots=True)
class AnswerArrived:
    """What came of a command."""

    device: DeviceId
    done: CommandDone


Arrival = StateArrived | ReportedArrived | TelemetryArrived | EventArrived | AnswerArrived


def read_arrival(fleet: FleetId, topic: str, payload: bytes, *, retained: bool = False) -> Arrival:
    """Return what arrived on `topic`, or raise BadMessage that names the field at fault."""
    if is_reply(topic):
        said_in, device, _ = parse_reply(topic)
        _expect_fleet(said_in, fleet)
        return AnswerArrived(device, decode(payload, CommandDone))
    address = parse_topic(topic)
    _expect_fleet(address.fleet, fleet)
    return _read(address, payload, retained)


def _expect_fleet(said_in: FleetId, fleet: FleetId) -> None:
    if said_in != fleet:
        raise BadMessage(f"fleet {said_in!r} is not {fleet!r}")


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
