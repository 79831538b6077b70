"""From the broker into the database: commit, then acknowledge to the broker, then tell the device and the browsers.

What waits while one commit runs is the next one's batch, so the cost of a commit is shared the more the busier it
gets. A message that cannot be used is logged, counted and acknowledged: it must never stand in the way of the others.
A commit that the disk refuses is tried again; until then nothing of it is acknowledged and the broker keeps it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol

from outpost_disk import DatabaseFailed
from outpost_link.errors import LinkFailed
from outpost_manager.arrival import (
    AnswerArrived,
    Arrival,
    EventArrived,
    ReportedArrived,
    StateArrived,
    TelemetryArrived,
    read_arrival,
)
from outpost_manager.commit import Committed, Place
from outpost_manager.hub import Hub
from outpost_manager.metrics import Metrics
from outpost_manager.rows import CommandRow, ResultEvent, ResultRow, TaskEvent, TaskRow, TelemetryEvent, iso
from outpost_manager.store import FleetStore
from outpost_wire.errors import BadMessage
from outpost_wire.ids import DeviceId, FleetId
from outpost_wire.messages import Acked, ResultReady, Sample, TaskFacts, encode
from outpost_wire.topics import REPLY, Leaf, is_reply, topic

log = logging.getLogger(__name__)

BATCH_LIMIT = 512
WAITING_LIMIT = 2048
ACKS_AT_ONCE = 256
RETRY_S = 1.0
ANNOUNCE_QUIET_S = 0.25
ACK_QUIET_S = 0.1
"""The first news goes out at once, what follows within this time goes out together."""
KINDS: dict[type[Arrival], str] = {
    EventArrived: "event",
    TelemetryArrived: "telemetry",
    StateArrived: "state",
    ReportedArrived: "reported",
    AnswerArrived: "answer",
}


class Delivery(Protocol):
    """A message that the broker handed over and keeps until it is acknowledged."""

    @property
    def topic(self) -> str:
        """Return where it was published."""
        ...

    @property
    def payload(self) -> bytes:
        """Return its bytes."""
        ...

    @property
    def retain(self) -> bool:
        """Say whether it is what the broker had kept on this topic rather than news."""
        ...

    def ack(self) -> None:
        """Let the broker forget it; does nothing once the connection it came by is gone."""
        ...


class Send(Protocol):
    """Hands a message to the broker; raises LinkFailed, at once or from what it returns."""

    def __call__(self, topic: str, payload: bytes) -> Awaitable[None]:
        """Send `payload` on `topic`."""
        ...


class Ingest:
    """Takes in what the devices of one fleet say. `now_ms` is Unix time, `new_id` gives ULIDs.

    `answered` is told each command that a device has answered, once that is committed.
    """

    def __init__(
        self,
        fleet: FleetId,
        store: FleetStore,
        hub: Hub,
        metrics: Metrics,
        *,
        now_ms: Callable[[], int],
        new_id: Callable[[], str],
        answered: Callable[[CommandRow], None] = lambda _: None,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._hub = hub
        self._metrics = metrics
        self._now_ms = now_ms
        self._new_id = new_id
        self._answered = answered
        self._waiting: asyncio.Queue[tuple[Delivery, Arrival | None]] = asyncio.Queue(WAITING_LIMIT)
        self._due: dict[Place, int] = {}
        self._has_due = asyncio.Event()
        self._changed: set[DeviceId] = set()
        self._has_changed = asyncio.Event()
        self.is_committing = True

    async def take(self, delivery: Delivery) -> None:
        """Queue a message for the next commit; waits while WAITING_LIMIT are there already."""
        await self._waiting.put((delivery, self._read(delivery)))

    async def run(self, send: Send) -> None:
        """Commit, acknowledge by `send` and announce until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._commit_all(), name="ingest commit")
            group.create_task(self._acknowledge_all(send), name="ingest acknowledge")
            group.create_task(self._announce_all(), name="ingest announce")

    def _read(self, delivery: Delivery) -> Arrival | None:
        try:
            return read_arrival(self._fleet, delivery.topic, delivery.payload, retained=delivery.retain)
        except BadMessage as error:
            self._metrics.bad.labels(_leaf(delivery.topic)).inc()
            log.warning(
                "message refused",
                extra={"topic": delivery.topic[:200], "bytes": len(delivery.payload), "reason": str(error)[:300]},
            )
            return None

    async def _commit_all(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < BATCH_LIMIT and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            arrivals = [arrival for _, arrival in batch if arrival is not None]
            committed = await self._commit(arrivals) if arrivals else Committed()
            for delivery, _ in batch:
                delivery.ack()
            self._count(arrivals, committed)
            self._tell(committed)
            await self._greet(committed)

    async def _commit(self, arrivals: list[Arrival]) -> Committed:
        while True:
            try:
                with self._metrics.commit.time():
                    committed = await self._store.commit(arrivals, self._now_ms())
            except DatabaseFailed:
                self.is_committing = False
                self._metrics.failures.inc()
                log.exception("commit failed", extra={"messages": len(arrivals)})
                await asyncio.sleep(RETRY_S)
            else:
                self.is_committing = True
                return committed

    def _count(self, arrivals: list[Arrival], committed: Committed) -> None:
        for kind, count in Counter(map(type, arrivals)).items():
            self._metrics.rows.labels(KINDS[kind]).inc(count)
        self._metrics.duplicates.inc(committed.duplicates)
        self._metrics.deferred.inc(committed.deferred)
        for (device, epoch), gap in committed.gaps:
            self._metrics.gaps.inc()
            self._metrics.lost.inc(gap.lost)
            facts = {"device": device, "epoch": epoch, "first": gap.first, "last": gap.last, "lost": gap.lost}
            log.warning("gap in a device's events", extra=facts)
        for device, reason in committed.refused:
            self._metrics.bad.labels("content").inc()
            log.warning("content refused", extra={"device": device, "reason": reason[:300]})

    def _tell(self, committed: Committed) -> None:
        for place, prefix in committed.prefixes.items():
            self._owe(place, prefix)
        self._changed |= committed.changed
        if self._changed:
            self._has_changed.set()
        for row in committed.commands:
            self._answered(row)
        if not self._hub:
            return
        for device, task in committed.tasks:
            self._hub.publish("task", TaskEvent(device=device, task=_task(task)))
        for device, result in committed.results:
            self._hub.publish("result", ResultEvent(device=device, result=_result(result)))
        for device, sample in committed.samples:
            self._hub.publish("telemetry", _telemetry(device, sample))

    async def _greet(self, committed: Committed) -> None:
        """Tell a device that has just connected what is committed: it may have missed an acknowledgement."""
        if committed.born:
            try:
                prefixes = await self._store.prefixes(sorted(committed.born))
            except DatabaseFailed as error:
                # What the device repeats brings the acknowledgement.
                log.warning("prefixes not read", extra={"reason": str(error)})
                return
            for place, prefix in prefixes.items():
                self._owe(place, prefix)

    def _owe(self, place: Place, prefix: int) -> None:
        self._due[place] = prefix
        self._has_due.set()

    async def _acknowledge_all(self, send: Send) -> None:
        while True:
            await self._has_due.wait()
            self._has_due.clear()
            due, self._due = list(self._due.items()), {}
            for start in range(0, len(due), ACKS_AT_ONCE):
                try:
                    await asyncio.gather(
                        *[self._acknowledge(send, *entry) for entry in due[start : start + ACKS_AT_ONCE]]
                    )
                except LinkFailed as error:
                    # Not tried again: a device's birth, or the event that it repeats, brings the next one.
                    log.info("acknowledgements not sent", extra={"devices": len(due) - start, "reason": str(error)})
                    break
            await asyncio.sleep(ACK_QUIET_S)

    def _acknowledge(self, send: Send, place: Place, prefix: int) -> Awaitable[None]:
        device, epoch = place
        acked = Acked(id=self._new_id(), time_ms=self._now_ms(), epoch=epoch, seq=prefix)
        return send(topic(self._fleet, device, Leaf.ACKED), encode(acked))

    async def _announce_all(self) -> None:
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            changed, self._changed = sorted(self._changed), set()
            if self._hub:
                try:
                    rows = await self._store.devices(self._now_ms(), changed)
                except DatabaseFailed as error:
                    log.warning("news not read", extra={"devices": len(changed), "reason": str(error)})
                    rows = []
                for row in rows:
                    self._hub.publish("device", row)
            await asyncio.sleep(ANNOUNCE_QUIET_S)


def _leaf(name: str) -> str:
    """Return the leaf of a topic for a metric, whose labels must not grow with what strangers send."""
    leaf = name.split("/", 4)[-1]
    if is_reply(name):
        return REPLY
    return leaf if leaf in set(Leaf) else "other"


def _task(task: TaskFacts) -> TaskRow:
    return TaskRow(
        id=task.id,
        kind=task.kind,
        state=task.state,
        error=task.error,
        attempt=task.attempt,
        created=iso(task.created_ms),
        updated=iso(task.updated_ms),
        message_id=task.message_id,
        parents=list(task.parents),
    )


def _result(result: ResultReady) -> ResultRow:
    return ResultRow(
        id=result.result_id,
        task_id=result.task_id,
        message_id=result.message_id,
        created=iso(result.created_ms),
        title=result.title,
        bytes=result.bytes,
    )


def _telemetry(device: DeviceId, sample: Sample) -> TelemetryEvent:
    return TelemetryEvent(
        device=device,
        time=sample.time_ms / 1000,
        cpu=sample.cpu,
        memory=sample.memory,
        disk=sample.disk,
        temperature=sample.temperature,
        load=sample.load,
        rss=sample.rss,
    )
