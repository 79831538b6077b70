"""What those who run a device rely on: the service manager's protocol, health, metrics, logs, and the unit file."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from pathlib import Path

import aiohttp
import pytest

from tests.support.device import ROOT, Device, running_device

UNIT = ROOT / "rootfs_overlay/usr/lib/systemd/system/outpost.service"
NO_SYSTEMD = "needs systemd-analyze: install Debian's package systemd"
MARKER = "wombat-4711"


async def get(device: Device, path: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{device.url}{path}", headers=headers) as response:
        return response.status, await response.text()


async def ask(device: Device, text: str, key: str, *files: tuple[str, bytes]) -> None:
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    form.add_field("text", text)
    for name, data in files:
        form.add_field("file", data, filename=name)
    headers = {**device.headers, "Idempotency-Key": key}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{device.url}/api/v1/messages", data=form, headers=headers) as response,
    ):
        assert response.status == 202
        message_id = (await response.json())["message_id"]
        async with asyncio.timeout(60):
            after = 0
            while True:
                query = f"{device.url}/api/v1/messages?after={after}&wait=20"
                async with session.get(query, headers=device.headers) as messages:
                    for message in await messages.json():
                        after = message["seq"]
                        if message["reply_to"] == message_id:
                            return


async def test_the_service_manager_hears_that_it_is_ready_lives_and_stops(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(path))
        channel.setblocking(False)
        loop = asyncio.get_running_loop()
        environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "100000"}
        async with running_device(tmp_path, environment=environment) as device:
            heard: list[str] = []
            async with asyncio.timeout(20):
                while heard.count("WATCHDOG=1") < 5 or not any(said.startswith("READY=1") for said in heard):
                    heard.append((await loop.sock_recv(channel, 1000)).decode())
            ready = next(said for said in heard if said.startswith("READY=1"))
            assert ready.splitlines()[1] == f"STATUS=Talk to it at {device.url}/"
            device.process.terminate()
            async with asyncio.timeout(20):
                while (await loop.sock_recv(channel, 1000)).decode() != "STOPPING=1":
                    pass
            assert await device.process.wait() == 0


async def test_health_needs_no_token(tmp_path: Path) -> None:
    async with running_device(tmp_path) as device:
        assert await get(device, "/healthz") == (200, "ok\n")
        assert await get(device, "/readyz") == (200, "ready\n")


async def test_metrics_come_in_four_groups(tmp_path: Path) -> None:
    async with running_device(tmp_path) as device:
        await ask(device, "/help", "a")
        await ask(device, "", "b", ("a.log", b"2026-01-01 00:00:00 INFO up\n" * 20))
        assert (await get(device, "/api/v1/me"))[0] == 401
        values: dict[str, str] = {}
        async with asyncio.timeout(20):  # an attempt is measured when its folder is cleared away, after the answer
            while 'outpost_tasks_attempt_seconds_count{kind="log.report"}' not in values:
                status, text = await get(device, "/metrics")
                assert status == 200
                values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert values['outpost_device_info{device="device",release="0.1.0"}'] == "1.0"
    assert 0.0 < float(values["outpost_system_memory_ratio"]) < 1.0
    assert float(values["outpost_system_resident_memory_bytes"]) > 20e6
    assert values['outpost_tasks{state="done"}'] == "3.0"
    assert values['outpost_tasks_messages_total{channel="web",direction="in"}'] == "2.0"
    assert values['outpost_tasks_messages_total{channel="web",direction="out"}'] == "2.0"
    assert values['outpost_tasks_attempt_seconds_count{kind="log.report"}'] == "1.0"
    assert values["outpost_model_configured"] == "0.0"
    assert values['outpost_security_refused_requests{reason="token"}'] == "1.0"


async def test_the_log_holds_fields_and_neither_texts_nor_secrets(tmp_path: Path) -> None:
    async with running_device(tmp_path, '[log]\nlevel = "debug"\n') as device:
        await ask(device, f"what of {MARKER}?", "a")
        log = f"2026-01-01 00:00:00 ERROR {MARKER} failed\n".encode() * 20
        await ask(device, f"look at {MARKER}", "b", (f"{MARKER}.log", log))
        await ask(device, "", "c", (f"{MARKER}.bin", bytes(range(256)) * 40))
        await get(device, f"/api/v1/messages?text={MARKER}", Authorization=f"Bearer {MARKER}")
    text = (tmp_path / "device.log").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert {"ready", "task done", "attempt failed", "stopped"} <= {event["event"] for event in events}
    assert all({"time", "level", "logger", "event"} <= event.keys() for event in events)
    assert MARKER not in text
    assert device.token not in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason=NO_SYSTEMD)
def test_the_unit_shuts_the_device_in() -> None:
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-400:] + judged.stderr


def test_the_unit_waits_for_ready_and_watches() -> None:
    settings = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line)
    assert settings["Type"] == "notify"
    assert int(settings["WatchdogSec"]) > 0
    assert settings["Restart"] == "always"
