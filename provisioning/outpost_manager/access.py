"""Who may use the console: one-time codes, sessions and the API's token.

Every secret has 256 random bits, so nothing needs slow hashing, and only SHA-256 of it is kept. A one-time code is a
file named by its hash: whoever owns the state folder can hand one out while the manager runs, and whoever unlinks it
has used it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from pathlib import Path

from outpost_disk import replace_file
from outpost_manager.errors import FolderUnusable

CODE_LIFE_S = 3600
CODES = "codes"
ADDRESS = "address"


def new_secret() -> str:
    """Return 256 random bits as 43 characters that may stand in a link."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()


def is_same(given: str, kept: bytes) -> bool:
    """Say whether `given` is the secret that `kept` is of, in constant time."""
    return hmac.compare_digest(digest(given), kept)


def issue_code(state: Path) -> str:
    """Return a fresh one-time code for the manager whose state folder is `state`; good for CODE_LIFE_S.

    Blocks for a sync of the disk.
    """
    folder = state / CODES
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _drop_expired(folder, time.time())
        code = new_secret()
        replace_file(folder / digest(code).hex(), f"{int(time.time()) + CODE_LIFE_S}\n".encode())
    except OSError as error:
        raise FolderUnusable(folder, error.strerror or type(error).__name__) from error
    return code


def fresh_link(state: Path) -> str:
    """Return a fresh one-time link to the console of the manager whose state folder is `state`; blocks on the disk."""
    try:
        address = (state / ADDRESS).read_text(encoding="utf-8").strip()
    except OSError:
        raise FolderUnusable(state, "no manager has been started with it") from None
    return f"{address}/#code={issue_code(state)}"


def redeem_code(state: Path, code: str) -> bool:
    """Use up `code` and say whether it was good; of two that try at once, one gets it. Blocks on the disk."""
    path = state / CODES / digest(code).hex()
    try:
        expires = int(path.read_text())
        path.unlink()
    except (FileNotFoundError, ValueError):
        return False
    return time.time() < expires


def read_secret(path: Path) -> str:
    """Return the secret that is the only line of the file at `path`, or raise FolderUnusable."""
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not plain text"
        raise FolderUnusable(path, reason) from error
    if not secret:
        raise FolderUnusable(path, "it is empty")
    return secret


def _drop_expired(folder: Path, now: float) -> None:
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        try:
            expires = int(path.read_text())
        except ValueError:
            expires = 0
        except FileNotFoundError:
            continue
        if expires <= now:
            path.unlink(missing_ok=True)
