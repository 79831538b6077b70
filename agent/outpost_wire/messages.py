"""What devices and the manager say to each other over MQTT.

Control topics carry JSON, telemetry carries CBOR (RFC 8949); every message has `v` (schema version), `id` (ULID) and
`time_ms` (Unix time). A reader ignores fields it does not know, so that release N-1 can read what N wrote; a missing
or wrong field is refused with its name. The files in tests/vectors/wire pin all of this.

An *uplink* message (events and results) also carries its place in the device's outbox: `epoch`, new after a restore
or replacement; `seq`, without gaps from 1; and `first`, the lowest seq that the outbox still holds. The manager commits
and acknowledges the contiguous prefix of each epoch; a `first` beyond its prefix tells it that what lies between was
acknowledged to a database it no longer has.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from outpost_wire.document import Document
from outpost_wire.errors import BadMessage
from outpost_wire.ids import ALPHABET

SCHEMA_VERSION = 1
MESSAGE_LIMIT = 256 * 1024
RESULT_LIMIT = 200 * 1024
PLOTS_LIMIT = 8

Count = Annotated[int, Meta(ge=0, le=2**53)]
Milliseconds = Annotated[int, Meta(ge=0, le=2**53)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Short = Annotated[str, Meta(max_length=256)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Ulid = Annotated[str, Meta(pattern=rf"\A[0-7][{ALPHABET}]{{25}}\Z")]

TaskState = Literal["waiting", "ready", "running", "done", "failed", "cancelled"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What every message carries."""

    id: Ulid
    time_ms: Milliseconds
    v: Annotated[int, Meta(ge=1)] = SCHEMA_VERSION


class DeviceState(Message, frozen=True, kw_only=True):
    """Birth and last will, retained. `boot_id` is new with every start of the daemon, `seq` with every connection."""

    online: bool
    boot_id: Ulid
    seq: Count


class System(msgspec.Struct, frozen=True, kw_only=True):
    """What the device is made of. `memory_bytes` and `disk_bytes` are totals."""

    os: Short = ""
    kernel: Short = ""
    arch: Short = ""
    board: Short = ""
    cpus: Count = 0
    memory_bytes: Count = 0
    disk_bytes: Count = 0


class Reported(Message, frozen=True, kw_only=True):
    """The reported shadow, retained: what the device is and how it is set."""

    version: Count
    name: Short
    release: Short
    labels: dict[Name, Short] = {}
    system: System = System()
    boot_ms: Milliseconds = 0


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Health at one moment. Shares are 0 to 1, `temperature` is in °C, `rss` in bytes, `load` is the 1-minute load."""

    time_ms: Milliseconds
    cpu: Share
    memory: Share
    disk: Share
    load: Annotated[float, Meta(ge=0.0, le=1e6)] = 0.0
    temperature: Annotated[float, Meta(ge=-273.15, le=1e4)] | None = None
    rss: Count = 0
    running: Count = 0
    waiting: Count = 0
    failed: Count = 0
    outbox: Count = 0


class Telemetry(Message, frozen=True, kw_only=True):
    """A batch of samples, oldest first."""

    samples: Annotated[tuple[Sample, ...], Meta(min_length=1, max_length=1000)]


class TaskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A task as the fleet sees it: no text of a chat, no content."""

    id: Ulid
    kind: Name
    state: TaskState
    created_ms: Milliseconds
    updated_ms: Milliseconds
    attempt: Count = 0
    priority: Annotated[int, Meta(ge=0, le=9)] = 0
    message_id: Short | None = None
    parents: Annotated[tuple[Ulid, ...], Meta(max_length=64)] = ()
    error: Short | None = None


class TaskChanged(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="task"):
    """A task has a new state."""

    task: TaskFacts


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """A drawing as SVG text; to be shown as an image, never as mark-up."""

    name: Name
    title: Short
    svg: Annotated[str, Meta(max_length=RESULT_LIMIT)]


class OnDevice(msgspec.Struct, frozen=True, kw_only=True):
    """What did not travel: a file that is kept on the device."""

    name: Short
    bytes: Count


class ResultReady(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="result"):
    """A result: its report as Markdown and as a document tree, and its plots.

    Together they are at most RESULT_LIMIT bytes (`result_size`); `cut` when something was left out for that.
    """

    result_id: Ulid
    task_id: Ulid
    message_id: Short | None
    created_ms: Milliseconds
    title: Short
    report: Annotated[str, Meta(max_length=RESULT_LIMIT)]
    document: Document = Document()
    plots: Annotated[tuple[Plot, ...], Meta(max_length=PLOTS_LIMIT)] = ()
    bytes: Count = 0
    on_device: OnDevice | None = None
    cut: bool = False


Event = TaskChanged | ResultReady


class Uplink(Message, frozen=True, kw_only=True):
    """An event or a result with its place in the outbox."""

    epoch: Ulid
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    first: Annotated[int, Meta(ge=1, le=2**53)]
    body: msgspec.Raw

    def __post_init__(self) -> None:
        if self.first > self.seq:
            raise ValueError("first is more than seq")


class Acked(Message, frozen=True, kw_only=True):
    """The manager has committed every message of `epoch` up to and including `seq`."""

    epoch: Ulid
    seq: Count


M = TypeVar("M", bound=msgspec.Struct)
_encode_json = msgspec.json.Encoder().encode


def encode(message: msgspec.Struct) -> bytes:
    """Return `message` as JSON."""
    return _encode_json(message)


def decode(raw: bytes, kind: type[M]) -> M:
    """Return the message of `kind` in the JSON `raw`, or raise BadMessage that names the field at fault."""
    _check_size(raw)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"{kind.__name__}: {error}") from error


def decode_event(body: msgspec.Raw | bytes) -> Event:
    """Return the event in an uplink's body, or raise BadMessage that names the field at fault."""
    try:
        event: Event = _decode_event(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"Event: {error}") from error
    if isinstance(event, ResultReady) and result_size(event.report, event.document, event.plots) > RESULT_LIMIT:
        raise BadMessage(f"ResultReady: report, document and plots are more than {RESULT_LIMIT} bytes - at `$.report`")
    return event


_decode_event = msgspec.json.Decoder(TaskChanged | ResultReady).decode


def encode_telemetry(batch: Telemetry) -> bytes:
    """Return `batch` as CBOR."""
    import cbor2  # noqa: PLC0415 - only those who send or read telemetry pay for it

    return cbor2.dumps(msgspec.to_builtins(batch))


def decode_telemetry(raw: bytes) -> Telemetry:
    """Return the batch in the CBOR `raw`, or raise BadMessage that names the field at fault."""
    import cbor2  # noqa: PLC0415

    _check_size(raw)
    try:
        value: Any = cbor2.loads(raw)
        return msgspec.convert(value, Telemetry)
    except (cbor2.CBORDecodeError, msgspec.ValidationError, RecursionError, ValueError) as error:
        raise BadMessage(f"Telemetry: {error}") from error


def result_size(report: str, document: Document, plots: tuple[Plot, ...]) -> int:
    """Return what a report, its tree and its plots weigh against RESULT_LIMIT: bytes of the JSON that carries them."""
    return sum(len(_encode_json(part)) for part in (report, document, *(plot.svg for plot in plots)))


def _check_size(raw: bytes) -> None:
    if len(raw) > MESSAGE_LIMIT:
        raise BadMessage(f"message of {len(raw)} bytes is more than {MESSAGE_LIMIT}")
