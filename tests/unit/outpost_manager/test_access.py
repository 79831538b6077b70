from __future__ import annotations

import time
from pathlib import Path

import pytest

from outpost_manager import access
from outpost_manager.access import ADDRESS, digest, fresh_link, is_same, issue_code, read_secret, redeem_code
from outpost_manager.errors import FolderUnusable


def test_a_code_works_once(tmp_path: Path) -> None:
    code = issue_code(tmp_path)
    assert redeem_code(tmp_path, code)
    assert not redeem_code(tmp_path, code)


def test_a_code_that_nobody_issued_does_not_work(tmp_path: Path) -> None:
    issue_code(tmp_path)
    assert not redeem_code(tmp_path, "")
    assert not redeem_code(tmp_path, "../" * 20)


def test_a_code_that_is_too_old_does_not_work_and_is_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, older = issue_code(tmp_path), issue_code(tmp_path)
    later = time.time() + access.CODE_LIFE_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert not redeem_code(tmp_path, old)
    issue_code(tmp_path)
    assert not (tmp_path / "codes" / digest(older).hex()).exists()
    assert len(list((tmp_path / "codes").iterdir())) == 1


def test_no_code_is_kept_in_the_clear(tmp_path: Path) -> None:
    code = issue_code(tmp_path)
    (kept,) = (tmp_path / "codes").iterdir()
    assert code not in kept.name + kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_a_secret_is_known_by_its_hash() -> None:
    assert is_same("right", digest("right"))
    assert not is_same("wrong", digest("right"))


def test_a_link_needs_a_manager_that_has_run(tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable, match="no manager"):
        fresh_link(tmp_path)
    (tmp_path / ADDRESS).write_text("http://127.0.0.1:7781\n")
    link = fresh_link(tmp_path)
    address, _, code = link.partition("/#code=")
    assert address == "http://127.0.0.1:7781"
    assert redeem_code(tmp_path, code)


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty"), (b"\xff\xfe", "plain text")])
def test_a_secret_that_cannot_be_one_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(FolderUnusable, match=reason):
        read_secret(tmp_path / "token")
