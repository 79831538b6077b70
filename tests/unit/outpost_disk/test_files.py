from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outpost_disk import FolderHeld, FolderLock, replace_file

OLD, NEW = b"old" * 1_000, b"new" * 2_000
STEPS = ("open", "fdopen", "fsync", "replace", "open folder", "fsync folder")


class PowerCut(BaseException):
    """Nothing runs after this."""


def cut_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the `step`-th thing that replace_file asks of the system raise instead."""
    left = step

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise PowerCut
            return function(*arguments, **named)

        return call

    for name in ("open", "fdopen", "fsync"):
        monkeypatch.setattr(f"outpost_disk.files.os.{name}", counted(getattr(os, name)))
    monkeypatch.setattr(Path, "replace", counted(Path.replace))


@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
@pytest.mark.parametrize("before", [None, OLD], ids=["absent", "old"])
def test_a_fault_at_any_step_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None, step: int
) -> None:
    path = tmp_path / "state.json"
    if before is not None:
        replace_file(path, before)
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        cut_at(patch, step)
        replace_file(path, NEW)
    is_replaced = step > STEPS.index("replace")
    assert (path.read_bytes() if path.exists() else None) == (NEW if is_replaced else before)
    assert [each.name for each in tmp_path.iterdir() if each != path] == []


DIES = """
import os, sys
from pathlib import Path
from outpost_disk import replace_file

def dies(*arguments, **named):
    os._exit(9)

step = sys.argv[2]
if step == "replace":
    Path.replace = dies
else:
    setattr(os, step, dies)
replace_file(Path(sys.argv[1]), b"new")
"""


@pytest.mark.parametrize("step", ["open", "fdopen", "fsync", "replace"])
def test_the_old_is_whole_after_a_death_and_can_be_replaced(tmp_path: Path, step: str) -> None:
    path = tmp_path / "state.json"
    replace_file(path, OLD)
    assert run_python(DIES, str(path), step).returncode == 9
    assert path.read_bytes() == OLD
    replace_file(path, NEW)
    assert path.read_bytes() == NEW


def test_the_content_is_synced_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    seen: list[tuple[str, bool]] = []
    sync = os.fsync

    def fsync(fd: int) -> None:
        seen.append(("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file", path.exists()))
        sync(fd)

    monkeypatch.setattr("outpost_disk.files.os.fsync", fsync)
    replace_file(path, NEW)
    assert seen == [("file", False), ("folder", True)]


def test_a_file_is_for_its_owner_unless_said_otherwise(tmp_path: Path) -> None:
    replace_file(tmp_path / "secret", b"")
    replace_file(tmp_path / "shared", b"", mode=0o640)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o640


def test_a_held_folder_names_its_holder(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "state", "the demo"):
        with pytest.raises(FolderHeld) as caught, FolderLock(tmp_path / "state", "another"):
            pass
        assert caught.value.holder == f"the demo (pid {os.getpid()})"
        assert caught.value.folder == tmp_path / "state"
        assert str(caught.value) == (
            f"{tmp_path / 'state'} is in use by the demo (pid {os.getpid()}); stop it first or choose another folder"
        )


def test_a_folder_is_free_after_its_holder(tmp_path: Path) -> None:
    with FolderLock(tmp_path, "a holder with a rather long name"):
        pass
    with FolderLock(tmp_path, "b"), pytest.raises(FolderHeld) as caught, FolderLock(tmp_path, "c"):
        pass
    assert caught.value.holder == f"b (pid {os.getpid()})"


def test_a_folder_is_free_after_its_holder_was_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom outpost_disk import FolderLock\n"
        "FolderLock(Path(sys.argv[1]), 'the dead').__enter__()\nos.kill(os.getpid(), 9)"
    )
    assert run_python(program, str(tmp_path)).returncode == -9
    assert (tmp_path / "lock").read_text().startswith("the dead")
    with FolderLock(tmp_path, "the living"):
        assert (tmp_path / "lock").read_text() == f"the living (pid {os.getpid()})\n"


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
