"""Who wakes whom: a change anywhere is told to those who have to look again, and to nobody else.

A wake says only "look"; what there is to see is read from the database, so one that comes late, twice or never after a
crash costs time and nothing else. The parts are set by the place that joins them, once they exist.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from outpost_agent.hub import Hub
from outpost_agent.page.news import News
from outpost_sdk.tasks import Task

if TYPE_CHECKING:
    from outpost_agent.channels.switchboard import Switchboard
    from outpost_agent.metrics import Metrics
    from outpost_agent.router.gather import Gatherer
    from outpost_agent.runner import Runner
    from outpost_link import DeviceLink


class Wakes:
    """Passes wakes on; used on the event loop, but for `changed_soon`."""

    switchboard: Switchboard
    runner: Runner
    gatherer: Gatherer
    metrics: Metrics
    link: DeviceLink | None = None

    def __init__(self, hub: Hub, news: News) -> None:
        self._hub = hub
        self._news = news
        self._loop = asyncio.get_running_loop()
        self.people = asyncio.Event()
        self.shadow = asyncio.Event()

    def changed_soon(self, channel: str | None, chat: str | None, task: str | None) -> None:
        """Tell of a change that is about to be committed; called on the database's thread."""
        self._loop.call_soon_threadsafe(self._changed, channel, chat, task)

    def said(self, channel: str, chat: str) -> None:
        """Tell that something was said in a chat, to a reader or to a platform."""
        self._hub.said(channel, chat)
        self.switchboard.said(channel)

    def busy(self, channel: str, chat: str) -> None:
        """Tell that work began in a chat, or went on."""
        self.switchboard.at_work(channel, chat)

    def progressed(self, task: Task) -> None:
        """Tell that a running task has got further."""
        channel, chat = task.spec.channel, task.spec.chat
        self._hub.task(channel, chat, task.id)
        if channel is not None and chat is not None:
            self.busy(channel, chat)

    def began(self, channel: str, chat: str) -> None:
        """Tell that work began for messages that had been held."""
        self.said(channel, chat)
        self.busy(channel, chat)

    def held(self) -> None:
        """Tell that a message waits for others."""
        self.gatherer.poke()

    def people_changed(self) -> None:
        """Tell that who may talk here, or asks to, has changed."""
        self.people.set()
        self.shadow.set()
        self._news.people_changed()

    def channels_changed(self) -> None:
        """Tell that a channel came, went or fares otherwise."""
        self.shadow.set()
        self._news.channels_changed()

    def settings_changed(self) -> None:
        """Tell that the fleet's operator wants something else."""
        self.shadow.set()

    def _changed(self, channel: str | None, chat: str | None, task: str | None) -> None:
        if task is None:
            self.metrics.messages.labels(channel, "out").inc()
            self.said(channel or "", chat or "")
            return
        self._hub.task(channel, chat, task)
        self.runner.poke(task)
        self.gatherer.poke()
        if self.link:
            # Events are written with changes of tasks only.
            self.link.notify()
