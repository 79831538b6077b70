"""A device in a box: makes the messages that a real one sends, so that tests can hand them over in any order."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import count

import msgspec

from outpost_manager.arrival import Arrival, read_arrival
from outpost_wire.document import Document, Paragraph, Text
from outpost_wire.ids import DeviceId, FleetId, Ulids
from outpost_wire.messages import (
    CommandDone,
    DeviceState,
    OnDevice,
    Plot,
    Reported,
    ResultReady,
    Sample,
    System,
    TaskChanged,
    TaskFacts,
    TaskState,
    Telemetry,
    Uplink,
    encode,
    encode_telemetry,
)
from outpost_wire.topics import Leaf, reply_topic, topic

FLEET = FleetId("home")
PI = DeviceId("pi")
NOW_MS = 1_790_000_000_000
_clock = count(NOW_MS)
new_id = Ulids(lambda: next(_clock), os.urandom)


@dataclass
class Delivered:
    """A delivery whose acknowledgement can be looked at."""

    topic: str
    payload: bytes
    retain: bool = False
    acks: list[str] = field(default_factory=list)
    log: list[str] | None = None

    def ack(self) -> None:
        self.acks.append(self.topic)
        if self.log is not None:
            self.log.append("ack")

    def read(self) -> Arrival:
        return read_arrival(FLEET, self.topic, self.payload, retained=self.retain)


@dataclass
class BoxedDevice:
    """One device; each method returns a message that it would send."""

    id: DeviceId = PI
    epoch: str = field(default_factory=new_id)
    boot_id: str = field(default_factory=new_id)

    def event(self, seq: int, body: msgspec.Struct, *, first: int = 1) -> Delivered:
        return self.raw_event(seq, encode(body), first=first)

    def raw_event(self, seq: int, body: bytes, *, first: int = 1) -> Delivered:
        uplink = Uplink(
            id=new_id(), time_ms=NOW_MS, epoch=self.epoch, seq=seq, first=min(first, seq), body=msgspec.Raw(body)
        )
        return Delivered(topic(FLEET, self.id, Leaf.EVENT), encode(uplink))

    def state(
        self,
        online: bool,
        *,
        connection: int = 1,
        boot_id: str | None = None,
        time_ms: int = NOW_MS,
        retain: bool = False,
    ) -> Delivered:
        state = DeviceState(
            id=new_id(), time_ms=time_ms, online=online, boot_id=boot_id or self.boot_id, seq=connection
        )
        return Delivered(topic(FLEET, self.id, Leaf.STATE), encode(state), retain=retain)

    def reported(self, **changes: object) -> Delivered:
        facts = {
            "id": new_id(),
            "time_ms": NOW_MS,
            "version": 1,
            "name": "Kitchen",
            "release": "0.1.0",
            "labels": {"room": "kitchen"},
            "system": System(board="Raspberry Pi 5", cpus=4),
        }
        reported = msgspec.convert(msgspec.to_builtins({**facts, **changes}), Reported)
        return Delivered(topic(FLEET, self.id, Leaf.SHADOW_REPORTED), encode(reported))

    def answer(self, command: str, code: str = "ok", *, client: str = "m1", en: str = "Done.") -> Delivered:
        done = CommandDone(id=new_id(), time_ms=NOW_MS, command=command, code=code, en=en, zh="完成。")
        return Delivered(reply_topic(FLEET, self.id, client), encode(done))

    def telemetry(self, *samples: Sample) -> Delivered:
        batch = Telemetry(id=new_id(), time_ms=NOW_MS, samples=samples)
        return Delivered(topic(FLEET, self.id, Leaf.TELEMETRY), encode_telemetry(batch))


def task(
    state: TaskState = "running", *, id: str | None = None, updated_ms: int = NOW_MS, parents: tuple[str, ...] = ()
) -> TaskChanged:
    return TaskChanged(
        task=TaskFacts(
            id=id or new_id(),
            kind="log.analyse",
            state=state,
            created_ms=NOW_MS,
            updated_ms=updated_ms,
            attempt=1,
            parents=parents,
        )
    )


def result(*, id: str | None = None, title: str = "Log analysis", task_id: str | None = None) -> ResultReady:
    return ResultReady(
        result_id=id or new_id(),
        task_id=task_id or new_id(),
        message_id="m1",
        created_ms=NOW_MS,
        title=title,
        report="# Report\n\n42 lines",
        document=Document((Paragraph((Text("42 lines"),)),)),
        plots=(Plot(name="levels", title="Levels", svg="<svg xmlns='http://www.w3.org/2000/svg'/>"),),
        bytes=1234,
        on_device=OnDevice(name="events.jsonl", bytes=99_000),
    )


def sample(time_ms: int = NOW_MS, *, cpu: float = 0.5, temperature: float | None = 41.0) -> Sample:
    return Sample(time_ms=time_ms, cpu=cpu, memory=0.25, disk=0.75, load=1.5, temperature=temperature, rss=60_000_000)
