"""A web server's own certificate, read from its two files."""

from __future__ import annotations

import ssl
from pathlib import Path

from outpost_wire.errors import BadSetting


def tls_context(certificate: str, key: str) -> ssl.SSLContext | None:
    """Return what serves TLS with the PEM files of the settings `web.certificate` and `web.key`; None without them.

    Raises BadSetting that names the one at fault. A key that wants a password is refused: nobody is there to type it.
    """
    if not certificate:
        return None
    for name, path in (("certificate", certificate), ("key", key)):
        _check_readable(f"web.{name}", Path(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _WantsPassword as error:
        raise BadSetting(
            f"web.key: {key} wants a password: store it without one, readable by its owner only",
            f"web.key：{key} 需要密码：请改用不带密码的文件，并只允许其所有者读取",
        ) from error
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadSetting(
                f"web.key: {key} does not belong to the certificate in {certificate}",
                f"web.key：{key} 与证书 {certificate} 不匹配",
            ) from error
        raise BadSetting(
            f"web.certificate: {certificate} and {key} are not a certificate and its key in PEM",
            f"web.certificate：{certificate} 和 {key} 不是 PEM 格式的证书及其私钥",
        ) from error
    return context


class _WantsPassword(Exception):
    """The key is sealed with a password."""


def _no_password() -> str:
    raise _WantsPassword


def _check_readable(setting: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        raise BadSetting(
            f"{setting}: {path} cannot be read: {reason}", f"{setting}：无法读取 {path}：{reason}"
        ) from error
