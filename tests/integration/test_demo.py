"""The demo's supervisor with a real broker, a real manager and small stand-ins for the device and its command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from outpost_manager.demo.folder import LOOPBACK
from tests.support.demo import choose_ports

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at processes in /proc"),
]

WAIT_S = 40.0

DEVICE = """
import asyncio, sys, tomllib
from pathlib import Path

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    writer.close()

async def main():
    config = tomllib.loads(Path(sys.argv[-1]).read_text())
    host, port = config["web"]["listen"].split(":")
    helper = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(600)", sys.argv[-1])
    server = await asyncio.start_server(answer, host, int(port))
    await server.serve_forever()

asyncio.run(main())
"""

COMMAND = """
import json, os, signal, sys
from pathlib import Path

state, option = Path(sys.argv[1]), sys.argv[3]
owned, link = state / "owned", {"link": "http://device/#code=ONCE"}
if option == "--link":
    print(json.dumps(link))
elif owned.exists():
    print(json.dumps({"error": {"code": "already_claimed", "message": "somebody owns it"}}))
    sys.exit(1)
else:
    owned.touch()
    if (state / "cut").exists():
        os.kill(os.getppid(), signal.SIGKILL)
    else:
        print(json.dumps({**link, "recovery": "the recovery file"}))
"""

SUPERVISOR = f"""
COMMAND = {COMMAND!r}
"""
SUPERVISOR += """
import asyncio, sys
from pathlib import Path
from outpost_manager import cli
from outpost_manager.demo import run

default_commands = run.default_commands

def with_stand_in(folder):
    stand_in = [*sys.argv[1:4], "run", "--config", str(folder.device_config)]
    command = [sys.executable, "-c", COMMAND, str(folder.root)]
    return {**default_commands(folder), "device": stand_in, "command": command}

