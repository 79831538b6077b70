"""What every channel must do. A test module subclasses `ChannelSuite` and gives it a fixture `rig`.

The rig joins the adapter under test to its platform, or to a faithful fake of it, and plays the person in the chat. A
channel whose platform is called (`Delivery.BY_CALL`) passes `CalledChannelSuite`, which asks for more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

import msgspec

from outpost_sdk.channel import Accepted, Attachment, Caps, Channel, ChannelHealth, Incoming
from outpost_wire.errors import OutpostError

T = TypeVar("T")

DEADLINE_S = 10.0


class Rig(Protocol):
    """A channel with its platform and a person."""

    channel: Channel
    context: RecordingContext

    async def person_says(self, text: str, files: tuple[tuple[str, bytes], ...] = ()) -> None:
        """Have the person send a message; return when the platform has it."""
        ...

    async def acknowledged(self) -> int:
        """Return how many of the person's messages the platform regards as taken by the device."""
        ...

    async def device_says(self, text: str) -> None:
        """Have the device say something in the person's chat, through the channel."""
        ...

    async def shown(self) -> list[str]:
        """Return what the device said, as the person sees it, in order."""
        ...


class Refusal(OutpostError):
    """The device does not take this message now."""

    code = "device_full"


class RecordingContext:
    """A `ChannelContext` that records; `gate` holds accepting back, `refusal` makes it fail, `admits` is its word."""

    def __init__(self) -> None:
        self.accepted: list[Incoming] = []
        self.asked: list[Incoming] = []
        self.admitted: list[Incoming] = []
        self.admits = True
        self.health: list[ChannelHealth] = []
        self.kept: dict[str, bytes] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.refusal: Exception | None = None
        self.changed = asyncio.Condition()

    async def admit(self, incoming: Incoming) -> bool:
        """Record who asks."""
        async with self.changed:
            self.admitted.append(incoming)
            self.changed.notify_all()
        return self.admits

    def tell(self, health: ChannelHealth) -> None:
        """Record how the channel is."""
        self.health.append(health)

    async def accept(self, incoming: Incoming) -> Accepted:
        """Record a message once per platform id."""
        async with self.changed:
            self.asked.append(incoming)
            self.changed.notify_all()
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        async with self.changed:
            if all(known.platform_id != incoming.platform_id for known in self.accepted):
                self.accepted.append(incoming)
            self.changed.notify_all()
        return Accepted(f"M{len(self.accepted)}", None)

    async def keep(self, name: str, type_: str, content: AsyncIterator[bytes]) -> Attachment:
        """Record a file."""
        data = b"".join([piece async for piece in content])
        identity = f"{len(self.kept):032x}"
        self.kept[identity] = data
        return Attachment(id=identity, name=name, type=type_, size=len(data))

    async def until_asked(self, count: int) -> None:
        """Wait until `count` messages were offered."""
        await self._until(lambda: len(self.asked) >= count)

    async def until_admitted(self, count: int) -> None:
        """Wait until `count` messages were asked about."""
        await self._until(lambda: len(self.admitted) >= count)

    async def until_files(self, count: int) -> None:
        """Wait until the accepted messages have `count` files."""
        await self._until(lambda: len(self.files()) >= count)

    def files(self) -> list[Attachment]:
        """Return the files of all accepted messages, in order."""
        return [item for incoming in self.accepted for item in incoming.attachments]

    async def until_accepted(self, count: int) -> None:
        """Wait until `count` messages were accepted."""
        await self._until(lambda: len(self.accepted) >= count)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S), self.changed:
            await self.changed.wait_for(is_so)


