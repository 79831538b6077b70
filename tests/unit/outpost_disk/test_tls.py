"""A web server's certificate: taken, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from outpost_disk.tls import tls_context
from outpost_wire.errors import BadSetting
from tests.support.certificates import make_pair


def test_without_files_there_is_no_tls() -> None:
    assert tls_context("", "") is None


@pytest.mark.parametrize(
    ("spoil", "says", "says_zh"),
    [
        (
            lambda own, _other, _sealed: ("/nowhere.pem", own[1]),
            "web.certificate: /nowhere.pem cannot be read: No",
            "web.certificate：无法读取 /nowhere.pem",
        ),
        (
            lambda own, _other, _sealed: (own[0], "/nowhere.key"),
            "web.key: /nowhere.key cannot be read: No such file",
            "web.key：无法读取 /nowhere.key",
        ),
        (lambda own, other, _sealed: (own[0], other[1]), "does not belong to the certificate", "不匹配"),
        (lambda own, _other, _sealed: (own[1], own[1]), "are not a certificate and its key in PEM", "不是 PEM 格式"),
        (lambda own, _other, _sealed: (own[0], own[0]), "are not a certificate and its key in PEM", "不是 PEM 格式"),
        (
            lambda own, _other, _sealed: (f"{own[0]}.noise", own[1]),
            "are not a certificate and its key in PEM",
            "不是 PEM 格式",
        ),
        (
            lambda own, _other, _sealed: (own[0], f"{own[0]}.noise"),
            "are not a certificate and its key in PEM",
            "不是 PEM 格式",
        ),
        (
            lambda own, _other, _sealed: (own[0], "no\0file"),
            "web.key: no.file cannot be read: ValueError",
            "web.key：无法读取 no\0file",
        ),
        (lambda _own, _other, sealed: sealed, "wants a password", "需要密码"),
    ],
)
def test_files_that_cannot_be_used_are_named_in_a_sentence(
    tmp_path: Path, spoil: object, says: str, says_zh: str
) -> None:
    own, other = make_pair(tmp_path, "own"), make_pair(tmp_path, "other")
    sealed = make_pair(tmp_path, "sealed", password="secret")
    (tmp_path / "own.pem.noise").write_bytes(b"\xff\x00 no certificate")
    assert callable(spoil)
    certificate, key = spoil(own, other, sealed)
    with pytest.raises(BadSetting, match=says) as refused:
        tls_context(certificate, key)
    assert "\n" not in str(refused.value)
    assert certificate in str(refused.value) or key in str(refused.value)
    assert says_zh in refused.value.zh