run.default_commands = with_stand_in
sys.exit(cli.main(sys.argv[4:]))
"""


@dataclass
class Demo:
    """`outpost-fleet demo --json` as a child; `line` is what it printed."""

    state: Path
    options: tuple[str, ...] = ("--json",)
    device: str = DEVICE
    program: str = sys.executable
    process: asyncio.subprocess.Process | None = None
    line: dict[str, Any] = field(default_factory=dict)

    async def start(self) -> None:
        self.process = await self.spawn()
        assert self.process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            self.line = json.loads(await self.process.stdout.readline())

    async def spawn(self) -> asyncio.subprocess.Process:
        if not (self.state / "demo.json").exists():
            choose_ports(self.state)
        command = [
            sys.executable,
            "-c",
            SUPERVISOR,
            self.program,
            "-c",
            self.device,
            "demo",
            "--state",
            str(self.state),
            *self.options,
        ]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=environment)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Stop it and return its status, what else it had printed to stdout, and what to stderr."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(WAIT_S):
            rest, news = await self.process.communicate()
        return self.process.returncode or 0, rest.decode(), news.decode()

    def run_json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "run.json").read_text())
        return found

    async def until_pid_changes(self, role: str) -> dict[str, Any]:
        """Wait until run.json names another process for `role`, and return its content."""
        async with asyncio.timeout(WAIT_S):
            while self.run_json()["pids"][role] == self.line["pids"][role]:
                await asyncio.sleep(0.02)
        return self.run_json()

    async def until_ready(self, base: str) -> None:
        async with asyncio.timeout(WAIT_S), aiohttp.ClientSession() as client:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with client.get(f"{base}/readyz") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.02)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    started = Demo(tmp_path / "state")
    await started.start()
    yield started
    await started.stop()
    assert await nobody_names(started.state)


async def nobody_names(state: Path) -> bool:
    """Wait until no process has a path in `state` among its arguments."""
    async with asyncio.timeout(WAIT_S):
        while named(state):
            await asyncio.sleep(0.02)
    return True


def named(state: Path) -> list[int]:
    pids = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                if f"{state}/".encode() in (folder / "cmdline").read_bytes():
                    pids.append(int(folder.name))
    return pids


async def test_prints_one_line_and_keeps_it_in_the_folder(demo: Demo) -> None:
    assert set(demo.line) == {"console", "console_token", "chat", "chat_token", "device", "socket", "pids"}
    assert demo.run_json() == demo.line
    headers = {"Authorization": f"Bearer {demo.line['console_token']}"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.get(f"{demo.line['console']}/api/v1/me") as response,
    ):
        me = await response.json()
    assert me["manager"]["link"] == "up"
    assert {(demo.state / name).stat().st_mode & 0o777 for name in ("run.json", "demo.json", "device.toml")} == {0o600}
    status, rest, _ = await demo.stop()
    assert (status, rest) == (0, "")
    assert not (demo.state / "run.json").exists()


async def test_a_child_that_is_killed_comes_back_where_it_was(demo: Demo) -> None:
    for role in ("broker", "manager", "device"):
        os.kill(demo.line["pids"][role], signal.SIGKILL)
        now = await demo.until_pid_changes(role)
        assert {**now, "pids": None} == {**demo.line, "pids": None}
        demo.line = now
    await demo.until_ready(demo.line["console"])
    await demo.until_ready(demo.line["chat"])


async def test_what_a_dead_child_had_started_goes_with_it(demo: Demo) -> None:
    pid = demo.line["pids"]["device"]
    before = [other for other in named(demo.state) if os.getpgid(other) == pid]
    assert len(before) == 2
    os.kill(pid, signal.SIGKILL)
    await demo.until_pid_changes("device")
    assert not set(before) & set(named(demo.state))


async def test_names_ports_and_tokens_stay_over_a_restart(demo: Demo) -> None:
    first = demo.line
    await demo.stop()
    await demo.start()
    assert {**demo.line, "pids": None} == {**first, "pids": None}
    assert demo.line["pids"] != first["pids"]


async def test_a_folder_has_one_demo(demo: Demo) -> None:
    assert demo.process is not None
    second = await demo.spawn()
    out, err = await second.communicate()
    assert (second.returncode, out) == (1, b"")
    message = json.loads(err)["error"]["message"]
    assert f"in use by outpost-fleet demo (pid {demo.process.pid})" in message
    assert demo.run_json() == demo.line


async def test_killing_the_supervisor_leaves_nobody_and_the_next_one_starts(demo: Demo) -> None:
    first = demo.line
    await demo.stop(signal.SIGKILL)
    await demo.start()
    assert not set(first["pids"].values()) & set(named(demo.state))
    assert demo.line["console"] == first["console"]


async def test_a_long_folder_name_does_not_matter(tmp_path: Path) -> None:
    demo = Demo(tmp_path / ("n" * 75) / ("m" * 75))
    await demo.start()
    assert len(demo.line["socket"].encode()) < 108
    assert (await demo.stop())[0] == 0
    assert await nobody_names(demo.state)


async def test_a_port_taken_by_another_is_one_sentence(demo: Demo) -> None:
    await demo.stop()
    port = int(demo.line["chat"].rpartition(":")[2])
    taker = await asyncio.start_server(lambda _reader, writer: writer.close(), LOOPBACK, port)
    async with taker:
        second = await demo.spawn()
        out, err = await second.communicate()
    assert (second.returncode, out) == (1, b"")
    assert f"port {port} of the chat is in use" in json.loads(err)["error"]["message"]


async def test_a_child_that_does_not_come_up_is_one_sentence(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "state", device="import sys; sys.exit('the disk is full')")
    process = await demo.spawn()
    out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    error = json.loads(err.splitlines()[-1])["error"]
    assert error["code"] == "child_failed"
    assert error["message"].startswith("the device does not start: the disk is full; its log is ")
    assert await nobody_names(demo.state)


async def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "state", program="/nowhere/outpost")
    process = await demo.spawn()
    out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    message = json.loads(err.splitlines()[-1])["error"]["message"]
    assert message.startswith("the device does not start: /nowhere/outpost: No such file or directory; its log is ")


async def test_the_device_is_claimed_once_and_its_recovery_file_kept(demo: Demo) -> None:
    recovery = demo.state / "recovery.txt"
    assert recovery.read_text() == "the recovery file"
    assert recovery.stat().st_mode & 0o777 == 0o600
    _, _, first = await demo.stop()
    await demo.start()
    _, _, second = await demo.stop()
    assert f"claimed for you. Whoever holds its recovery file can become its owner:\n  {recovery}\n" in first
    assert f"The device is yours since an earlier start. Its recovery file of then:\n  {recovery}\n" in second


async def test_a_supervisor_killed_between_claim_and_file_says_what_to_do_at_the_next_start(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "state")
    choose_ports(demo.state)
    (demo.state / "cut").touch()
    killed = await demo.spawn()
    await killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    await demo.start()
    _, _, news = await demo.stop()
    recovery = demo.state / "recovery.txt"
    assert "cut off before its recovery file was written.\nMake a new one:\n" in news
    assert f"outpost --state {demo.state} claim --new-recovery {recovery}\n" in news
    assert not recovery.exists()
    assert await nobody_names(demo.state)


async def test_a_person_is_told_where_to_click(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "state", options=())
    demo.process = await demo.spawn()
    assert demo.process.stdout is not None
    async with asyncio.timeout(WAIT_S):
        await demo.process.stdout.readuntil(b"Chat  ")
        chat = (await demo.process.stdout.readline()).decode().strip()
        await demo.process.stdout.readuntil(b"Console  ")
        link = (await demo.process.stdout.readline()).decode().strip()
    assert chat == "http://device/#code=ONCE"
    console, _, code = link.partition("/#code=")
    async with aiohttp.ClientSession() as client:
        async with client.post(f"{console}/api/v1/session", json={"code": code}) as response:
            assert response.status == 204
        async with client.get(f"{console}/api/v1/devices") as response:
            assert response.status == 401  # this client keeps no cookies for addresses
    assert (await demo.stop(signal.SIGINT))[0] == 0
    assert await nobody_names(demo.state)
