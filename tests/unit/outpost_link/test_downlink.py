"""What a device does with what the manager asks, without a broker."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from outpost_disk import DatabaseFailed
from outpost_link.downlink import NO_ID, Downlink
from outpost_link.errors import LinkDown, LinkFull, PublishRefused
from outpost_link.packet import Outgoing, Received
from outpost_wire.errors import BadMessage, OutpostError
from outpost_wire.ids import DeviceId, FleetId
from outpost_wire.ids import encode as ulid
from outpost_wire.messages import CommandDone, TaskCancel, decode, encode
from outpost_wire.topics import COMMANDS, Leaf, topic

FLEET, DEVICE = FleetId("home"), DeviceId("pi")
REPLY = "outpost/v1/home/pi/reply/manager"
COMMAND = TaskCancel(id=ulid(9), time_ms=1, task=ulid(10))


@dataclass
class Bench:
    """A downlink whose every step is written to `log`; `failures` are raised where their name says."""

    failures: dict[str, OutpostError] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)

    def downlink(self, *, hears_commands: bool = True) -> Downlink:
        return Downlink(
            FLEET,
            DEVICE,
            on_desired=self._desired,
            on_command=self._command if hears_commands else None,
            answer=self._answer,
            new_id=lambda: ulid(77),
            clock_ms=lambda: 5,
        )

    async def hear(self, leaf: Leaf, payload: bytes, *, response: str = REPLY, correlation: bytes = b"c-1") -> None:
        message = Received(
            topic=topic(FLEET, DEVICE, leaf),
            payload=payload,
            qos=1,
            retain=False,
            content_type="application/json",
            expiry_s=60,
            response_topic=response,
            correlation=correlation,
            properties={},
            acknowledge=lambda: self.log.append("ack"),
        )
        await self.downlink().hear(message)

    def _step(self, name: str) -> None:
        if name in self.failures:
            raise self.failures[name]
        self.log.append(name)

    async def _desired(self, payload: bytes) -> None:
        self._step("desired")
        self.heard.append(("desired", payload))

    async def _command(self, leaf: Leaf, payload: bytes) -> bytes:
        self._step("command")
        self.heard.append((leaf, payload))
        return b"the answer"

    async def _answer(self, answer: Outgoing) -> None:
        self._step("answer")
        self.sent.append(answer)


def test_listens_to_its_own_commands_and_no_others() -> None:
    assert set(Bench().downlink().topics()) == {
        "outpost/v1/home/pi/shadow/desired",
        *(f"outpost/v1/home/pi/{leaf}" for leaf in COMMANDS),
    }


def test_a_device_that_carries_out_no_commands_listens_to_none() -> None:
    assert Bench().downlink(hears_commands=False).topics() == ["outpost/v1/home/pi/shadow/desired"]


async def test_carries_out_then_answers_then_acknowledges() -> None:
    bench = Bench()
    await bench.hear(Leaf.TASK_CANCEL, encode(COMMAND))
    assert bench.log == ["command", "answer", "ack"]
    assert bench.heard == [(Leaf.TASK_CANCEL, encode(COMMAND))]
    (answer,) = bench.sent
    assert (answer.topic, answer.payload, answer.correlation) == (REPLY, b"the answer", b"c-1")
    assert (answer.content_type, answer.retain, answer.qos) == ("application/json", False, 1)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "",
        "outpost/v1/home/mac/reply/manager",
        "outpost/v1/away/pi/reply/manager",
        "outpost/v1/home/pi/event",
        "outpost/v1/home/pi/reply/",
        "outpost/v1/home/pi/reply/a/b",
        "outpost/v1/home/pi/reply/#",
        "elsewhere",
    ],
)
async def test_answers_nowhere_but_on_its_own_reply_topics(elsewhere: str) -> None:
    bench = Bench()
    await bench.hear(Leaf.TASK_CANCEL, encode(COMMAND), response=elsewhere)
    assert bench.log == ["command", "ack"]


@pytest.mark.parametrize(
    ("payload", "correlation", "named"),
    [
        (b'{"id":"' + ulid(9).encode() + b'"}', b"", ulid(9)),
        (b"{", ulid(8).encode(), ulid(8)),
        (b'{"id":"../../etc"}', ulid(8).encode(), NO_ID),
        (b"\xff", b"\xff\xfe", NO_ID),
    ],
)
async def test_a_command_that_cannot_be_read_is_answered_and_acknowledged(
    payload: bytes, correlation: bytes, named: str
) -> None:
    bench = Bench(failures={"command": BadMessage("TaskCancel: no task - at `$.task`" + "x" * 5000)})
    await bench.hear(Leaf.TASK_CANCEL, payload, correlation=correlation)
    assert bench.log == ["answer", "ack"]
    done = decode(bench.sent[0].payload, CommandDone)
    assert (done.command, done.code) == (named, "bad_message")
    assert "$.task" in done.en
    assert "更新" in done.zh


async def test_a_command_whose_answer_found_no_broker_is_left_to_come_again() -> None:
    bench = Bench(failures={"answer": LinkDown("gone")})
    await bench.hear(Leaf.TASK_CANCEL, encode(COMMAND))
    assert bench.log == ["command"]


@pytest.mark.parametrize("error", [PublishRefused(REPLY, "Not authorized"), LinkFull(1000)])
async def test_an_answer_that_the_broker_will_not_take_does_not_bring_the_command_back(error: OutpostError) -> None:
    bench = Bench(failures={"answer": error})
    await bench.hear(Leaf.TASK_CANCEL, encode(COMMAND))
    assert bench.log == ["command", "ack"]


async def test_a_desired_shadow_is_acknowledged_once_it_is_kept() -> None:
    bench = Bench()
    await bench.hear(Leaf.SHADOW_DESIRED, b"shadow")
    assert bench.log == ["desired", "ack"]
    assert bench.heard == [("desired", b"shadow")]


async def test_a_disk_that_cannot_keep_a_desired_shadow_ends_nothing() -> None:
    bench = Bench(failures={"desired": DatabaseFailed("database or disk is full")})
    await bench.hear(Leaf.SHADOW_DESIRED, b"shadow")
    assert bench.log == []
