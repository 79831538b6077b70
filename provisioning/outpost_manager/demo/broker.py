"""The demo's own mosquitto: its configuration, its users and what each may say and hear."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil

from outpost_disk import replace_file
from outpost_manager.demo.folder import LOOPBACK, Choices, DemoFolder, keep_secret
from outpost_manager.errors import ProgramMissing
from outpost_wire.messages import MESSAGE_LIMIT
from outpost_wire.topics import COMMANDS, FROM_DEVICE, REPLY, ROOT, Leaf

MANAGER_USER = "manager"
MANAGER_PASSWORD = "broker-manager"  # noqa: S105 - the name of its file
DEVICE_PASSWORD = "broker-device"  # noqa: S105
TO_DEVICE = (Leaf.ACKED, Leaf.SHADOW_DESIRED, *sorted(COMMANDS))
HASH_ROUNDS = 101
"""mosquitto_passwd's own count; the passwords have 256 random bits, so more rounds would protect nothing."""


def find_mosquitto() -> str:
    """Return the path of mosquitto, which Debian keeps out of an ordinary user's PATH. Raises ProgramMissing."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"))
    found = shutil.which("mosquitto", path=places)
    if found is None:
        raise ProgramMissing("mosquitto")
    return found


def write_broker(folder: DemoFolder, choices: Choices, *, is_root: bool) -> None:
    """Write configuration, passwords and access rules; the broker runs in its folder, so they name no path."""
    users = {
        MANAGER_USER: keep_secret(folder.secret(MANAGER_PASSWORD)),
        choices.device: keep_secret(folder.secret(DEVICE_PASSWORD)),
    }
    lines = [f"{user}:{hash_password(password, os.urandom(12))}\n" for user, password in users.items()]
    replace_file(folder.broker / "passwords", "".join(lines).encode())
    replace_file(folder.broker / "acl", access_rules(choices.fleet).encode())
    replace_file(folder.broker_config, configuration(choices.broker_port, is_root=is_root).encode())


def configuration(port: int, *, is_root: bool) -> str:
    """Return mosquitto.conf(5) for a broker on a loopback `port` that survives being killed."""
    return f"""\
listener {port} {LOOPBACK}
allow_anonymous false
password_file passwords
acl_file acl
{"user root" if is_root else "# runs as whoever starts it"}
persistence true
persistence_location ./
persistence_file mosquitto.db
autosave_interval 1
autosave_on_changes true
set_tcp_nodelay true
max_packet_size {MESSAGE_LIMIT + 8192}
max_inflight_messages 1000
max_queued_messages 10000
log_dest stderr
log_type error
log_type warning
log_type notice
"""


def access_rules(fleet: str) -> str:
    """Return the access rules: who may ask devices for things is decided here and nowhere else.

    The manager hears its whole fleet and says what is for devices; a device says and answers in its own name, and
    hears what is for it.
    """
    asked = [f"topic write {ROOT}/{fleet}/+/{leaf}" for leaf in TO_DEVICE]
    said = [f"pattern write {ROOT}/{fleet}/%u/{leaf}" for leaf in (*sorted(FROM_DEVICE), f"{REPLY}/+")]
    heard = [f"pattern read {ROOT}/{fleet}/%u/{leaf}" for leaf in TO_DEVICE]
    return "\n".join([f"user {MANAGER_USER}", f"topic read {ROOT}/{fleet}/#", *asked, "", *said, *heard, ""])


def hash_password(password: str, salt: bytes) -> str:
    """Return a password as mosquitto 2 keeps it: PBKDF2 with SHA-512, 64 bytes (mosquitto_passwd(1))."""
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, HASH_ROUNDS, 64)
    return f"$7${HASH_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"
