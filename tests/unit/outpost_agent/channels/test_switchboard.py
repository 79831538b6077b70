"""Channels come, go, break and are mended, over a real database and files; platforms are played."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from outpost_agent.channels.kept import CHANNELS_SCHEMA, channels, hide_secrets, sweep_secrets
from outpost_agent.channels.local import LocalChat
from outpost_agent.channels.making import ADAPTERS
from outpost_agent.channels.switchboard import ChannelFixed, NoSuchChannel, Switchboard
from outpost_agent.config import ChannelConfig
from outpost_agent.hub import Hub
from outpost_agent.outbound import Outbound
from outpost_disk import Database, DatabaseFailed, open_database
from outpost_sdk.channel import (
    Caps,
    Channel,
    ChannelContext,
    ChannelDown,
    ChannelHealth,
    Delivery,
    Options,
    Outgoing,
    Outlet,
    SendLater,
)
from outpost_wire.errors import BadSetting
from outpost_wire.messages import ChannelFacts

HERE = f"{__name__}:make"
ON = ChannelHealth(state="on", account="@bot")
OFF = ChannelHealth(state="unreachable", en="No way.", zh="不通。")
REFUSED = ChannelHealth(state="refused", en="Wrong token.", zh="令牌有误。")


class Played:
    """A channel that tells what a test has it tell; `made` has all that were made, by name, the newest last."""

    made: ClassVar[dict[str, list[Played]]] = {}
    caps = Caps(delivery=Delivery.BY_CALL)
    tells = ON

    def __init__(self, name: str, options: Options, outlet: Outlet) -> None:
        self.id = name
        self.options = options
        self.outlet = outlet
        self.runs = 0
        self.is_running = False
        self._breaks = asyncio.Event()
        self._context: ChannelContext | None = None
        self.made.setdefault(name, []).append(self)

    async def run(self, context: ChannelContext) -> None:
        self.runs += 1
        self.is_running = True
        self._context = context
        try:
            context.tell(ChannelHealth(state="connecting"))
            context.tell(self.tells)
            await self._breaks.wait()
            self._breaks.clear()
            raise RuntimeError("broken")
        finally:
            self.is_running = False

    def tell(self, health: ChannelHealth) -> None:
        assert self._context is not None
        self._context.tell(health)

    def breaks(self) -> None:
        self._breaks.set()

    async def send(self, outgoing: Outgoing) -> str | None:
        raise SendLater("no", 1)

    async def check(self) -> str:
        if self.options.get("token") == "bad":
            raise ChannelDown("The token is bad.", "令牌无效。")
        if self.options.get("token") == "slow":
            await asyncio.Event().wait()
        return "@bot"


def make(name: str, options: Options, outlet: Outlet) -> Played:
    match options.get("mood"):
        case "wrong":
            raise BadSetting("mood: expected a good one", "mood：应为好")
        case "raises":
            raise KeyError("from elsewhere")
    if path := options.get("token_file"):
        try:
            return Played(name, {**options, "token": Path(path).read_text()}, outlet)
        except OSError:
            raise BadSetting("token_file: cannot be read", "token_file：无法读取") from None
    return Played(name, options, outlet)


class Silent:
    """A way out that has nothing to say."""

    def __init__(self) -> None:
        self.pokes = 0

    def poke(self) -> None:
        self.pokes += 1

    def at_work(self, chat: str) -> None:
        del chat

    async def run(self) -> None:
        await asyncio.Event().wait()


class Door:
    """A way in through which only health is told."""

    def __init__(self, groups: Sequence[str], tell: Any) -> None:
        self.groups = groups
        self.tell = tell


@dataclass
class Board:
    """A switchboard, and what it told."""

    database: Database
    folder: Path
    now: int = 1_000
    changes: int = 0
    back: list[tuple[str, int, str]] = field(default_factory=list)
    groups: list[Sequence[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.switchboard = Switchboard(
            database=self.database,
            secrets=self.folder / "secrets",
            proxy="",
            door=self.door,
            make_outbound=lambda _: cast("Outbound", Silent()),
            changed=self.note_change,
            came_back=self.note_back,
            clock_ms=lambda: self.now,
        )

    def door(self, groups: Sequence[str], tell: Any) -> ChannelContext:
        self.groups.append(groups)
        return cast("ChannelContext", Door(groups, tell))

    def note_change(self) -> None:
        self.changes += 1

    async def note_back(self, facts: ChannelFacts, off_ms: int, before: ChannelHealth) -> None:
        self.back.append((facts.name, off_ms, before.en))

    @asynccontextmanager
    async def running(self, **configured: ChannelConfig) -> AsyncIterator[Switchboard]:
        own: list[Channel] = [LocalChat(Hub())]
        await self.switchboard.load(own, configured)
        running = asyncio.create_task(self.switchboard.run())
        try:
            await settle()
            yield self.switchboard
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def states(self) -> dict[str, str]:
        return {facts.name: facts.state for facts in self.switchboard.facts()}

    def secrets(self) -> list[str]:
        folder = self.folder / "secrets"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Board]:
    Played.made = {}
    monkeypatch.setitem(ADAPTERS, "played", HERE)
    async with open_database(tmp_path / "d.sqlite", (CHANNELS_SCHEMA,)) as database:
        yield Board(database, tmp_path)


def played(*, proxy: str = "", groups: tuple[str, ...] = (), **options: str) -> ChannelConfig:
    return ChannelConfig(adapter="played", proxy=proxy, groups=groups, options=dict(options))


def newest(name: str) -> Played:
    return Played.made[name][-1]


async def test_channels_are_kept_up_and_told_apart(board: Board) -> None:
    async with board.running(a=played(groups=("-1",)), b=played()) as switchboard:
        assert board.states() == {"a": "on", "b": "on"}
        assert switchboard.names() == ["local", "a", "b"]
        assert ("-1",) in board.groups
    assert not newest("a").is_running


async def test_a_channel_that_breaks_is_run_again_and_leaves_the_others_alone(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    plain_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds:
            pauses.append(seconds)
        await plain_sleep(0)

    async with board.running(a=played(), b=played()):
        monkeypatch.setattr("outpost_agent.channels.switchboard.asyncio.sleep", sleep)
        for _ in range(8):
            newest("a").breaks()
            await settle()
        assert (newest("a").runs, newest("b").runs) == (9, 1)
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
        assert board.states() == {"a": "on", "b": "on"}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (played(mood="wrong"), "channels.x: mood: expected a good one"),
        (played(mood="raises"), "channels.x.adapter: 'played' cannot be used"),
        (ChannelConfig(adapter="no.such:thing"), "channels.x.adapter: 'no.such:thing'"),
        (ChannelConfig(adapter="outpost_agent"), "channels.x.adapter: 'outpost_agent'"),
        (ChannelConfig(adapter=""), "channels.x.adapter: ''"),
    ],
)
async def test_a_channel_of_the_settings_that_cannot_be_made_is_refused(
    board: Board, settings: ChannelConfig, named: str
) -> None:
    with pytest.raises(BadSetting, match=named):
        await board.switchboard.load((), {"x": settings})
    with pytest.raises(BadSetting, match=named):
        await board.switchboard.reload({"x": settings}, "")


async def test_the_names_of_the_devices_own_channels_are_taken(board: Board) -> None:
    with pytest.raises(BadSetting, match=r"channels\.local"):
        await board.switchboard.load([LocalChat(Hub())], {"local": played()})
    with pytest.raises(BadSetting, match=r"channels\.local"):
        await board.switchboard.reload({"local": played()}, "")
    with pytest.raises(BadSetting, match="already"):
        await board.switchboard.add("local", "played", {})


async def test_a_reload_touches_only_what_changed(board: Board) -> None:
    first = {"same": played(), "other": played(mood="good"), "gone": played()}
    async with board.running(**first) as switchboard:
        changes = board.changes
        assert await switchboard.reload(first, "") == []
        assert board.changes == changes
        second = {"same": played(), "other": played(mood="better"), "new": played()}
        assert sorted(await switchboard.reload(second, "")) == ["gone", "new", "other"]
        await settle()
        assert {name: len(made) for name, made in Played.made.items()} == {"same": 1, "other": 2, "gone": 1, "new": 1}
        assert board.states() == {"same": "on", "other": "on", "new": "on"}
        assert not Played.made["gone"][0].is_running
        assert not Played.made["other"][0].is_running


async def test_a_reload_that_is_refused_changes_nothing(board: Board) -> None:
    async with board.running(a=played(), b=played()) as switchboard:
        await switchboard.add("mine", "played", {"token": "good"})
        await settle()
        for configured in ({"a": played(mood="new"), "b": played(mood="raises")}, {"local": played()}):
            with pytest.raises(BadSetting):
                await switchboard.reload(configured, "http://127.0.0.1:1")
        assert await switchboard.reload({"a": played(), "b": played()}, "") == []
        assert [made[0].is_running for made in (Played.made["a"], Played.made["b"])] == [True, True]
        assert newest("mine").is_running
        assert len(Played.made["b"]) == 1


async def test_another_proxy_starts_anew_what_goes_out_by_it(board: Board) -> None:
    own = "socks5://127.0.0.1:2"
    configured = {"a": played(), "direct": played(proxy="direct"), "own": played(proxy=own)}
    async with board.running(**configured) as switchboard:
        await switchboard.add("mine", "played", {"token": "good"})
        await switchboard.add("mine-direct", "played", {"token": "good"}, proxy="direct")
        assert sorted(await switchboard.reload(configured, "http://127.0.0.1:1")) == ["a", "mine"]
        by = {name: vars(newest(name).outlet)["_proxy"] for name in Played.made}
        assert by == {
            "a": "http://127.0.0.1:1",
            "mine": "http://127.0.0.1:1",
            "direct": "",
            "mine-direct": "",
            "own": own,
        }


async def test_a_new_token_in_the_file_that_the_settings_name_is_seen(board: Board) -> None:
    token = board.folder / "token"
    token.write_text("one")
    configured = {"a": played(token_file=str(token)), "b": played(token_file=str(board.folder / "b"))}
    (board.folder / "b").write_text("b")
    async with board.running(**configured) as switchboard:
        assert await switchboard.reload(configured, "") == []
        token.write_text("two")
        assert await switchboard.reload(configured, "") == ["a"]
        assert newest("a").options["token"] == "two"


async def test_what_is_added_is_checked_and_kept_with_its_secret_in_a_file_of_its_own(board: Board) -> None:
    async with board.running() as switchboard:
        facts = await switchboard.add("mine", "played", {"token": "good", "mood": "fine"}, groups=["-1"])
        assert (facts.name, facts.kind, facts.state, facts.account) == ("mine", "played", "connecting", "@bot")
        await settle()
        assert board.states() == {"mine": "on"}
        assert switchboard.is_kept("mine")
        assert await switchboard.test("mine") == "@bot"
        assert board.secrets() == ["mine-token"]
        ((name, settings),) = await board.database.read(channels)
        path = board.folder / "secrets" / "mine-token"
        assert (name, settings) == ("mine", played(mood="fine", token_file=str(path), groups=("-1",)))
    again = Board(board.database, board.folder)
    async with again.running() as switchboard:
        assert again.states() == {"mine": "on"}
        await switchboard.remove("mine")
        assert (board.secrets(), await board.database.read(channels)) == ([], [])
        assert again.states() == {}
        assert not newest("mine").is_running
        assert (await switchboard.add("mine", "played", {"token": "good"})).name == "mine"


@pytest.mark.parametrize(
    ("name", "kind", "options", "proxy", "error"),
    [
        ("mine", "played", {"token": "bad"}, "", ChannelDown),
        ("mine", "played", {"token": "slow"}, "", ChannelDown),
        ("mine", "played", {"mood": "wrong"}, "", BadSetting),
        ("mine", "played", {"mood": "raises"}, "", BadSetting),
        ("mine", "played", {"token": "good"}, "ftp://x", BadSetting),
        ("mine", "unheard-of", {"token": "good"}, "", BadSetting),
        ("mine", "os:system", {"token": "good"}, "", BadSetting),
        ("../mine", "played", {"token": "good"}, "", BadSetting),
        ("", "played", {"token": "good"}, "", BadSetting),
    ],
)
async def test_what_does_not_work_is_not_added(
    board: Board,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: str,
    options: dict[str, str],
    proxy: str,
    error: type[Exception],
) -> None:
    monkeypatch.setattr("outpost_agent.channels.making.CHECK_S", 0.01)
    async with board.running() as switchboard:
        with pytest.raises(error) as caught:
            await switchboard.add(name, kind, options, proxy=proxy)
        assert "\n" not in str(caught.value)
        assert getattr(caught.value, "zh", "") not in ("", str(caught.value))
        assert board.states() == {}
    assert (board.secrets(), await board.database.read(channels)) == ([], [])


async def test_a_secret_does_not_stay_where_its_channel_could_not_be_kept(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise DatabaseFailed("disk full")

    async with board.running() as switchboard:
        with monkeypatch.context() as patched, pytest.raises(DatabaseFailed):
            patched.setattr(board.database, "write", full)
            await switchboard.add("mine", "played", {"token": "good"})
        assert (board.secrets(), board.states()) == ([], {})
        await switchboard.add("mine", "played", {"token": "good"})
        await settle()
        with monkeypatch.context() as patched, pytest.raises(DatabaseFailed):
            patched.setattr(board.database, "write", full)
            await switchboard.remove("mine")
        assert (board.secrets(), board.states()) == (["mine-token"], {"mine": "on"})


async def test_only_what_was_added_can_be_removed(board: Board) -> None:
    async with board.running(a=played()) as switchboard:
        with pytest.raises(ChannelFixed):
            await switchboard.remove("a")
        with pytest.raises(ChannelFixed):
            await switchboard.remove("local")
        for ask in (switchboard.remove("absent"), switchboard.test("absent")):
            with pytest.raises(NoSuchChannel):
                await ask
        assert board.states() == {"a": "on"}


async def test_one_that_cannot_be_made_any_more_says_so_and_can_be_removed(board: Board) -> None:
    async with board.running() as switchboard:
        await switchboard.add("mine", "played", {"token": "good"})
    (board.folder / "secrets" / "mine-token").unlink()
    again = Board(board.database, board.folder)
    async with again.running() as switchboard:
        (facts,) = switchboard.facts()
        assert (facts.state, facts.en) == ("broken", "channels.mine: token_file: cannot be read")
        with pytest.raises(ChannelDown, match="token_file"):
            await switchboard.test("mine")
        (board.folder / "secrets" / "mine-token").write_text("good")
        assert await switchboard.reload({}, "") == ["mine"]
        await settle()
        assert again.states() == {"mine": "on"}
        await switchboard.remove("mine")
        assert again.states() == {}


async def test_one_of_the_settings_goes_before_one_that_was_added(board: Board) -> None:
    async with board.running() as switchboard:
        await switchboard.add("mine", "played", {"token": "good"})
        assert await switchboard.reload({"mine": played(mood="settings")}, "") == ["mine"]
        assert not switchboard.is_kept("mine")
        assert await switchboard.reload({"mine": played(mood="settings")}, "") == []
        assert await switchboard.reload({}, "") == ["mine"]
        assert switchboard.is_kept("mine")
        assert newest("mine").options["token"] == "good"


def test_secrets_of_channels_that_are_not_kept_are_swept(tmp_path: Path) -> None:
    hidden = hide_secrets(tmp_path / "secrets", "a-b", played(token="t", password="p"))
    assert set(hidden.options) == {"token_file", "password_file"}
    (tmp_path / "secrets" / "a-token").write_text("another's")
    (tmp_path / "secrets" / ".a-b-token.123.new").write_text("half")
    assert sweep_secrets(tmp_path / "secrets", ["a-b"]) == 2
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == ["a-b-password", "a-b-token"]
    assert sweep_secrets(tmp_path / "absent", []) == 0


async def test_that_a_channel_is_back_is_told_with_how_long_and_why(board: Board) -> None:
    async with board.running(a=played()):
        channel = newest("a")
        board.now = 10_000
        channel.tell(OFF)
        board.now = 20_000
        channel.tell(REFUSED)
        channel.tell(ChannelHealth(state="connecting"))
        assert board.switchboard.facts()[0].account == "@bot"
        board.now = 70_000
        channel.tell(ON)
        channel.tell(ON)
        await settle()
        assert board.back == [("a", 60_000, "Wrong token.")]


async def test_an_outage_lasts_over_a_reload(board: Board) -> None:
    async with board.running(a=played()) as switchboard:
        board.now = 10_000
        newest("a").tell(REFUSED)
        board.now = 30_000
        await switchboard.reload({"a": played(mood="new")}, "")
        await settle()
        assert board.back == [("a", 20_000, "Wrong token.")]


async def test_a_channel_that_was_never_on_is_not_back(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Played, "tells", OFF)
    async with board.running(a=played()):
        assert board.states() == {"a": "unreachable"}
        newest("a").tell(ON)
        await settle()
        assert board.states() == {"a": "on"}
    assert board.back == []


async def test_since_when_is_that_of_the_state_and_not_of_the_words(board: Board) -> None:
    async with board.running(a=played()):
        board.now = 5_000
        newest("a").tell(OFF)
        board.now = 6_000
        newest("a").tell(ChannelHealth(state="unreachable", en="Still no way.", zh="仍不通。"))
        (facts,) = board.switchboard.facts()
        assert (facts.since_ms, facts.en) == (5_000, "Still no way.")
