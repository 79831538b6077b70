"""Wakes those who listen to a chat; what there is to hear they read from the database themselves.

A poke may come early, late or twice: it says only "look again", so nothing depends on it but speed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

ChatKey = tuple[str, str]
TASKS_LIMIT = 256


class Listener:
    """One reader of one chat: `woken` is set when there is something, `tasks` holds ids of tasks that changed."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.tasks: dict[str, None] = {}
        self.delivered: set[int] = set()

    def task(self, task: str) -> None:
        """Note that a task changed; beyond TASKS_LIMIT the oldest note is dropped."""
        self.tasks[task] = None
        if len(self.tasks) > TASKS_LIMIT:
            del self.tasks[next(iter(self.tasks))]
        self.woken.set()

    def take(self) -> tuple[list[str], list[int]]:
        """Return and forget the tasks that changed and the seqs that were delivered."""
        taken = list(self.tasks), sorted(self.delivered)
        self.tasks.clear()
        self.delivered.clear()
        self.woken.clear()
        return taken


class Hub:
    """Knows who listens to which chat; used on the event loop only."""

    def __init__(self) -> None:
        self._listeners: dict[ChatKey, set[Listener]] = {}

    @contextmanager
    def listen(self, channel: str, chat: str) -> Iterator[Listener]:
        """Listen to a chat for as long as the context lasts."""
        listener = Listener()
        listeners = self._listeners.setdefault((channel, chat), set())
        listeners.add(listener)
        try:
            yield listener
        finally:
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop((channel, chat), None)

    def said(self, channel: str, chat: str) -> None:
        """Say that a chat has new messages."""
        for listener in self._listeners.get((channel, chat), ()):
            listener.woken.set()

    def delivered(self, channel: str, chat: str, seqs: list[int]) -> None:
        """Say that messages of a chat were delivered."""
        for listener in self._listeners.get((channel, chat), ()):
            listener.delivered.update(seqs)
            listener.woken.set()

    def task(self, channel: str | None, chat: str | None, task: str) -> None:
        """Say that a task of a chat changed."""
        for listener in self._listeners.get((channel or "", chat or ""), ()):
            listener.task(task)
