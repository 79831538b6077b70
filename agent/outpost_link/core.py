"""The rules of the link, without socket, file or clock: what a device sends when, and what a manager has.

`Uplink` is a go-back-N sender over a durable outbox. A row is in flight from the moment it is sent until the manager
acknowledges it, whatever the broker said in between. Its invariants:

* At most `window` rows are in flight.
* Within one connection rows leave in the order of their seq, but for a return to the lowest row that is not
  acknowledged (`base`), which happens only when the acknowledgement has not moved for a while.
* An acknowledgement is believed only for the current epoch and only up to what the manager can have.
* It holds numbers, never bodies, so its memory does not depend on how long the manager is away.

`Prefix` is the receiving side: the seqs of one epoch that are in the manager's database.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

AHEAD_LIMIT = 256


@dataclass(frozen=True, slots=True)
class SendPage:
    """Send up to `rows` rows of the outbox that follow `after`; answer with `Uplink.sent` or `Uplink.refused`."""

    after: int
    rows: int


@dataclass(frozen=True, slots=True)
class Forget:
    """The manager has everything up to and including `through`: delete it."""

    through: int


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `Uplink.tick` at this time; replaces an earlier wish."""

    time: float


@dataclass(frozen=True, slots=True)
class Ignored:
    """An acknowledgement was not believed; `reason` says why."""

    reason: str


Action = SendPage | Forget | WakeAt | Ignored


@dataclass(slots=True)
class Uplink:
    """Decides which rows of the outbox are sent and when; all times are seconds of one clock that never goes back.

    `base` is the lowest seq in the outbox (one more than `last` when it is empty), `last` the highest ever given out.
    When the acknowledgement does not move for `retry_s`, everything from `base` on is sent again; the wait doubles
    each time, up to `retry_cap_s`.
    """

    epoch: str
    base: int
    last: int
    window: int = 64
    retry_s: float = 10.0
    retry_cap_s: float = 300.0
    _next: int = field(init=False)
    _manager_may_have: int = field(init=False)
    _is_online: bool = field(init=False, default=False)
    _page: SendPage | None = field(init=False, default=None)
    _retries: int = field(init=False, default=0)
    _retry_at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._next = self.base
        self._manager_may_have = self.last  # sent, perhaps, before a restart

    @property
    def in_flight(self) -> int:
        """Return how many rows were sent, or are being sent, and are not acknowledged."""
        ahead = self._page.after + self._page.rows if self._page else self._next - 1
        return max(ahead, self._next - 1) - self.base + 1

    @property
    def depth(self) -> int:
        """Return how many rows the outbox holds."""
        return self.last - self.base + 1

    def connected(self, now: float) -> list[Action]:
        """There is a new connection: begin again at the lowest row."""
        self._is_online = True
        self._page = None
        self._next = self.base
        self._retries = 0
        self._retry_at = None
        return self._proceed(now)

    def disconnected(self) -> None:
        """The connection ended, and with it the page that was being sent."""
        self._is_online = False
        self._page = None
        self._retry_at = None

    def added(self, last: int, now: float) -> list[Action]:
        """The outbox has rows up to `last`."""
        self.last = max(self.last, last)
        return self._proceed(now)

    def sent(self, page: SendPage, through: int, now: float) -> list[Action]:
        """The broker has the rows of `page` up to and including `through`; fewer than asked for is all right."""
        if page is not self._page:
            return []
        self._page = None
        self._next = max(self._next, through + 1)
        return self._proceed(now)

    def refused(self, page: SendPage, now: float) -> list[Action]:
        """The broker would not take `page`; it is tried again when the acknowledgement has not moved for a while."""
        if page is not self._page:
            return []
        self._page = None
        self._next = max(self._next, page.after + page.rows + 1)
        return self._proceed(now)

    def acked(self, epoch: str, seq: int, now: float) -> list[Action]:
        """The manager says that it has all of `epoch` up to and including `seq`."""
        if epoch != self.epoch:
            return [Ignored("it is for another epoch")]
        if seq > self._manager_may_have:
            return [Ignored(f"seq {seq} was never sent; the last one was {self._manager_may_have}")]
        if seq < self.base:
            return []
        self.base = seq + 1
        self._next = max(self._next, self.base)
        self._retries = 0
        self._retry_at = None
        return [Forget(seq), *self._proceed(now)]

    def tick(self, now: float) -> list[Action]:
        """Some time has passed: send again from the lowest row when the manager has been silent for too long."""
        if self._retry_at is None or now < self._retry_at:
            return []
        self._retry_at = None
        if self._page is None:
            self._next = self.base
            self._retries += 1
        return self._proceed(now)

    def _proceed(self, now: float) -> list[Action]:
        if not self._is_online:
            return []
        actions: list[Action] = []
        rows = min(self.base + self.window, self.last + 1) - self._next
        if self._page is None and rows > 0:
            self._page = SendPage(self._next - 1, rows)
            self._manager_may_have = max(self._manager_may_have, self._next - 1 + rows)
            actions.append(self._page)
        if self.in_flight > 0 and self._retry_at is None:
            self._retry_at = now + min(self.retry_s * 2**self._retries, self.retry_cap_s)
            actions.append(WakeAt(self._retry_at))
        return actions