class ChannelSuite:
    """The suite; every test uses one fresh rig whose channel runs."""

    async def test_says_what_it_can_take(self, rig: Rig) -> None:
        caps = rig.channel.caps
        assert isinstance(caps, Caps)
        assert caps.text_limit >= 0
        assert caps.attachment_limit >= 0
        assert rig.channel.id

    async def test_brings_in_a_message_as_it_was_said(self, rig: Rig) -> None:
        await rig.person_says("hello\n  你好 <b>&amp;</b> 🙂")
        await rig.context.until_accepted(1)
        (incoming,) = rig.context.accepted
        assert incoming.text == "hello\n  你好 <b>&amp;</b> 🙂"
        assert incoming.channel == rig.channel.id
        assert incoming.chat
        assert incoming.sender
        assert incoming.platform_id

    async def test_brings_in_messages_once_and_in_order(self, rig: Rig) -> None:
        for number in range(20):
            await rig.person_says(f"message {number}")
        await rig.context.until_accepted(20)
        assert [incoming.text for incoming in rig.context.accepted] == [f"message {number}" for number in range(20)]
        assert len({incoming.platform_id for incoming in rig.context.accepted}) == 20

    async def test_tells_the_platform_only_after_the_message_is_accepted(self, rig: Rig) -> None:
        rig.context.gate.clear()
        saying = asyncio.create_task(rig.person_says("wait"))
        await rig.context.until_asked(1)
        assert await rig.acknowledged() == 0
        rig.context.gate.set()
        await saying
        await rig.context.until_accepted(1)
        await _until(rig.acknowledged, 1)

    async def test_does_not_tell_the_platform_of_a_message_that_was_refused(self, rig: Rig) -> None:
        rig.context.refusal = Refusal("not now")
        await rig.person_says("not taken")
        await rig.context.until_asked(1)
        assert await rig.acknowledged() == 0
        assert rig.context.accepted == []

    async def test_brings_in_files_byte_for_byte(self, rig: Rig) -> None:
        data = bytes(range(256)) * 5000
        await rig.person_says("see", (("a b.log", data), ("空.txt", b"")))
        await rig.context.until_files(2)
        files = rig.context.files()
        assert [(item.name, item.size) for item in files] == [("a b.log", len(data)), ("空.txt", 0)]
        assert [rig.context.kept[item.id] for item in files] == [data, b""]
        assert "".join(incoming.text for incoming in rig.context.accepted) == "see"

    async def test_files_sent_together_come_as_one_message_or_one_album(self, rig: Rig) -> None:
        await rig.person_says("see", (("a.log", b"a"), ("b.log", b"b")))
        await rig.context.until_files(2)
        assert len({incoming.album or incoming.platform_id for incoming in rig.context.accepted}) == 1

    async def test_shows_what_the_device_says_once_and_in_order(self, rig: Rig) -> None:
        said = [f"answer {number}" for number in range(10)]
        for text in said:
            await rig.device_says(text)
        await _until(rig.shown, said)


class CalledChannelSuite(ChannelSuite):
    """The suite for a channel that takes its messages from a platform and calls it to send."""

    async def test_fetches_no_file_of_somebody_who_is_not_admitted(self, rig: Rig) -> None:
        rig.context.admits = False
        await rig.person_says("see", (("a.log", b"secret"),))
        await rig.context.until_admitted(1)
        await _until(rig.acknowledged, 1)
        assert rig.context.kept == {}
        assert rig.context.asked == []

    async def test_asks_about_a_message_as_it_will_be_handed_over_but_without_its_files(self, rig: Rig) -> None:
        await rig.person_says("see", (("a.log", b"x"),))
        await rig.context.until_accepted(1)
        asked_about, accepted = rig.context.admitted[0], rig.context.accepted[0]
        assert asked_about == msgspec.structs.replace(accepted, attachments=())

    async def test_says_that_it_is_on(self, rig: Rig) -> None:
        await rig.person_says("hello")
        await rig.context.until_accepted(1)
        assert rig.context.health[-1].state == "on"


async def _until(read: Callable[[], Awaitable[T]], wanted: T) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (seen := await read()) != wanted:
            if isinstance(seen, list) and isinstance(wanted, list):
                assert len(seen) <= len(wanted), f"too much: {seen}"
            await asyncio.sleep(0.01)
