"""What the files in tests/vectors cannot hold: the largest messages, and bytes nobody thought of."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpost_wire import messages
from outpost_wire.document import Document, Paragraph, Text
from outpost_wire.errors import BadMessage
from outpost_wire.ids import encode

ULID = encode(7)
NOTHING = messages.result_size("", Document(), ())


def _result(report: str, plots: tuple[messages.Plot, ...] = ()) -> messages.ResultReady:
    return messages.ResultReady(
        result_id=ULID, task_id=ULID, message_id=None, created_ms=1, title="", report=report, plots=plots
    )


def test_takes_a_result_that_weighs_exactly_the_limit() -> None:
    result = _result("x" * (messages.RESULT_LIMIT - NOTHING))
    assert messages.decode_event(messages.encode(result)) == result


def test_refuses_a_result_one_byte_past_the_limit() -> None:
    with pytest.raises(BadMessage, match=r"more than 204800 bytes - at `\$\.report`"):
        messages.decode_event(messages.encode(_result("x" * (messages.RESULT_LIMIT - NOTHING + 1))))


def test_counts_report_document_and_plots_together() -> None:
    half = "x" * (messages.RESULT_LIMIT // 2)
    with pytest.raises(BadMessage, match="report, document and plots"):
        messages.decode_event(messages.encode(_result(half, (messages.Plot(name="a", title="", svg=half),))))


def test_weighs_a_result_as_the_json_that_carries_it() -> None:
    document = Document((Paragraph((Text("x"),)),))
    plots = (messages.Plot(name="a", title="", svg="<g/>"),)
    parts = (r'"\"\n"', messages.encode(document), '"<g/>"')
    assert messages.result_size('"\n', document, plots) == sum(len(part) for part in parts)


def test_the_largest_result_fits_in_a_message_with_its_envelope() -> None:
    plots = tuple(messages.Plot(name="\x01" * 64, title="\x01" * 256, svg="") for _ in range(messages.PLOTS_LIMIT))
    room = messages.RESULT_LIMIT - messages.result_size("", Document(), plots)
    event = _result('"' * (room // 2), plots)
    uplink = messages.Uplink(
        id=ULID,
        time_ms=2**53,
        epoch=ULID,
        seq=2**53,
        first=2**53,
        body=msgspec.Raw(messages.encode(event)),
    )
    raw = messages.encode(uplink)
    assert len(raw) < messages.MESSAGE_LIMIT - 1024
    assert messages.decode_event(messages.decode(raw, messages.Uplink).body) == event


def test_refuses_a_message_past_the_limit_before_looking_at_it() -> None:
    raw = b" " * (messages.MESSAGE_LIMIT + 1)
    with pytest.raises(BadMessage, match="message of 262145 bytes is more than 262144"):
        messages.decode(raw, messages.Acked)
    with pytest.raises(BadMessage, match="message of 262145 bytes is more than 262144"):
        messages.decode_telemetry(raw)


def test_takes_a_message_of_exactly_the_limit() -> None:
    raw = messages.encode(messages.Acked(id=ULID, time_ms=1, epoch=ULID, seq=1))
    assert messages.decode(raw.ljust(messages.MESSAGE_LIMIT), messages.Acked).seq == 1


def test_refuses_json_nested_without_end() -> None:
    with pytest.raises(BadMessage, match="Event: maximum recursion depth"):
        messages.decode_event(b'{"type":"task","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(raw: bytes) -> None:
    for decode in (lambda: messages.decode(raw, messages.Uplink), lambda: messages.decode_event(raw)):
        with pytest.raises(BadMessage):
            decode()


@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 255)), max_size=6))
def test_changed_telemetry_is_a_batch_or_refused(changes: list[tuple[int, int]]) -> None:
    sample = messages.Sample(time_ms=1, cpu=0.5, memory=0.5, disk=0.5)
    raw = bytearray(messages.encode_telemetry(messages.Telemetry(id=ULID, time_ms=1, samples=(sample,))))
    for at, value in changes:
        raw[at % len(raw)] = value
    assert _batch_or_refusal(bytes(raw))


def _batch_or_refusal(raw: bytes) -> bool:
    try:
        return len(messages.decode_telemetry(raw).samples) > 0
    except BadMessage as error:
        return str(error).startswith("Telemetry: ")
