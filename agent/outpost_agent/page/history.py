"""How the machine did over the last hour, in memory: enough for a curve, gone with the process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from outpost_hw.health import Health

EVERY_S = 30.0
SAMPLES = 120


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One sample. Shares are 0 to 1, `temperature` is °C."""

    time_ms: int
    cpu: float
    memory: float
    disk: float
    temperature: float | None


class History:
    """Keeps the last SAMPLES samples, one each EVERY_S while it runs."""

    def __init__(self, *, health: Callable[[], Health], clock_ms: Callable[[], int]) -> None:
        self._health = health
        self._clock_ms = clock_ms
        self._moments: deque[Moment] = deque(maxlen=SAMPLES)

    async def run(self) -> None:
        """Take samples until cancelled."""
        while True:
            self.take()
            await asyncio.sleep(EVERY_S)

    def take(self) -> None:
        """Take a sample now."""
        health = self._health()
        self._moments.append(
            Moment(
                time_ms=self._clock_ms(),
                cpu=round(health.cpu, 4),
                memory=round(health.memory, 4),
                disk=round(health.disk, 4),
                temperature=health.temperature,
            )
        )

    def samples(self) -> tuple[Moment, ...]:
        """Return the samples, oldest first."""
        return tuple(self._moments)
