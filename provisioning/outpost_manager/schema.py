"""The tables of the manager's database.

Scripts only add (see outpost_disk.database); numbers ending in _ms are Unix time in milliseconds. `device.key` stands
for a device in the large tables, where its name would be most of a row. What leaves as JSON is stored as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

SCHEMA: Sequence[str] = (
    """
CREATE TABLE device (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    last_seen_ms INTEGER,
    online INTEGER NOT NULL DEFAULT 0,
    boot_id TEXT,
    connection INTEGER NOT NULL DEFAULT 0,
    reported BLOB,
    reported_version INTEGER NOT NULL DEFAULT 0,
    sample BLOB,
    sample_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE telemetry (
    device INTEGER NOT NULL REFERENCES device(key),
    time_ms INTEGER NOT NULL,
    cpu REAL NOT NULL,
    memory REAL NOT NULL,
    disk REAL NOT NULL,
    temperature REAL,
    load REAL NOT NULL,
    rss INTEGER NOT NULL,
    PRIMARY KEY (device, time_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    device INTEGER NOT NULL REFERENCES device(key),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    message_id TEXT,
    parents BLOB NOT NULL,
    error TEXT,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (device, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_by_time ON task (device, created_ms, id);
CREATE INDEX task_open ON task (device, state) WHERE state IN ('waiting', 'ready', 'running');
CREATE INDEX task_failed ON task (device, updated_ms) WHERE state = 'failed';

CREATE TABLE result (
    id TEXT PRIMARY KEY,
    device INTEGER NOT NULL REFERENCES device(key),
    task_id TEXT NOT NULL,
    message_id TEXT,
    created_ms INTEGER NOT NULL,
    title TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    report TEXT NOT NULL,
    document BLOB NOT NULL,
    plots BLOB NOT NULL,
    on_device BLOB,
    cut INTEGER NOT NULL
) STRICT;
CREATE INDEX result_by_time ON result (device, created_ms, id);

CREATE TABLE received (
    device INTEGER NOT NULL REFERENCES device(key),
    epoch TEXT NOT NULL,
    prefix INTEGER NOT NULL,
    PRIMARY KEY (device, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE received_ahead (
    device INTEGER NOT NULL REFERENCES device(key),
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (device, epoch, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE gap (
    device INTEGER NOT NULL REFERENCES device(key),
    epoch TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    noticed_ms INTEGER NOT NULL,
    PRIMARY KEY (device, epoch, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    hash BLOB PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
""",
    """
CREATE TABLE desired (
    device INTEGER PRIMARY KEY REFERENCES device(key),
    version INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE command (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    device INTEGER NOT NULL REFERENCES device(key),
    verb TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT,
    en TEXT,
    zh TEXT,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX command_by_device ON command (device, number);
CREATE INDEX command_open ON command (expires_ms) WHERE state = 'sent';
CREATE INDEX result_by_task ON result (device, task_id);
""",
)
