"""The channels of a device: which there are, how each is doing, and starting and ending them while the device runs.

Channels come from the settings file, or were added on the device's page and are kept in the database; what is secret
in their options lies in a file of its own. A reload of the settings starts and ends only the channels that changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from outpost_agent.channels import kept
from outpost_agent.channels.making import ADAPTERS, Unmade, checked, make_channel, stamp_of
from outpost_agent.config import ChannelConfig
from outpost_agent.outbound import Outbound
from outpost_agent.outlet import EXPECTED, EXPECTED_ZH
from outpost_disk import Database
from outpost_sdk.channel import Channel, ChannelContext, ChannelHealth
from outpost_wire.errors import BadInput, BadSetting, OutpostError
from outpost_wire.messages import ChannelFacts
from outpost_wire.topics import is_name

log = logging.getLogger(__name__)

PAUSE_S = 60.0


class NoSuchChannel(BadInput):
    """The device has no channel of this name."""

    code = "no_such_channel"


class ChannelFixed(BadInput):
    """This channel is part of the device, or comes from the settings file and is changed there."""

    code = "channel_fixed"


@dataclass(slots=True)
class _Line:
    """A channel that is kept up. `settings` is None for one that is part of the device.

    `stamp` is that of the files its options name, as they were when it was made. While it is off, `off_ms` is since
    when and `trouble` what was said of it last.
    """

    channel: Channel
    kind: str
    settings: ChannelConfig | None
    stamp: bytes
    is_added: bool
    outbound: Outbound
    health: ChannelHealth
    since_ms: int
    task: asyncio.Task[None] | None = None
    off_ms: int | None = None
    trouble: ChannelHealth | None = None


Door = Callable[[Sequence[str], Callable[[ChannelHealth], None]], ChannelContext]


class Switchboard:
    """Keeps the channels up. `door` makes the way in of one, `make_outbound` the way out.

    `secrets` is a folder for the secrets of the channels that were added on the page, and for nothing else.

    `changed()` hears of every change of the list or of a channel's health; `came_back(facts, off_ms, before)` that a
    channel is on again after `off_ms` milliseconds in the health `before`.
    """

    def __init__(
        self,
        *,
        database: Database,
        secrets: Path,
        proxy: str,
        door: Door,
        make_outbound: Callable[[Channel], Outbound],
        changed: Callable[[], None],
        came_back: Callable[[ChannelFacts, int, ChannelHealth], Awaitable[None]],
        clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._proxy = proxy
        self._door = door
        self._make_outbound = make_outbound
        self._changed = changed
        self._came_back = came_back
        self._clock_ms = clock_ms
        self._lines: dict[str, _Line] = {}
        self._group: asyncio.TaskGroup | None = None
        self._changing = asyncio.Lock()

    async def load(self, own: Sequence[Channel], configured: Mapping[str, ChannelConfig]) -> None:
        """Make the channels: the device's `own`, those of the settings, and those added on the page.

        Raises BadSetting for one of the settings. One added on the page that cannot be made is said to be broken.
        """
        for channel in own:
            self._put(channel, channel.id, None, is_added=False, health=ChannelHealth(state="on"))
        self._refuse_own(configured)
        for name, settings in configured.items():
            self._put(make_channel(name, settings, self._proxy), settings.adapter, settings, is_added=False)
        added = await self._database.read(kept.channels)
        await asyncio.to_thread(kept.sweep_secrets, self._secrets, [name for name, _ in added])
        for name, settings in added:
            if name in self._lines:
                log.warning("channel of the page gives way to the settings", extra={"channel": name})
            else:
                self._put_added(name, settings)

    async def run(self) -> None:
        """Keep all channels up until cancelled; what breaks in one of them leaves the others alone."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for line in self._lines.values():
                    self._start(line)
                await asyncio.Event().wait()
            finally:
                self._group = None
                for line in self._lines.values():
                    if line.task is not None:
                        line.task.cancel()

    def names(self) -> list[str]:
        """Return the names of all channels, the device's own among them."""
        return list(self._lines)

    def facts(self) -> tuple[ChannelFacts, ...]:
        """Return how each channel is that people can reach from elsewhere."""
        return tuple(_facts(name, line) for name, line in self._lines.items() if name != "local")

    def is_kept(self, name: str) -> bool:
        """Say whether a channel was added on the page, and so can be removed there."""
        line = self._lines.get(name)
        return line is not None and line.is_added

    def said(self, name: str) -> None:
        """Say that there may be something to send on a channel."""
        line = self._lines.get(name)
        if line is not None:
            line.outbound.poke()

    def at_work(self, name: str, chat: str) -> None:
        """Say that work began in a chat, or went on."""
        line = self._lines.get(name)
        if line is not None:
            line.outbound.at_work(chat)

    async def add(
        self, name: str, kind: str, options: dict[str, str], *, proxy: str = "", groups: Sequence[str] = ()
    ) -> ChannelFacts:
        """Make a channel, check that its platform knows us, keep it and start it.

        Raises BadSetting for what cannot be right, ChannelDown with the platform's answer.
        """
        if not is_name(name) or kind not in ADAPTERS:
            raise BadSetting(
                f"channel {name[:64]!r}: expected a name of letters, digits, '.', '_' or '-', and one of the kinds"
                f" {', '.join(ADAPTERS)}",
                f"渠道 {name[:64]!r}：名称只能包含字母、数字、“.”“_”“-”，类型应为 {', '.join(ADAPTERS)} 之一",
            )
        async with self._changing:
            if name in self._lines:
                raise BadSetting(
                    f"There is a channel {name} already: remove it first, or choose another name.",
                    f"已有名为 {name} 的渠道：请先移除，或换一个名称。",
                )
            try:
                settings = ChannelConfig(adapter=kind, proxy=proxy, groups=tuple(groups), options=dict(options))
            except ValueError as error:
                raise BadSetting(EXPECTED, EXPECTED_ZH) from error
            account = await checked(make_channel(name, settings, self._proxy))
            line = self._put_added(name, await self._keep(name, settings))
            line.health = ChannelHealth(state="connecting", account=account)
            self._start(line)
        log.info("channel added", extra={"channel": name, "kind": kind})
        self._changed()
        return _facts(name, line)

    async def remove(self, name: str) -> None:
        """End and forget a channel that was added on the page. Raises NoSuchChannel or ChannelFixed."""
        async with self._changing:
            line = self._lines.get(name)
            if line is None:
                raise _no_such(name)
            if line.settings is None:
                raise ChannelFixed(
                    f"{name} is part of the device and cannot be removed.", f"{name} 是设备的一部分，无法移除。"
                )
            if not line.is_added:
                raise ChannelFixed(
                    f"{name} stands in the settings file: remove it there and reload.",
                    f"{name} 写在设置文件中：请在文件中移除并重新加载。",
                )
            await self._database.write(lambda connection: kept.forget(connection, name))
            await self._end(name)
            await asyncio.to_thread(kept.remove_secrets, self._secrets, name)
        log.info("channel removed", extra={"channel": name})
        self._changed()

    async def test(self, name: str) -> str:
        """Return who we are on a channel's platform. Raises NoSuchChannel or ChannelDown."""
        line = self._lines.get(name)
        if line is None:
            raise _no_such(name)
        return await checked(line.channel)

    async def reload(self, configured: Mapping[str, ChannelConfig], proxy: str) -> list[str]:
        """Take over changed settings; return the names of the channels that were started, ended or started anew.

        Nothing is changed when one of `configured` cannot be made. Raises BadSetting.
        """
        async with self._changing:
            self._refuse_own(configured)
            is_other_way = proxy != self._proxy
            made = {
                name: make_channel(name, settings, proxy)
                for name, settings in configured.items()
                if self._is_to_start(name, settings, is_added=False, is_other_way=is_other_way)
            }
            added = {
                name: settings
                for name, settings in await self._database.read(kept.channels)
                if name not in configured
                and self._is_to_start(name, settings, is_added=True, is_other_way=is_other_way)
            }
            gone = [
                name
                for name, line in self._lines.items()
                if line.settings is not None and not line.is_added and name not in configured
            ]
            self._proxy = proxy
            changed = list(dict.fromkeys((*gone, *made, *added)))
            for name in changed:
                before = self._lines.get(name)
                if before is not None:
                    await self._end(name)
                if name in made:
                    line = self._put(made[name], configured[name].adapter, configured[name], is_added=False)
                elif name in added:
                    line = self._put_added(name, added[name])
                else:
                    continue
                if before is not None:
                    line.off_ms, line.trouble = before.off_ms, before.trouble
                self._start(line)
        if changed:
            self._changed()
        return changed

    def _refuse_own(self, configured: Mapping[str, ChannelConfig]) -> None:
        for name in configured:
            if name in self._lines and self._lines[name].settings is None:
                raise BadSetting(
                    f"channels.{name}: this is the name of a channel of the device itself; choose another name",
                    f"channels.{name}：这是设备自带渠道的名称；请换一个名称",
                )

    def _is_to_start(self, name: str, settings: ChannelConfig, *, is_added: bool, is_other_way: bool) -> bool:
        """Say whether a channel is not up as it is set; `is_other_way` where the proxy of all channels has changed."""
        line = self._lines.get(name)
        if line is None or line.is_added != is_added or line.settings != settings:
            return True
        return line.stamp != stamp_of(settings) or (is_other_way and not settings.proxy)

    async def _keep(self, name: str, settings: ChannelConfig) -> ChannelConfig:
        """Write a channel's settings to the disk, what is secret in files of its own, and return them as written."""
        hidden = await asyncio.to_thread(kept.hide_secrets, self._secrets, name, settings)
        now_ms = self._clock_ms()
        try:
            await self._database.write(lambda connection: kept.keep(connection, name, hidden, now_ms))
        except OutpostError:
            await asyncio.to_thread(kept.remove_secrets, self._secrets, name)
            raise
        return hidden

    def _put_added(self, name: str, settings: ChannelConfig) -> _Line:
        """Make a channel that was added on the page; one that cannot be made any more says so instead."""
        channel: Channel
        try:
            channel = make_channel(name, settings, self._proxy)
        except BadSetting as error:
            log.warning("channel cannot be made", extra={"channel": name, "reason": str(error)})
            channel = Unmade(name, error)
        return self._put(channel, settings.adapter, settings, is_added=True)

    def _put(
        self,
        channel: Channel,
        kind: str,
        settings: ChannelConfig | None,
        *,
        is_added: bool,
        health: ChannelHealth | None = None,
    ) -> _Line:
        line = _Line(
            channel=channel,
            kind=kind,
            settings=settings,
            stamp=stamp_of(settings) if settings else b"",
            is_added=is_added,
            outbound=self._make_outbound(channel),
            health=health or ChannelHealth(state="connecting"),
            since_ms=self._clock_ms(),
        )
        self._lines[channel.id] = line
        return line

    def _start(self, line: _Line) -> None:
        if self._group is not None:
            line.task = self._group.create_task(self._keep_up(line))

    async def _end(self, name: str) -> None:
        line = self._lines.pop(name)
        if line.task is not None:
            line.task.cancel()
            await asyncio.gather(line.task, return_exceptions=True)

    async def _keep_up(self, line: _Line) -> None:
        door = self._door(line.settings.groups if line.settings else (), partial(self._tell, line))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_again(line, partial(line.channel.run, door)))
            group.create_task(self._run_again(line, line.outbound.run))

    async def _run_again(self, line: _Line, live: Callable[[], Awaitable[None]]) -> None:
        """Run a part of a channel; when it breaks, say so and run it again."""
        pause_s = 1.0
        while True:
            try:
                return await live()
            except Exception:
                log.exception("channel broke", extra={"channel": line.channel.id, "again_in_s": pause_s})
            self._tell(
                line,
                ChannelHealth(
                    state="broken",
                    en="Its program broke and is started again; the log of the device has the details.",
                    zh="渠道程序出错，正在重新启动；详情见设备日志。",
                    account=line.health.account,
                ),
            )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S)

    def _tell(self, line: _Line, health: ChannelHealth) -> None:
        if not health.account and line.health.account:
            health = replace(health, account=line.health.account)
        before, now_ms = line.health, self._clock_ms()
        if health == before:
            return
        if health.state != before.state:
            log.info("channel", extra={"channel": line.channel.id, "state": health.state, "reason": health.en})
            line.since_ms = now_ms
        line.health = health
        self._note_outage(line, before, now_ms)
        self._changed()

    def _note_outage(self, line: _Line, before: ChannelHealth, now_ms: int) -> None:
        """Note since when a channel that was on is off, and tell when it is back."""
        if line.health.state == "on":
            if line.off_ms is not None and line.trouble is not None and self._group is not None:
                facts = _facts(line.channel.id, line)
                self._group.create_task(self._say_back(facts, now_ms - line.off_ms, line.trouble))
            line.off_ms = line.trouble = None
            return
        if before.state == "on":
            line.off_ms = now_ms
        if line.health.state != "connecting":
            line.trouble = line.health

    async def _say_back(self, facts: ChannelFacts, off_ms: int, before: ChannelHealth) -> None:
        try:
            await self._came_back(facts, off_ms, before)
        except OutpostError as error:
            log.warning("an outage was not told", extra={"channel": facts.name, "reason": str(error)})


def _no_such(name: str) -> NoSuchChannel:
    return NoSuchChannel(f"There is no channel {name[:64]!r}.", f"没有名为 {name[:64]!r} 的渠道。")


def _facts(name: str, line: _Line) -> ChannelFacts:
    health = line.health
    return ChannelFacts(
        name=name[:64],
        kind=line.kind[:256],
        state=health.state,
        account=health.account[:256],
        en=health.en[:256],
        zh=health.zh[:256],
        since_ms=line.since_ms,
    )
