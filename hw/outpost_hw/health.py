"""How the machine is doing, read from /proc and /sys; every reading is cheap enough for the event loop."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SPAN_S = 2.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Health:
    """The machine at one moment. Shares are 0 to 1, `temperature` is °C, sizes are bytes, `load` is over a minute."""

    cpu: float
    memory: float
    disk: float
    load: float
    temperature: float | None
    rss: int
    memory_total: int
    memory_available: int
    disk_total: int
    disk_free: int
    uptime_s: float


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine is made of. Sizes are bytes."""

    os: str
    kernel: str
    arch: str
    board: str
    cpus: int
    memory_bytes: int
    disk_bytes: int


class HealthReader:
    """Reads the machine's health; the share of CPU is over SPAN_S or more, whoever reads in between; before
    that it is the one since the machine started."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._since = clock()
        self._times = _cpu_times()
        self._cpu = _share(*self._times)

    def read(self) -> Health:
        """Return how the machine is doing now; the disk is the one that holds the folder given at first."""
        self._look_at_cpu()
        memory = _memory()
        available, memory_total = memory.get("MemAvailable", 0), memory.get("MemTotal", 0)
        disk = shutil.disk_usage(self._folder)
        return Health(
            cpu=self._cpu,
            memory=_share(memory_total - available, memory_total),
            disk=_share(disk.used, disk.used + disk.free),
            load=os.getloadavg()[0],
            temperature=_temperature(),
            rss=_rss(),
            memory_total=memory_total,
            memory_available=available,
            disk_total=disk.total,
            disk_free=disk.free,
            uptime_s=_uptime(),
        )

    def _look_at_cpu(self) -> None:
        now = self._clock()
        if now - self._since >= SPAN_S:
            times = _cpu_times()
            busy, total = (new - old for new, old in zip(times, self._times, strict=True))
            self._since, self._times, self._cpu = now, times, _share(busy, total)


def read_machine(folder: Path) -> Machine:
    """Return what the machine is made of; the disk is the one that holds `folder`."""
    release = _os_release()
    return Machine(
        os=release.get("PRETTY_NAME", platform.system()),
        kernel=platform.release(),
        arch=platform.machine(),
        board=_board(),
        cpus=os.cpu_count() or 1,
        memory_bytes=_memory().get("MemTotal", 0),
        disk_bytes=shutil.disk_usage(folder).total,
    )


def _share(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _cpu_times() -> tuple[int, int]:
    fields = [int(field) for field in _text("/proc/stat").partition("\n")[0].split()[1:9]]
    total = sum(fields)
    idle = sum(fields[3:5])
    return total - idle, total


def _memory() -> dict[str, int]:
    lines = (line.split() for line in _text("/proc/meminfo").splitlines())
    return {fields[0].rstrip(":"): int(fields[1]) * 1024 for fields in lines if len(fields) > 1}


def _temperature() -> float | None:
    raw = _text("/sys/class/thermal/thermal_zone0/temp")
    return int(raw) / 1000 if raw.lstrip("-").isdigit() else None


def _rss() -> int:
    fields = _text("/proc/self/statm").split()
    return int(fields[1]) * PAGE_BYTES if len(fields) > 1 else 0


def _uptime() -> float:
    fields = _text("/proc/uptime").split()
    return float(fields[0]) if fields else 0.0


def _os_release() -> dict[str, str]:
    pairs = (line.partition("=") for line in _text("/etc/os-release").splitlines())
    return {key: value.strip('"') for key, _, value in pairs}


def _board() -> str:
    model = _text("/sys/firmware/devicetree/base/model")
    if model:
        return model
    vendor, product = _text("/sys/class/dmi/id/sys_vendor"), _text("/sys/class/dmi/id/product_name")
    return f"{vendor} {product}".strip() or platform.machine()
