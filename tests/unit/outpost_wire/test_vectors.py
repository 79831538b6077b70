"""The wire messages against the files in tests/vectors/wire, which later releases are held to as well.

A file is named KIND.CASE.json or .cbor. A good telemetry batch has a .json of the same value beside its .cbor; a bad
message has a .error beside it, which holds words that the refusal must contain.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from outpost_wire import messages
from outpost_wire.commands import decode_command
from outpost_wire.errors import BadMessage
from outpost_wire.topics import Leaf

WIRE = Path(__file__).parents[2] / "vectors" / "wire"

Decode = Callable[[bytes], msgspec.Struct]

DECODE: dict[str, Decode] = {
    "state": lambda raw: messages.decode(raw, messages.DeviceState),
    "reported": lambda raw: messages.decode(raw, messages.Reported),
    "uplink": lambda raw: messages.decode(raw, messages.Uplink),
    "acked": lambda raw: messages.decode(raw, messages.Acked),
    "desired": lambda raw: messages.decode(raw, messages.Desired),
    "approve": lambda raw: decode_command(Leaf.PAIR_APPROVE, raw),
    "refuse": lambda raw: decode_command(Leaf.PAIR_REFUSE, raw),
    "revoke": lambda raw: decode_command(Leaf.PAIR_REVOKE, raw),
    "cancel": lambda raw: decode_command(Leaf.TASK_CANCEL, raw),
    "retry": lambda raw: decode_command(Leaf.TASK_RETRY, raw),
    "done": lambda raw: messages.decode(raw, messages.CommandDone),
    "event": messages.decode_event,
    "telemetry": messages.decode_telemetry,
}


def _decode(path: Path) -> msgspec.Struct:
    return DECODE[path.name.split(".")[0]](path.read_bytes())


def _is_telemetry(path: Path) -> bool:
    return path.name.startswith("telemetry.")


GOOD_JSON = sorted(path for path in (WIRE / "good").glob("*.json") if not _is_telemetry(path))
GOOD_CBOR = sorted((WIRE / "good").glob("*.cbor"))
BAD = sorted(path for path in (WIRE / "bad").iterdir() if path.suffix != ".error")


def _name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", GOOD_JSON, ids=_name)
def test_a_good_message_is_the_same_after_encoding_and_decoding(path: Path) -> None:
    message = _decode(path)
    assert DECODE[path.name.split(".")[0]](messages.encode(message)) == message


@pytest.mark.parametrize("path", GOOD_JSON, ids=_name)
def test_encoding_a_good_message_keeps_every_field_it_knows(path: Path) -> None:
    original = msgspec.json.decode(path.read_bytes())
    encoded = msgspec.json.decode(messages.encode(_decode(path)))
    assert _shared(original, encoded) == _shared(encoded, original)


@pytest.mark.parametrize("path", GOOD_CBOR, ids=_name)
def test_good_telemetry_is_what_the_json_beside_it_says(path: Path) -> None:
    beside = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=messages.Telemetry)
    assert _decode(path) == beside


@pytest.mark.parametrize("path", GOOD_CBOR, ids=_name)
def test_good_telemetry_is_the_same_after_encoding_and_decoding(path: Path) -> None:
    batch = messages.decode_telemetry(path.read_bytes())
    assert messages.decode_telemetry(messages.encode_telemetry(batch)) == batch


@pytest.mark.parametrize("path", BAD, ids=_name)
def test_a_bad_message_is_refused_in_words_that_name_the_fault(path: Path) -> None:
    with pytest.raises(BadMessage) as caught:
        _decode(path)
    assert path.with_suffix(".error").read_text().strip() in str(caught.value)


def test_every_kind_has_good_and_bad_vectors() -> None:
    assert {path.name.split(".")[0] for path in GOOD_JSON + GOOD_CBOR} == set(DECODE)
    assert {path.name.split(".")[0] for path in BAD} == set(DECODE)


def _shared(value: object, other: object) -> object:
    """Return `value` without the fields that `other` lacks: unknown ones, or those left at their default."""
    if isinstance(value, dict) and isinstance(other, dict):
        return {key: _shared(value[key], other[key]) for key in value if key in other}
    if isinstance(value, list) and isinstance(other, list):
        return [_shared(left, right) for left, right in zip(value, other, strict=True)]
    return value
