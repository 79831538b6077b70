"""What survives a pulled plug: files replaced whole, a database with one writer, a folder with one owner."""

from outpost_disk.database import Database, DatabaseFailed, DatabaseTooNew, Transaction, open_database
from outpost_disk.files import FolderHeld, FolderLock, replace_file, short_socket_path, sync_folder

__all__ = [
    "Database",
    "DatabaseFailed",
    "DatabaseTooNew",
    "FolderHeld",
    "FolderLock",
    "Transaction",
    "open_database",
    "replace_file",
    "short_socket_path",
    "sync_folder",
]
