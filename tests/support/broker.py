"""A real mosquitto on a free loopback port, with its own configuration in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.ports import free_port

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
WHY_NOT = "needs mosquitto: install Debian's package of that name"

READY_S = 10.0


class Broker:
    """One mosquitto as a child; it keeps its port and its messages over `stop`, `kill` and `start`.

    With `passwords` (user name to password) nobody else may log in; `acl` is the text of an access file.
    """

    host = "127.0.0.1"

    def __init__(self, folder: Path, *, passwords: Mapping[str, str] | None = None, acl: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self._passwords = passwords or {}
        self._acl = acl
        self._process: subprocess.Popen[bytes] | None = None
        self._write_configuration()

    @property
    def pid(self) -> int:
        """Return the child's process id."""
        assert self._process is not None, "the broker is not running"
        return self._process.pid

    def start(self) -> None:
        """Start, and return once it takes connections."""
        assert MOSQUITTO is not None, WHY_NOT
        with (self.folder / "mosquitto.log").open("ab") as output:
            self._process = subprocess.Popen(
                [MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")], stdout=output, stderr=output
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop it as its owner would (SIGTERM); it writes what it keeps."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(READY_S)
            self._process = None

    def kill(self) -> None:
        """Kill it (SIGKILL); it writes nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(READY_S)
            self._process = None

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def _write_configuration(self) -> None:
        lines = [
            f"listener {self.port} {self.host}",
            "set_tcp_nodelay true",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 1",
            "autosave_on_changes true",
            "log_dest stdout",
        ]
        if os.geteuid() == 0:
            lines.append("user root")
        if self._passwords:
            lines += ["allow_anonymous false", f"password_file {self._write_passwords()}"]
        else:
            lines.append("allow_anonymous true")
        if self._acl:
            rules = self.folder / "acl"
            rules.write_text(self._acl)
            rules.chmod(0o600)
            lines.append(f"acl_file {rules}")
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def _write_passwords(self) -> Path:
        path = self.folder / "passwords"
        path.write_text("".join(f"{user}:{password}\n" for user, password in self._passwords.items()))
        path.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", str(path)], check=True, capture_output=True)
        return path

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with closing(socket.socket()) as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            try:
                self._process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
            break
        self.kill()
        log = (self.folder / "mosquitto.log").read_text(errors="replace")
        raise RuntimeError(f"mosquitto did not come up on port {self.port}:\n{log[-2000:]}")


@contextmanager
def running_broker(folder: Path, *, passwords: Mapping[str, str] | None = None, acl: str = "") -> Iterator[Broker]:
    """Run a broker for as long as the context lasts."""
    broker = Broker(folder, passwords=passwords, acl=acl)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
