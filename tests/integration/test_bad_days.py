"""Bad settings, a full disk, no network: one clear sentence, nothing accepted is lost, the daemon lives."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.device import ROOT, Device, running_device, write_settings
from tests.support.ports import free_port


async def say(device: Device, text: str, key: str, files: tuple[tuple[str, bytes], ...] = ()) -> tuple[int, Any]:
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    form.add_field("text", text)
    for name, data in files:
        form.add_field("file", data, filename=name)
    headers = {**device.headers, "Idempotency-Key": key}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{device.url}/api/v1/messages", data=form, headers=headers) as response,
    ):
        return response.status, await response.json()


async def messages(device: Device, query: str = "after=0") -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{device.url}/api/v1/messages?{query}", headers=device.headers) as response,
    ):
        found: list[dict[str, Any]] = await response.json()
        return found


def run_device(settings: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "outpost_agent", "run", "--config", str(settings)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "LANG": "C.UTF-8"},
    )


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ("[device\n", "is not TOML"),
        ("[device]\nid = 5\n", "device.id: expected `str`"),
        ('[device]\nid = "a/b"\n', "device.id"),
        ("[devise]\n", "devise"),
        ("[web]\nlisten = 'nowhere'\n", "web.listen"),
        ("[web]\ntoken = 'x'\n", "token"),
        ("[limits]\nattachment_bytes = -1\n", "limits.attachment_bytes: expected `int` >= 1"),
        ("[link]\nfleet = 'a b'\n", "link.fleet"),
        ("[channels.x]\nadapter = 'no.such:thing'\n", "channels.x.adapter"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_file_and_key(tmp_path: Path, settings: str, named: str) -> None:
    file = tmp_path / "device.toml"
    state = f"state = '{tmp_path / 'state'}'\n"
    file.write_text(settings if "[device" in settings else f"[device]\n{state}{settings}")
    ended = run_device(file)
    assert ended.returncode == 1
    (sentence,) = ended.stderr.strip().splitlines()
    assert named in sentence
    assert ended.stdout == ""


def test_missing_settings_are_named(tmp_path: Path) -> None:
    ended = run_device(tmp_path / "none.toml")
    assert ended.returncode == 1
    assert str(tmp_path / "none.toml") in ended.stderr


async def test_a_second_daemon_on_a_held_folder_names_the_holder(tmp_path: Path) -> None:
    async with running_device(tmp_path) as device:
        ended = await asyncio.to_thread(run_device, tmp_path / "device.toml")
        assert ended.returncode == 1
        assert f"pid {device.process.pid}" in ended.stderr


async def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    settings, port = write_settings(tmp_path)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
    async with server:
        ended = await asyncio.to_thread(run_device, settings)
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr


async def test_without_a_broker_work_goes_on_and_results_wait(tmp_path: Path) -> None:
    link = f'[link]\nfleet = "home"\nport = {free_port()}\n'
    async with running_device(tmp_path, link) as device:
        status, answer = await say(device, "", "k", (("a.log", b"2026-01-01 00:00:00 ERROR boom\n" * 50),))
        assert status == 202
        answers: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while not answers:
                answers = [m for m in await messages(device, "after=1&wait=20") if m["direction"] == "out"]
        assert answers[0]["reply_to"] == answer["message_id"]
        assert len(answers[0]["attachments"]) == 3
        await say(device, "/status", "k2")
        (status_answer,) = [m for m in await messages(device, f"after={answers[0]['seq']}") if m["direction"] == "out"]
        assert "not reached" in status_answer["text"]


async def test_a_file_beyond_the_limit_is_refused_and_not_kept(tmp_path: Path) -> None:
    async with running_device(tmp_path, "[limits]\nattachment_bytes = 1000\n") as device:
        status, answer = await say(device, "", "k", (("big.log", bytes(1001)),))
        assert (status, answer["error"]["code"]) == (413, "attachment_too_large")
        assert "big.log" in answer["error"]["message"]
        assert list((tmp_path / "state" / "content").iterdir()) == []
        assert await messages(device) == []


async def test_beyond_the_high_water_mark_nothing_new_is_accepted(tmp_path: Path) -> None:
    async with running_device(tmp_path, "[limits]\ndisk_high_water = 0.0001\n") as device:
        status, answer = await say(device, "/help", "k", (("a.log", b"x"),))
        assert (status, answer["error"]["code"]) == (507, "device_full")
        assert await messages(device) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 12 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.root
async def test_a_full_disk_loses_nothing_and_the_daemon_lives(tmp_path: Path, small_disk: Path) -> None:
    limits = "[limits]\ndisk_high_water = 1.0\n"
    async with running_device(tmp_path, limits, state=small_disk / "state") as device:
        assert (await say(device, "/help", "before"))[0] == 202
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        refused = []
        for number in range(40):
            refused.append((await say(device, f"hello {number}", f"full {number}"))[0])
            if refused[-1] != 202:
                break
        assert refused[-1] in (503, 507)
        assert set(refused[:-1]) <= {202}
        ballast.unlink()
        assert (await say(device, "/help", "after"))[0] == 202
        assert device.process.returncode is None
        found = await messages(device)
    accepted = 2 + refused.count(202)
    assert [m["direction"] for m in found].count("in") == accepted
    asked = [m["id"] for m in found if m["direction"] == "in"]
    assert [m["reply_to"] for m in found if m["direction"] == "out"] == asked


async def test_a_channel_that_breaks_takes_nothing_else_down(tmp_path: Path) -> None:
    broken = '[channels.odd]\nadapter = "tests.support.fake_platform:BrokenChannel"\n'
    async with running_device(tmp_path, broken) as device:
        assert (await say(device, "/help", "k"))[0] == 202
        assert len(await messages(device, "after=1&wait=10")) == 1
        assert device.process.returncode is None
