"""What becomes true together: messages, results and events that are written in the transaction of a task's change.

The engine calls `apply` for each effect and `changed` for each task whose state changed, inside its transaction. A
task that failed for good tells the person who asked right there, whatever made it fail.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from outpost_agent import replies
from outpost_agent.conversation import Receive, Release, Repeat, Reply, receive, release, reply, say_again
from outpost_link import outbox
from outpost_sdk.tasks import Effect, Task
from outpost_wire.messages import Event, TaskChanged, TaskFacts, encode


class Emit(Effect, frozen=True, kw_only=True):
    """The manager is told of an event."""

    event: Event


class Ledger:
    """Writes effects. `poke` hears, before the commit, of whom a change concerns: channel, chat and task or None."""

    def __init__(
        self,
        *,
        new_id: Callable[[], str],
        poke: Callable[[str | None, str | None, str | None], None],
        tells_manager: bool,
    ) -> None:
        self._new_id = new_id
        self._poke = poke
        self._tells_manager = tells_manager

    def apply(self, connection: sqlite3.Connection, effect: Effect, now_ms: int) -> None:
        """Write one effect."""
        match effect:
            case Receive():
                receive(connection, effect, now_ms)
            case Reply():
                reply(connection, effect, now_ms)
                self._poke(effect.channel, effect.chat, None)
            case Repeat(id=id_, channel=channel, chat=chat, seq=seq, person=person):
                say_again(connection, channel, chat, seq, lambda: id_, now_ms, person=person)
                self._poke(channel, chat, None)
            case Release():
                release(connection, effect.message_ids, effect.task_id, now_ms)
            case Emit():
                self._emit(connection, effect.event, now_ms)
            case _:
                raise TypeError(f"no such effect: {type(effect).__name__}")

    def changed(self, connection: sqlite3.Connection, task: Task) -> None:
        """Write what follows from a task's new state."""
        self._emit(connection, TaskChanged(task=facts_of(task)), task.updated_ms)
        if task.state == "failed":
            self._tell_failure(connection, task)
        self._poke(task.spec.channel, task.spec.chat, task.id)

    def _tell_failure(self, connection: sqlite3.Connection, task: Task) -> None:
        spec = task.spec
        if task.failure is None or spec.channel is None or spec.chat is None:
            return
        said = replies.failed(spec.title or spec.kind, task.failure, spec.language)
        answer = Reply(
            id=self._new_id(),
            channel=spec.channel,
            chat=spec.chat,
            person=spec.principal,
            text=said.text,
            document=said.document,
            reply_to=spec.message_id,
            task_id=task.id,
        )
        self.apply(connection, answer, task.updated_ms)

    def _emit(self, connection: sqlite3.Connection, event: Event, now_ms: int) -> None:
        if self._tells_manager:
            outbox.add(connection, self._new_id(), now_ms, encode(event))


def facts_of(task: Task) -> TaskFacts:
    """Return what the fleet is told of a task."""
    spec = task.spec
    return TaskFacts(
        id=task.id,
        kind=spec.kind,
        state=task.state,
        created_ms=task.created_ms,
        updated_ms=task.updated_ms,
        attempt=task.attempt,
        priority=spec.priority,
        message_id=spec.message_id,
        parents=spec.parents,
        error=task.failure.code if task.failure else None,
    )
