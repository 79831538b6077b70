"""The device's task engine: durable work in SQLite, its rules apart in `core`."""

from outpost_agent.tasks.schema import TASK_SCHEMA
from outpost_agent.tasks.sqlite import SqliteEngine

__all__ = ["TASK_SCHEMA", "SqliteEngine"]
