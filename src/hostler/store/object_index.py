"""Every table of the S3 index: importing this module registers them all.

Invariant: a table module that is not imported here does not exist in a new index. S3's process
alone makes the tables and brings them to this version.
"""

from pathlib import Path

from hostler.store import object_versions, objects, uploads
from hostler.store.database import Store
from hostler.store.disk import Reserve
from hostler.store.objects import index

__all__ = ["index", "object_versions", "objects", "open_index", "read_index", "uploads"]


def read_index(path: Path) -> Store:
    """The index for who only reads it; unavailable until S3's process has brought it up."""
    return Store.at(path, tables=index)


def open_index(path: Path, reserve: Reserve | None = None) -> Store:
    """The index of a data directory, at this version; made on first use (blocking)."""
    store = Store.at(path, tables=index, reserve=reserve)
    store.create_tables()
    return store
