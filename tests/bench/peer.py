"""The environment of programs that we compare with: locked, apart from ours, and made when it is first needed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from outpost_wire.errors import OutpostError
from tests.support.device import ROOT

LOCK = ROOT / "requirements" / "bench.txt"
FOLDER = ROOT / ".cache" / "bench"
LOG = ROOT / ".cache" / "bench.log"
INSTALL_S = 900.0


class PeerMissing(OutpostError):
    """What was to be compared with cannot be had on this machine."""

    code = "peer_missing"


def version(package: str) -> str:
    """Return the version of `package` that the lock file holds."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return next(line.split()[0].partition("==")[2] for line in lines if line.startswith(f"{package}=="))


def installed(command: str) -> Path:
    """Return the path of `command`, after installing what the lock file says; blocks. Raises PeerMissing."""
    key_file = FOLDER / "outpost-packages"
    key = hashlib.sha256(f"{sys.version} {FOLDER}\n{LOCK.read_text(encoding='utf-8')}".encode()).hexdigest()
    if not key_file.is_file() or key_file.read_text() != key:
        key_file.unlink(missing_ok=True)
        _install()
        key_file.write_text(key)
    return FOLDER / "bin" / command


def _install() -> None:
    pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(FOLDER)],
        [*pip, "--only-binary", ":all:", "--require-hashes", "--requirement", str(LOCK)],
    )
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("wb") as log:
        for command in commands:
            try:
                done = subprocess.run(command, stdout=log, stderr=log, timeout=INSTALL_S, check=False)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise PeerMissing(f"it cannot be installed ({type(error).__name__}), see .cache/bench.log") from error
            if done.returncode:
                raise PeerMissing(f"it cannot be installed, see the end of {LOG.relative_to(ROOT)}")
