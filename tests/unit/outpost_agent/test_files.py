"""Which of the machine's files may be read: those below a root, however they are named."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from outpost_agent.files import AllowedFiles, FileRefused
from outpost_wire.errors import BadSetting


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("logs/old", "state", "private"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "logs/app.log").write_text("app")
    (tmp_path / "logs/old/app.log").write_text("old")
    (tmp_path / "state/device.sqlite").write_text("secret")
    (tmp_path / "private/key").write_text("secret")
    return tmp_path


def allowed(tree: Path, *roots: str) -> AllowedFiles:
    return AllowedFiles([str(tree / root) for root in roots or ("logs",)], tree / "state")


def read(files: AllowedFiles, path: Path | str) -> str:
    with files.open(str(path)) as descriptor:
        return os.pread(descriptor, 100, 0).decode()


def test_a_file_below_a_root_is_read(tree: Path) -> None:
    assert read(allowed(tree), tree / "logs/app.log") == "app"
    assert read(allowed(tree), tree / "logs/old/../app.log") == "app"


def test_a_link_may_lead_to_another_place_below_a_root(tree: Path) -> None:
    (tree / "logs/latest").symlink_to("old/app.log")
    assert read(allowed(tree), tree / "logs/latest") == "old"


@pytest.mark.parametrize(
    "path",
    ["private/key", "logs/../private/key", "logs/link", "logs/folder-link/key", "state/device.sqlite", "logs-2/x"],
)
def test_nothing_outside_is_read_whatever_it_is_called(tree: Path, path: str) -> None:
    (tree / "logs-2").mkdir()
    (tree / "logs-2/x").write_text("secret")
    (tree / "logs/link").symlink_to(tree / "private/key")
    (tree / "logs/folder-link").symlink_to(tree / "private")
    with pytest.raises(FileRefused, match="Only files in"):
        read(allowed(tree), tree / path)


def test_the_state_folder_is_never_read_even_below_a_root(tree: Path) -> None:
    (tree / "logs/state-link").symlink_to(tree / "state/device.sqlite")
    files = allowed(tree, "")
    assert read(files, tree / "private/key") == "secret"
    for path in ("state/device.sqlite", "logs/state-link"):
        with pytest.raises(FileRefused):
            read(files, tree / path)


def test_a_link_that_is_swapped_in_after_the_check_is_not_followed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_open = os.open

    def swap_then_open(path: Path, flags: int) -> int:
        Path(path).unlink()
        Path(path).symlink_to(tree / "private/key")
        return plain_open(path, flags)

    files = allowed(tree)
    monkeypatch.setattr(os, "open", swap_then_open)
    with pytest.raises(FileRefused, match="cannot be read"):
        read(files, tree / "logs/app.log")


def test_a_folder_that_is_swapped_for_a_link_after_the_check_is_found_out(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "private/app.log").write_text("secret")
    plain_open = os.open

    def swap_then_open(path: Path, flags: int) -> int:
        (tree / "logs/old").rename(tree / "gone")
        (tree / "logs/old").symlink_to(tree / "private")
        return plain_open(path, flags)

    files = allowed(tree)
    monkeypatch.setattr(os, "open", swap_then_open)
    with pytest.raises(FileRefused, match="Only files in"):
        read(files, tree / "logs/old/app.log")


def test_what_is_no_file_is_refused_without_waiting_for_it(tree: Path) -> None:
    os.mkfifo(tree / "logs/pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tree / "logs/socket"))
        for name in ("pipe", "old"):
            with pytest.raises(FileRefused, match="is not a file"):
                read(allowed(tree), tree / "logs" / name)
        with pytest.raises(FileRefused, match="cannot be read"):
            read(allowed(tree), tree / "logs/socket")


@pytest.mark.parametrize("path", ["logs/app.log", "app.log", "", "/", "~/x", "\0"])
def test_a_path_that_is_not_whole_is_refused(tree: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    with pytest.raises(FileRefused):
        read(allowed(tree), path)


def test_without_roots_nothing_is_read(tree: Path) -> None:
    with pytest.raises(FileRefused, match="No folder of this device is open"):
        read(AllowedFiles([], tree / "state"), tree / "logs/app.log")


@pytest.mark.parametrize("root", ["state", "state/content"])
def test_the_state_folder_cannot_be_made_a_root(tree: Path, root: str) -> None:
    (tree / "state/content").mkdir()
    with pytest.raises(BadSetting, match=r"files\.roots"):
        allowed(tree, root)
