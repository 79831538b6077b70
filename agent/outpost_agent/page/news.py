"""Tells open lines that people or channels have changed; what there is to see, the page fetches anew.

As in the hub, a poke says only "look again" and may come early, late or twice. However many come while a listener is
busy, it hears each topic once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Topic = Literal["people", "channels"]


class Heard:
    """One listener: `woken` is set when there is something to take."""

    def __init__(self, woken: asyncio.Event) -> None:
        self.woken = woken
        self._topics: set[Topic] = set()

    def hear(self, topic: Topic) -> None:
        """Note that something changed."""
        self._topics.add(topic)
        self.woken.set()

    def take(self) -> list[Topic]:
        """Return and forget what changed; `woken` is left to whoever waits for it."""
        topics = sorted(self._topics)
        self._topics.clear()
        return topics


class News:
    """Knows who listens; used on the event loop only."""

    def __init__(self) -> None:
        self._listeners: set[Heard] = set()

    @contextmanager
    def listen(self, woken: asyncio.Event) -> Iterator[Heard]:
        """Listen for as long as the context lasts, waking by `woken`."""
        heard = Heard(woken)
        self._listeners.add(heard)
        try:
            yield heard
        finally:
            self._listeners.discard(heard)

    def people_changed(self) -> None:
        """Say that people, their requests, their browsers or who owns the device changed."""
        self._tell("people")

    def channels_changed(self) -> None:
        """Say that there are other channels, or that one is in another state."""
        self._tell("channels")

    def _tell(self, topic: Topic) -> None:
        for listener in self._listeners:
            listener.hear(topic)
