"""The rules of the link, one by one and then all at once against a network that does its worst."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpost_link.core import (
    AHEAD_LIMIT,
    Action,
    Backoff,
    Forget,
    Ignored,
    Placed,
    Prefix,
    SendPage,
    Uplink,
    WakeAt,
)

NOW = 100.0


def _uplink(base: int = 1, last: int = 0, window: int = 4) -> Uplink:
    return Uplink("E", base, last, window=window, retry_s=10.0, retry_cap_s=35.0)


def _pages(actions: list[Action]) -> list[SendPage]:
    return [action for action in actions if isinstance(action, SendPage)]


def test_sends_nothing_while_there_is_no_connection() -> None:
    assert _uplink().added(last=3, now=NOW) == []


def test_sends_what_waits_when_connected_and_sets_a_time_for_the_answer() -> None:
    assert _uplink(last=3).connected(NOW) == [SendPage(after=0, rows=3), WakeAt(110.0)]


def test_an_empty_outbox_asks_for_nothing() -> None:
    assert _uplink().connected(NOW) == []


def test_keeps_to_its_window() -> None:
    link = _uplink(last=9)
    (page,) = _pages(link.connected(NOW))
    assert page == SendPage(after=0, rows=4)
    assert link.sent(page, 4, NOW) == []
    assert link.in_flight == 4


def test_goes_on_where_a_shorter_page_ended() -> None:
    link = _uplink(last=9)
    (page,) = _pages(link.connected(NOW))
    assert _pages(link.sent(page, 1, NOW)) == [SendPage(after=1, rows=3)]


def test_an_acknowledgement_frees_rows_and_moves_the_window() -> None:
    link = _uplink(last=9)
    (page,) = _pages(link.connected(NOW))
    link.sent(page, 4, NOW)
    assert link.acked("E", 3, NOW + 1) == [Forget(3), SendPage(after=4, rows=3), WakeAt(111.0)]
    assert link.depth == 6


def test_one_page_is_under_way_at_a_time() -> None:
    link = _uplink(last=1)
    link.connected(NOW)
    assert link.added(last=3, now=NOW) == []


def test_an_acknowledgement_may_come_before_the_page_is_done() -> None:
    link = _uplink(last=2)
    (page,) = _pages(link.connected(NOW))
    assert link.acked("E", 2, NOW) == [Forget(2)]
    assert link.sent(page, 2, NOW) == []
    assert link.in_flight == 0


def test_begins_at_the_lowest_row_on_a_new_connection() -> None:
    link = _uplink(last=3)
    (page,) = _pages(link.connected(NOW))
    link.sent(page, 3, NOW)
    link.disconnected()
    assert _pages(link.connected(NOW)) == [SendPage(after=0, rows=3)]


def test_a_page_of_an_earlier_connection_counts_for_nothing() -> None:
    link = _uplink(last=3)
    (old,) = _pages(link.connected(NOW))
    link.disconnected()
    (page,) = _pages(link.connected(NOW))
    assert link.sent(old, 3, NOW) == []
    assert _pages(link.refused(old, NOW)) == []
    assert link.sent(page, 3, NOW) == []


def test_sends_again_after_silence_and_waits_longer_each_time_up_to_the_cap() -> None:
    link = _uplink(last=2)
    waits: list[float] = []
    (page,) = _pages(link.connected(NOW))
    now = NOW
    for _ in range(4):
        wake = now + [10.0, 20.0, 35.0, 35.0][len(waits)]
        assert link.sent(page, 2, now) == []
        assert link.tick(wake - 0.1) == []
        page, timer = link.tick(wake)  # type: ignore[assignment]
        assert page == SendPage(after=0, rows=2)
        waits.append(wake - now)
        now = wake
    assert waits == [10.0, 20.0, 35.0, 35.0]
    assert timer == WakeAt(now + 35.0)


def test_an_acknowledgement_makes_the_wait_short_again() -> None:
    link = _uplink(last=3)
    (page,) = _pages(link.connected(NOW))
    link.sent(page, 3, NOW)
    (page, _) = link.tick(NOW + 10)  # type: ignore[assignment]
    link.sent(page, 3, NOW + 10)
    assert link.acked("E", 1, NOW + 12) == [Forget(1), WakeAt(NOW + 22)]


def test_what_the_broker_refuses_is_tried_again_later() -> None:
    link = _uplink(last=2)
    (page,) = _pages(link.connected(NOW))
    assert link.refused(page, NOW) == []
    assert _pages(link.tick(NOW + 10)) == [SendPage(after=0, rows=2)]


def test_silence_means_nothing_when_nothing_is_in_flight() -> None:
    link = _uplink(last=1)
    (page,) = _pages(link.connected(NOW))
    link.sent(page, 1, NOW)
    link.acked("E", 1, NOW)
    assert link.tick(NOW + 100) == []


def test_ignores_the_acknowledgement_of_another_epoch() -> None:
    link = _uplink(last=2)
    link.connected(NOW)
    assert link.acked("OLD", 2, NOW) == [Ignored("it is for another epoch")]
    assert link.depth == 2


def test_ignores_an_acknowledgement_of_what_was_never_sent() -> None:
    link = _uplink()
    link.connected(NOW)
    link.added(last=2, now=NOW)
    assert link.acked("E", 3, NOW) == [Ignored("seq 3 was never sent; the last one was 2")]


def test_believes_an_acknowledgement_of_rows_that_were_sent_before_a_restart() -> None:
    assert _uplink(base=4, last=20).acked("E", 20, NOW) == [Forget(20)]


def test_a_second_acknowledgement_changes_nothing() -> None:
    link = _uplink(last=2)
    link.connected(NOW)
    link.acked("E", 2, NOW)
    assert link.acked("E", 2, NOW) == []
    assert link.acked("E", 1, NOW) == []


def test_a_prefix_grows_in_order() -> None:
    assert Prefix(3).add(4, first=1) == (Prefix(4), Placed.NEW)


def test_a_prefix_knows_what_it_has() -> None:
    assert Prefix(3, (6,)).add(2, first=1) == (Prefix(3, (6,)), Placed.DUPLICATE)
    assert Prefix(3, (6,)).add(6, first=1) == (Prefix(3, (6,)), Placed.DUPLICATE)


def test_what_comes_early_waits_for_the_gap_to_close() -> None:
    prefix, placed = Prefix(3).add(5, first=1)
    assert (prefix, placed) == (Prefix(3, (5,)), Placed.NEW)
    assert prefix.add(4, first=1) == (Prefix(5), Placed.NEW)


def test_refuses_more_early_ones_than_it_keeps_but_never_the_one_that_closes_the_gap() -> None:
    full = Prefix(0, tuple(range(2, AHEAD_LIMIT + 2)))
    assert full.add(AHEAD_LIMIT + 2, first=1) == (full, Placed.REFUSED)
    assert full.add(1, first=1) == (Prefix(AHEAD_LIMIT + 1), Placed.NEW)


def test_passes_over_what_the_device_no_longer_holds() -> None:
    prefix = Prefix(3, (6, 9))
    assert prefix.missed(first=8) == 3
    assert prefix.add(8, first=8) == (Prefix(9), Placed.NEW)


def test_nothing_is_missed_when_first_is_within_the_prefix() -> None:
    assert Prefix(3).missed(first=4) == 0


@given(st.permutations(range(1, 40)))
def test_any_order_ends_in_the_same_prefix(order: list[int]) -> None:
    prefix = Prefix()
    for seq in order:
        prefix, placed = prefix.add(seq, first=1)
        assert placed is Placed.NEW
    assert prefix == Prefix(39)


def test_waits_double_to_the_cap_with_the_upper_half_by_chance() -> None:
    backoff = Backoff(lambda: 1.0, base_s=0.25, cap_s=30.0)
    waits: list[float] = []
    for _ in range(9):
        backoff = backoff.after(0.0)
        waits.append(backoff.wait_s)
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert Backoff(lambda: 0.0, cap_s=30.0, failures=2000).wait_s == 15.0


@pytest.mark.parametrize(("lasted_s", "wait_s"), [(5.0, 0.25), (4.9, 4.0)])
def test_only_a_connection_that_lasted_makes_the_wait_short_again(lasted_s: float, wait_s: float) -> None:
    assert Backoff(lambda: 1.0, failures=4).after(lasted_s).wait_s == wait_s


@dataclass
class World:
    """A device, a manager and a network between them that loses, repeats and restarts at will."""

    window: int
    stored: int = 0
    forgotten: int = 0
    now: float = 0.0
    prefix: Prefix = field(default_factory=Prefix)
    has: set[int] = field(default_factory=set)
    acks: list[int] = field(default_factory=list)
    page: SendPage | None = None
    online: bool = False
    sent_now: list[int] = field(default_factory=list)
    returns: int = 0

    def __post_init__(self) -> None:
        self.link = self._start()

    def step(self, event: str) -> None:
        match event:
            case "add":
                self.stored += 1
                self._do(self.link.added(self.stored, self.now))
            case "connect" if not self.online:
                self.online = True
                self.sent_now = []
                self._do(self.link.connected(self.now))
            case "disconnect":
                self._disconnect()
            case "restart":
                self._disconnect()
                self.link = self._start()
            case "arrive" | "lose" | "short" | "refuse" if self.page is not None:
                self._send(event)
            case "ack" | "repeat" if self.acks:
                acked = self.acks[0] if event == "repeat" else self.acks.pop(0)
                self._do(self.link.acked("E", acked, self.now))
            case "lose ack" if self.acks:
                self.acks.pop(0)
            case "stale ack":
                self._do(self.link.acked("OLD", 10**6, self.now))
            case "wild ack":
                self._do(self.link.acked("E", 10**6, self.now))
            case "wait":
                self.now += 400.0
                self.returns += 1
                self._do(self.link.tick(self.now))
            case _:
                pass  # nothing that this could happen to

    def _start(self) -> Uplink:
        return Uplink("E", self.forgotten + 1, self.stored, window=self.window, retry_s=10.0, retry_cap_s=300.0)

    def _disconnect(self) -> None:
        self.online = False
        self.page = None
        self.link.disconnected()

    def _send(self, event: str) -> None:
        page, self.page = self.page, None
        assert page is not None
        rows = page.rows - 1 if event == "short" and page.rows > 1 else page.rows
        seqs = list(range(page.after + 1, page.after + 1 + rows))
        assert seqs[-1] <= self.stored
        assert seqs[-1] - self.forgotten <= self.window
        if event == "refuse":
            self._do(self.link.refused(page, self.now))
            return
        for seq in seqs:
            if self.sent_now and seq <= self.sent_now[-1]:
                assert self.returns > 0, "rows of one connection go back only after silence"
                self.returns -= 1
            self.sent_now.append(seq)
            if event != "lose":
                self._receive(seq)
        self._do(self.link.sent(page, seqs[-1], self.now))

    def _receive(self, seq: int) -> None:
        self.prefix, placed = self.prefix.add(seq, first=self.forgotten + 1)
        assert (placed is Placed.DUPLICATE) == (seq in self.has)
        self.has.add(seq)
        self.acks.append(self.prefix.through)

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, SendPage):
                assert self.online
                assert self.page is None
                self.page = action
            elif isinstance(action, Forget):
                assert action.through <= self.prefix.through, "forgot what the manager does not have"
                self.forgotten = action.through
        assert 0 <= self.link.in_flight <= self.window


EVENTS = ["add", "connect", "disconnect", "restart", "arrive", "lose", "short", "refuse"]
EVENTS += ["ack", "repeat", "lose ack", "stale ack", "wild ack", "wait"]


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 5), st.lists(st.sampled_from(EVENTS), max_size=120))
def test_everything_arrives_whatever_the_network_does(window: int, events: list[str]) -> None:
    world = World(window)
    for event in events:
        world.step(event)
    for _ in range(4 * len(events) + 8):
        for event in ("connect", "arrive", "ack", "wait"):
            world.step(event)
    assert world.has == set(range(1, world.stored + 1))
    assert world.prefix == Prefix(world.stored)
    assert world.forgotten == world.stored
    assert world.link.depth == 0
