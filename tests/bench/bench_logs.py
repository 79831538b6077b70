"""Measures the whole log chain, in a process of its own: MB and lines a second, and the most memory it held."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.bench.logs_of import write_log

_CHILD = """
import json, sys, tempfile, time
from pathlib import Path
from outpost_agent.logs.local import analyse_file
began = time.process_time()
with tempfile.TemporaryDirectory() as folder:
    analysed = analyse_file(Path(sys.argv[1]), Path(folder))
cpu_s = time.process_time() - began
# Not ru_maxrss: that is at least what the parent held when it forked.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak_mb = int(status["VmHWM"].split()[0]) * 1024 / 1e6
print(json.dumps({"cpu_s": cpu_s, "peak_mb": peak_mb, "s": analysed.seconds}))
"""


def measure(folder: Path, size_bytes: int) -> dict[str, float]:
    """Return the figures for a generated log of `size_bytes`."""
    log = folder / "bench.log"
    lines = write_log(log, size_bytes)
    size = log.stat().st_size
    printed = subprocess.run(
        [sys.executable, "-c", _CHILD, str(log)], check=True, capture_output=True, text=True
    ).stdout
    log.unlink()
    found = json.loads(printed)
    return {
        "mb_per_s": size / 1e6 / found["s"],
        "lines_per_cpu_s": lines / found["cpu_s"],
        "peak_mb": found["peak_mb"],
        "log_mb": size / 1e6,
    }
