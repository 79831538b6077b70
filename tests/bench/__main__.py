"""The benchmarks as tables: `python -m tests.bench [--quick] [--messages N] [--json] [--only GROUP]`.

Every figure stands beside its gate and its stretch goal (docs/architecture.md, "Budgets") and beside the load that the
machine had; a missed gate is shown as missed, a peer that cannot be had is named. Nothing here fails: these are
measurements, not tests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import (
    bench_daemon,
    bench_ipc,
    bench_link,
    bench_logs,
    bench_manager,
    bench_nanobot,
    bench_tasks,
    peer,
    table,
)
from tests.bench.logs_of import write_log
from tests.bench.machine import machine

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is measured."""

    is_quick: bool
    messages: int


def measure_daemon(folder: Path, wanted: Wanted) -> Figures:
    """Measure the daemon, with a log to analyse meanwhile."""
    log = folder / "while.log"
    write_log(log, 50_000_000 if wanted.is_quick else 1_000_000_000)
    figures = asyncio.run(bench_daemon.measure(_sub(folder, "device"), wanted.messages, log))
    figures["analysed_log_mb"] = log.stat().st_size / 1e6
    log.unlink()
    figures["floor_cpu_ms_per_message"] = asyncio.run(bench_daemon.measure_floor(_sub(folder, "floor"), 3_000))
    figures["cpu_ratio_to_floor"] = figures["cpu_ms_per_message"] / figures["floor_cpu_ms_per_message"]
    return figures


def measure_link(folder: Path, _wanted: Wanted) -> Figures:
    """Measure the link."""
    figures = asyncio.run(bench_link.measure(folder))
    figures["link_messages_per_s"] = figures.pop("messages_per_s")
    return figures


def measure_logs(folder: Path, wanted: Wanted) -> Figures:
    """Measure the log chain."""
    figures = bench_logs.measure(folder, 20_000_000 if wanted.is_quick else 200_000_000)
    return {f"log_{name}".replace("log_log_", "log_"): value for name, value in figures.items()}


def measure_nanobot(folder: Path, wanted: Wanted) -> Figures:
    """Measure Outpost beside nanobot-ai."""
    one_by_one, at_once = (60, 200) if wanted.is_quick else (400, 1_600)
    return asyncio.run(bench_nanobot.measure(folder, one_by_one, at_once))


GROUPS: dict[str, Callable[[Path, Wanted], Figures]] = {
    "daemon": measure_daemon,
    "nanobot": measure_nanobot,
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
    parser.add_argument("--messages", type=int, help="how many for the daemon (100,000; 5,000 when quick)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--only", choices=GROUPS, action="append", help="this group alone; may be given again")
    arguments = parser.parse_args()
    wanted = Wanted(arguments.quick, arguments.messages or (5_000 if arguments.quick else 100_000))
    figures: Figures = {}
    loads: dict[str, float] = {}
    missing: dict[str, str] = {}
    for name in arguments.only or GROUPS:
        began = time.monotonic()
        print(f"{name} …", end="", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="outpost-bench-") as folder:
            loads[name] = os.getloadavg()[0]
            try:
                figures |= GROUPS[name](Path(folder), wanted)
            except peer.PeerMissing as error:
                missing[name] = str(error)
        print(f" {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps({"figures": figures, "load_before": loads, "machine": machine(), "missing": missing}))
    else:
        print_tables(figures, loads, missing)
    return 0


def print_tables(figures: Figures, loads: dict[str, float], missing: dict[str, str]) -> None:
    """Print the figures as Markdown."""
    print(f"\n{machine()}; load before: " + ", ".join(f"{name} {load:.1f}" for name, load in loads.items()) + "\n")
    if not figures.keys().isdisjoint(table.BUDGETS):
        print(*table.budgets(figures), "", sep="\n")
    nanobot = f"nanobot-ai {peer.version('nanobot-ai')}"
    if "nanobot" in missing:
        print(*table.comparison(figures, nanobot, missing["nanobot"]), sep="\n")
    if "their_idle_pss_mb" in figures:
        print(*table.comparison(figures, nanobot), sep="\n")
        calls, size_kb = figures["their_model_calls"], figures["their_prompt_kb"]
        print(f"\nnanobot asked its model {calls:.3g} times for each message, with {size_kb:.1f} kB each time.")


def _sub(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir()
    return path


if __name__ == "__main__":
    sys.exit(main())
