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


Role = Literal["owner", "user"]
Results = Literal["none", "summary", "full"]
ChannelState = Literal["connecting", "on", "unreachable", "refused", "contested", "broken", "off"]


class PairingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom the device does not know asks to talk to it; `name` is what they call themselves."""

    id: Ulid
    code: Short
    channel: Name
    sender: Short
    name: Short
    created_ms: Milliseconds
    expires_ms: Milliseconds


class PersonIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a person is on one channel: the platform's immutable id, and what they call themselves."""

    channel: Name
    sender: Short
    name: Short = ""
    since_ms: Milliseconds = 0


class PersonFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A person whom the device knows."""

    id: Short
    name: Short
    role: Role
    identities: Annotated[tuple[PersonIdentity, ...], Meta(max_length=64)] = ()


class ChannelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A channel as the fleet sees it; where it is not simply on, one sentence in each language says why.

    `kind` is the adapter, `account` who the device is on that platform, `since_ms` when it came into this state.
    """

    name: Name
    kind: Short
    state: ChannelState
    account: Short = ""
    en: Short = ""
    zh: Short = ""
    since_ms: Milliseconds = 0


class Reported(Message, frozen=True, kw_only=True):
    """The reported shadow, retained: what the device is and how it is set.

    `desired_version` is the version of the desired shadow that it follows, 0 when it has none; `results` is what it
    sends of its results. `owned` says whether somebody has claimed it. `turned_away` counts strangers who got no code
    since the start. `cut` when people, requests or channels were left out because they do not fit in a message.
    """

    version: Count
    name: Short
    release: Short
    labels: dict[Name, Short] = {}
    system: System = System()
    boot_ms: Milliseconds = 0
    desired_version: Count = 0
    results: Results = "full"
    owned: bool = False
    people: Annotated[tuple[PersonFacts, ...], Meta(max_length=256)] = ()
    requests: Annotated[tuple[PairingRequest, ...], Meta(max_length=64)] = ()
    turned_away: Count = 0
    channels: Annotated[tuple[ChannelFacts, ...], Meta(max_length=64)] = ()
    cut: bool = False


class Desired(Message, frozen=True, kw_only=True):
    """The desired shadow, retained: how the fleet's operator wants the device set. None leaves it to the device."""

    version: Annotated[int, Meta(ge=1, le=2**53)]
    results: Results | None = None


class PairApprove(Message, frozen=True, kw_only=True):
    """`cmd/pair.approve`: let the person of a pairing request in; as `owner` they are the owner on one more channel."""

    request: Ulid
    role: Role = "user"


class PairRefuse(Message, frozen=True, kw_only=True):
    """`cmd/pair.refuse`: turn a pairing request down."""

    request: Ulid


class PairRevoke(Message, frozen=True, kw_only=True):
    """`cmd/pair.revoke`: let a person in no more; with `channel` and `sender`, only on that channel."""

    person: Short
    channel: Name | None = None
    sender: Short | None = None


class TaskCancel(Message, frozen=True, kw_only=True):
    """`cmd/task.cancel`: cancel a task with what it waits for and what waits for it."""

    task: Ulid


class TaskRetry(Message, frozen=True, kw_only=True):
    """`cmd/task.retry`: try a failed or cancelled task again."""

    task: Ulid


Command = PairApprove | PairRefuse | PairRevoke | TaskCancel | TaskRetry


class CommandDone(Message, frozen=True, kw_only=True):
    """The answer to a command: what came of it, in a sentence for people.

    `command` is the id of the command; one that comes twice is carried out once and answered alike. `code` is "ok" or
    that of the error; `task` is the state of the task that it was about.
    """

    command: Ulid
    code: Name
    en: Annotated[str, Meta(max_length=1024)]
    zh: Annotated[str, Meta(max_length=1024)]
    task: TaskState | None = None


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
