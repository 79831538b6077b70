"""When a child that ended is started again; owns no process and no clock."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 10.0
HOPELESS_AFTER = 4


@dataclass(slots=True)
class Restarts:
    """Waits that double from FIRST_WAIT_S to LONGEST_WAIT_S while the child never becomes ready in between."""

    _failures: int = 0
    _was_ever_ready: bool = False

    @property
    def is_hopeless(self) -> bool:
        """Say whether the child has never been ready, and not for want of trying."""
        return not self._was_ever_ready and self._failures >= HOPELESS_AFTER

    def became_ready(self) -> None:
        """The child does its work: its next end is a first one again."""
        self._was_ever_ready = True
        self._failures = 0

    def ended(self) -> float:
        """The child has ended; return how many seconds to wait before it is started again."""
        wait_s = min(FIRST_WAIT_S * 2.0**self._failures, LONGEST_WAIT_S)
        self._failures += 1
        return wait_s
