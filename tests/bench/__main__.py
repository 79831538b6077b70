"""The benchmarks as one table: `python -m tests.bench [--quick] [--json] [--only GROUP]`.

Every figure stands beside its gate and its stretch goal (docs/architecture.md, "Budgets") and beside the load that the
machine had; a missed gate is shown as missed. Nothing here fails: these are measurements, not tests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import bench_daemon, bench_ipc, bench_link, bench_logs, bench_manager, bench_tasks
from tests.bench.logs_of import write_log

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Budget:
    """A figure's name for people, its unit, its gate and stretch; `more` says that more is better."""

    what: str
    unit: str
    gate: float | None = None
    stretch: float | None = None
    more: bool = False

    def verdict(self, value: float) -> str:
        """Return how `value` stands."""
        for limit, word in ((self.stretch, "stretch"), (self.gate, "gate")):
            if limit is not None and (value >= limit if self.more else value <= limit):
                return word
        return "" if self.gate is None else "MISSED"


BUDGETS = {
    "idle_pss_mb": Budget("Idle memory (PSS): web chat, a bot, MQTT, metrics", "MB", 60, 45),
    "cpu_to_ready_s": Budget("CPU to ready", "s", 1.0, 0.6),
    "wall_to_ready_s": Budget("Time to ready", "s"),
    "cpu_ms_per_message": Budget("CPU per durable message, no model", "ms", 6, 2),
    "floor_cpu_ms_per_message": Budget("  peer: bare aiohttp + two synced rows", "ms"),
    "cpu_ratio_to_floor": Budget("  ratio to that floor", "×"),
    "reply_p50_ms": Budget("Message to reply p50", "ms", 10, 4),
    "reply_p99_ms": Budget("Message to reply p99", "ms", 40, 20),
    "messages_per_s": Budget("Messages a second, 16 at once, client on the same cores", "/s", more=True),
    "growth_mb": Budget("Memory growth over the messages below", "MB", 8, 3),
    "messages": Budget("  messages", ""),
    "reply_p50_ms_while_analysing": Budget("Reply p50 while a log is analysed", "ms"),
    "reply_p99_ms_while_analysing": Budget("Reply p99 while a log is analysed", "ms", 40, 20),
    "analysed_log_mb": Budget("  size of that log", "MB"),
    "ipc_1kb_p50_us": Budget("Local IPC round trip 1 KB p50", "µs", 100, 40),
    "floor_ipc_1kb_p50_us": Budget("  peer: bare asyncio sockets, 1 KB", "µs"),
    "one_core_ipc_1kb_p50_us": Budget("  both ends on one core, 1 KB", "µs", 100, 40),
    "one_core_floor_ipc_1kb_p50_us": Budget("  peer: bare asyncio sockets on one core, 1 KB", "µs"),
    "ipc_1mb_p50_us": Budget("Local IPC round trip 1 MB p50", "µs", 1000, 500),
    "enqueue_to_start_p50_ms": Budget("Task enqueue to start p50", "ms", 1.0, 0.3),
    "durable_tasks_per_s": Budget("Durable tasks a second", "/s", 3000, 7000, more=True),
    "cpu_us_per_task": Budget("CPU per durable task", "µs"),
    "qos1_round_trip_p50_ms": Budget("MQTT QoS 1 round trip p50, paced", "ms"),
    "link_messages_per_s": Budget("Outbox to consumer", "/s", more=True),
    "ingest_rows_per_s": Budget("Manager ingest, acknowledged after commit", "/s", 5000, more=True),
    "ingest_cpu_us_per_row": Budget("Manager CPU per row", "µs"),
    "log_mb_per_s": Budget("Log analysis, whole chain", "MB/s", more=True),
    "log_lines_per_cpu_s": Budget("Log analysis, lines per CPU second", "/s", more=True),
    "log_peak_mb": Budget("Log analysis, most memory", "MB"),
    "log_mb": Budget("  size of that log", "MB"),
}


def measure_daemon(folder: Path, quick: bool) -> Figures:
    """Measure the daemon, with a log to analyse meanwhile."""
    messages = 5_000 if quick else 100_000
    log = folder / "while.log"
    write_log(log, 50_000_000 if quick else 1_000_000_000)
    figures = asyncio.run(bench_daemon.measure(_sub(folder, "device"), messages, log))
    figures["analysed_log_mb"] = log.stat().st_size / 1e6
    log.unlink()
    figures["growth_mb"] = figures.pop(f"growth_mb_over_{messages}")
    figures["messages"] = messages
    figures["floor_cpu_ms_per_message"] = asyncio.run(bench_daemon.measure_floor(_sub(folder, "floor"), 3_000))
    figures["cpu_ratio_to_floor"] = figures["cpu_ms_per_message"] / figures["floor_cpu_ms_per_message"]
    return figures


def measure_link(folder: Path, _quick: bool) -> Figures:
    """Measure the link."""
    figures = asyncio.run(bench_link.measure(folder))
    figures["link_messages_per_s"] = figures.pop("messages_per_s")
    return figures


def measure_logs(folder: Path, quick: bool) -> Figures:
    """Measure the log chain."""
    figures = bench_logs.measure(folder, 20_000_000 if quick else 200_000_000)
    return {f"log_{name}".replace("log_log_", "log_"): value for name, value in figures.items()}


GROUPS: dict[str, Callable[[Path, bool], Figures]] = {
    "daemon": measure_daemon,
    "ipc": lambda folder, _: bench_ipc.measure(folder),
    "tasks": lambda folder, _: asyncio.run(bench_tasks.measure(folder)),
    "link": measure_link,
    "manager": lambda folder, _: asyncio.run(bench_manager.measure(folder)),
    "logs": measure_logs,
}


def main() -> int:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer messages, smaller logs")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--only", choices=GROUPS, action="append", help="this group alone; may be given again")
    arguments = parser.parse_args()
    figures: Figures = {}
    loads: dict[str, float] = {}
    for name in arguments.only or GROUPS:
        began = time.monotonic()
        print(f"{name} …", end="", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="outpost-bench-") as folder:
            loads[name] = os.getloadavg()[0]
            figures |= GROUPS[name](Path(folder), arguments.quick)
        print(f" {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps({"figures": figures, "load_before": loads, "machine": machine()}))
    else:
        print_table(figures, loads)
    return 0


def print_table(figures: Figures, loads: dict[str, float]) -> None:
    """Print the figures as Markdown."""
    print(f"\n{machine()}; load before: " + ", ".join(f"{name} {load:.1f}" for name, load in loads.items()) + "\n")
    print("| What | Measured | Gate | Stretch | |\n|:--|--:|--:|--:|:--|")
    for name, budget in BUDGETS.items():
        if name in figures:
            value = figures[name]
            print(
                f"| {budget.what} | {_figure(value)} {budget.unit} | {_limit(budget.gate)} | {_limit(budget.stretch)}"
                f" | {budget.verdict(value)} |"
            )


def machine() -> str:
    """Return what this runs on."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    return f"{os.cpu_count()} × {model}, Python {platform.python_version()}, Linux {platform.release()}"


def _sub(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir()
    return path


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _limit(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"


if __name__ == "__main__":
    sys.exit(main())