class Placed(Enum):
    """What became of a message that the manager received."""

    NEW = "new"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Prefix:
    """The seqs of one (device, epoch) that a manager has: all up to `through`, and those in `ahead`, sorted.

    `through` is what it acknowledges. What came out of order is kept in `ahead`, at most AHEAD_LIMIT of them; more is
    refused, and the device sends it again once the gap is closed.
    """

    through: int = 0
    ahead: tuple[int, ...] = ()

    def add(self, seq: int, first: int) -> tuple[Prefix, Placed]:
        """Return the prefix with `seq` in it and what became of it; `first` is the lowest seq the device still holds.

        A message that is NEW must be committed together with the new prefix. What lies below `first` can come no more:
        it was acknowledged to a database that this manager no longer has, so it is passed over; `missed` says how many
        those are.
        """
        prefix = self._without_lost(first)
        if seq <= prefix.through or seq in prefix.ahead:
            return prefix, Placed.DUPLICATE
        if seq > prefix.through + 1 and len(prefix.ahead) >= AHEAD_LIMIT:
            return prefix, Placed.REFUSED
        ahead = list(prefix.ahead)
        insort(ahead, seq)
        return _joined(prefix.through, ahead), Placed.NEW

    def missed(self, first: int) -> int:
        """Return how many seqs below `first` this manager never got, or no longer has."""
        below = [seq for seq in self.ahead if seq < first]
        return max(0, first - 1 - self.through - len(below))

    def _without_lost(self, first: int) -> Prefix:
        if first <= self.through + 1:
            return self
        return _joined(first - 1, [seq for seq in self.ahead if seq >= first])


def _joined(through: int, ahead: list[int]) -> Prefix:
    """Return the prefix after moving what follows `through` without a gap out of `ahead`, which is sorted."""
    taken = 0
    while taken < len(ahead) and ahead[taken] == through + 1:
        through += 1
        taken += 1
    return Prefix(through, tuple(ahead[taken:]))


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next attempt to connect: doubling from `base_s` to `cap_s`, the upper half by chance.

    `chance()` gives a number from 0 to 1. A connection that lasted `settled_s` makes the next wait short again; one
    that ends at once does not, so that two clients of one name do not throw each other out without pause.
    """

    chance: Callable[[], float]
    base_s: float = 0.25
    cap_s: float = 30.0
    settled_s: float = 5.0
    failures: int = 0

    def after(self, lasted_s: float) -> Backoff:
        """Return the state after an attempt whose connection lasted `lasted_s` (0 when there was none)."""
        return replace(self, failures=1 if lasted_s >= self.settled_s else self.failures + 1)

    @property
    def wait_s(self) -> float:
        """Return how long to wait now; another number each time."""
        ceiling = min(self.cap_s, self.base_s * 2.0 ** min(self.failures - 1, 30))
        return ceiling * (0.5 + 0.5 * self.chance())
