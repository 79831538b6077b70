"""The tables of people and the statements that change them; the rules are in `core`, who calls them in `people`.

The script leaves room for later ones: nothing here is unique that people may want twice, and no table refers to one of
another part. Of a secret there is only its digest; the claim code is kept as it is until it is used, so that it can be
shown again, and protects nothing from whoever can read the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from outpost_agent.people.core import BROWSERS_LIMIT, INVITES_LIMIT, KEPT_LIMIT, is_kept, standing
from outpost_agent.people.rows import Browser, Identity, Invite, Ownership, Person, Register, Request
from outpost_agent.people.who import OWNER

PEOPLE_SCHEMA = """
CREATE TABLE person (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    language TEXT,
    since_ms INTEGER NOT NULL
) STRICT;
INSERT INTO person (id, name, role, since_ms) VALUES ('owner', '', 'owner', 0);
CREATE TABLE person_identity (
    seq INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    sender TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    chat TEXT NOT NULL,
    language TEXT,
    since_ms INTEGER NOT NULL,
    UNIQUE (channel, sender)
) STRICT;
CREATE TABLE person_request (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    sender TEXT NOT NULL,
    name TEXT NOT NULL,
    chat TEXT NOT NULL,
    language TEXT,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    told_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    person TEXT,
    UNIQUE (channel, sender)
) STRICT;
CREATE TABLE person_browser (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL UNIQUE,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    seen_up_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE person_invite (
    seq INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    person TEXT NOT NULL,
    created_up_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE person_ownership (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    claim_code TEXT,
    claimed_ms INTEGER,
    recovery BLOB,
    up_ms INTEGER NOT NULL
) STRICT;
INSERT INTO person_ownership (one, up_ms) VALUES (1, 0);
"""

_PEOPLE = "SELECT id, name, role, language, since_ms FROM person ORDER BY seq"
_IDENTITIES = "SELECT channel, sender, person, name, chat, language, since_ms FROM person_identity ORDER BY seq"
_REQUESTS = (
    "SELECT id, code, channel, sender, name, chat, language, created_ms, expires_ms, told_ms, state, person"
    " FROM person_request ORDER BY seq"
)
_BROWSERS = "SELECT id, digest, person, name, since_ms, seen_ms, seen_up_ms FROM person_browser ORDER BY seq"
_INVITES = "SELECT digest, person, created_up_ms FROM person_invite ORDER BY seq"
_OWNERSHIP = "SELECT claim_code, claimed_ms, recovery, up_ms FROM person_ownership"


def load(connection: sqlite3.Connection) -> Register:
    """Return all that is stored."""
    rows = {row[0]: Person(*row) for row in connection.execute(_PEOPLE)}
    identities = [Identity(*row) for row in connection.execute(_IDENTITIES)]
    requests = [Request(*row) for row in connection.execute(_REQUESTS)]
    browsers = [Browser(*row) for row in connection.execute(_BROWSERS)]
    invites = [Invite(*row) for row in connection.execute(_INVITES)]
    return Register(
        people=rows,
        identities={(identity.channel, identity.sender): identity for identity in identities},
        requests={(request.channel, request.sender): request for request in requests},
        browsers={browser.digest: browser for browser in browsers},
        invites={invite.digest: invite for invite in invites},
        ownership=Ownership(*connection.execute(_OWNERSHIP).fetchone()),
    )


def note_running(connection: sqlite3.Connection, up_ms: int) -> None:
    """Write how long the device has been running."""
    connection.execute("UPDATE person_ownership SET up_ms = ?", (up_ms,))


def add_request(connection: sqlite3.Connection, request: Request, now_ms: int) -> None:
    """Write a request in place of an earlier one of the same sender, and forget those that are over for long."""
    note_over(connection, now_ms)
    rows = connection.execute("SELECT seq, created_ms, state = 'pending' FROM person_request ORDER BY seq").fetchall()
    kept = [row for row in rows if is_kept(row[1], now_ms)]
    surplus = sorted(kept, key=lambda row: (row[2], row[0]))[: max(0, len(kept) - KEPT_LIMIT + 1)]
    gone = {row[0] for row in rows} - {row[0] for row in kept} | {row[0] for row in surplus}
    connection.executemany("DELETE FROM person_request WHERE seq = ?", [(seq,) for seq in sorted(gone)])
    connection.execute("DELETE FROM person_request WHERE channel = ? AND sender = ?", (request.channel, request.sender))
    _insert(connection, "person_request", request)


def note_over(connection: sqlite3.Connection, now_ms: int) -> None:
    """Write which requests are over, whatever the clock will say later."""
    rows = connection.execute("SELECT seq, state, created_ms, expires_ms FROM person_request ORDER BY seq").fetchall()
    over = [(seq,) for seq, state, created, expires in rows if standing(state, created, expires, now_ms) == "expired"]
    connection.executemany("UPDATE person_request SET state = 'expired' WHERE seq = ?", over)


def note_told(connection: sqlite3.Connection, request_id: str, now_ms: int) -> None:
    """Write that a stranger was told their code."""
    connection.execute("UPDATE person_request SET told_ms = ? WHERE id = ?", (now_ms, request_id))


def remove_request(connection: sqlite3.Connection, request_id: str) -> None:
    """Forget a request."""
    connection.execute("DELETE FROM person_request WHERE id = ?", (request_id,))


def decide(connection: sqlite3.Connection, request_id: str, state: str, person: str | None) -> None:
    """Write what became of a request, and who its sender is now."""
    connection.execute("UPDATE person_request SET state = ?, person = ? WHERE id = ?", (state, person, request_id))


def add_person(connection: sqlite3.Connection, person: Person) -> None:
    """Write a new person."""
    _insert(connection, "person", person)


def change_person(
    connection: sqlite3.Connection, person_id: str, *, name: str | None = None, language: str | None = None
) -> None:
    """Write another name or language of a person, where one is given."""
    connection.execute(
        "UPDATE person SET name = coalesce(?, name), language = coalesce(?, language) WHERE id = ?",
        (name, language, person_id),
    )


def add_identity(connection: sqlite3.Connection, identity: Identity) -> None:
    """Write who a person is on a channel."""
    _insert(connection, "person_identity", identity)


def remove_identities(connection: sqlite3.Connection, person_id: str, identities: Sequence[Identity]) -> None:
    """Forget who a person is on channels, and that they once asked there."""
    for identity in identities:
        connection.execute(
            "DELETE FROM person_identity WHERE channel = ? AND sender = ?", (identity.channel, identity.sender)
        )
        connection.execute("DELETE FROM person_request WHERE person = ? AND channel = ?", (person_id, identity.channel))


def remove_person(connection: sqlite3.Connection, person_id: str) -> None:
    """Forget a person with all that lets them in."""
    connection.execute("DELETE FROM person WHERE id = ?", (person_id,))
    for table in ("person_identity", "person_request", "person_browser", "person_invite"):
        connection.execute(f"DELETE FROM {table} WHERE person = ?", (person_id,))  # noqa: S608


def sign_in(connection: sqlite3.Connection, browser: Browser, language: str | None) -> None:
    """Sign a browser in, whose person reads `language`; of more than BROWSERS_LIMIT those not used for longest go."""
    connection.execute(
        "DELETE FROM person_browser WHERE seq IN (SELECT seq FROM person_browser WHERE person = ?"
        " ORDER BY seen_up_ms DESC, seq DESC LIMIT -1 OFFSET ?)",
        (browser.person, BROWSERS_LIMIT - 1),
    )
    _insert(connection, "person_browser", browser)
    change_person(connection, browser.person, language=language)


def renew_browser(connection: sqlite3.Connection, digest: bytes, now_ms: int, up_ms: int) -> None:
    """Write that a browser is in use."""
    connection.execute(
        "UPDATE person_browser SET seen_ms = ?, seen_up_ms = ? WHERE digest = ?", (now_ms, up_ms, digest)
    )


def remove_browser(connection: sqlite3.Connection, digest: bytes) -> None:
    """Sign a browser out."""
    connection.execute("DELETE FROM person_browser WHERE digest = ?", (digest,))


def sign_out_all(connection: sqlite3.Connection, person_id: str) -> None:
    """Sign a person's browsers out and void what would sign one in: one-time codes and requests that were approved."""
    for table in ("person_browser", "person_invite", "person_request"):
        connection.execute(f"DELETE FROM {table} WHERE person = ?", (person_id,))  # noqa: S608


def add_invite(connection: sqlite3.Connection, invite: Invite) -> None:
    """Write a one-time code; of more than INVITES_LIMIT the oldest goes."""
    connection.execute(
        "DELETE FROM person_invite WHERE seq IN (SELECT seq FROM person_invite ORDER BY seq DESC LIMIT -1 OFFSET ?)",
        (INVITES_LIMIT - 1,),
    )
    _insert(connection, "person_invite", invite)


def remove_invite(connection: sqlite3.Connection, digest: bytes) -> None:
    """Void a one-time code."""
    connection.execute("DELETE FROM person_invite WHERE digest = ?", (digest,))


def offer_claim(connection: sqlite3.Connection, code: str) -> None:
    """Write the code that claims the device, unless there is one or it has been claimed."""
    connection.execute(
        "UPDATE person_ownership SET claim_code = ? WHERE claim_code IS NULL AND claimed_ms IS NULL", (code,)
    )


def own(connection: sqlite3.Connection, recovery: bytes, now_ms: int) -> None:
    """Write that the device is claimed and what recovers it from now on; its claim code is gone for good."""
    connection.execute(
        "UPDATE person_ownership SET claim_code = NULL, claimed_ms = coalesce(claimed_ms, ?), recovery = ?",
        (now_ms, recovery),
    )
    connection.execute("UPDATE person SET since_ms = ? WHERE id = ? AND since_ms = 0", (now_ms, OWNER))


def replace_recovery(connection: sqlite3.Connection, recovery: bytes) -> None:
    """Write the digest of a new recovery secret; the old one is void."""
    connection.execute("UPDATE person_ownership SET recovery = ?", (recovery,))


def _insert(connection: sqlite3.Connection, table: str, row: Person | Identity | Request | Browser | Invite) -> None:
    names = row.__struct_fields__
    values: Sequence[Any] = [getattr(row, name) for name in names]
    marks = ", ".join("?" * len(names))
    connection.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", values)  # noqa: S608
