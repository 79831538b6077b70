"""Rows of the database by the names of their columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any


def by_column(cursor: sqlite3.Cursor) -> Iterator[dict[str, Any]]:
    """Return the rows of `cursor`, read one by one, each with its values by column."""
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)
