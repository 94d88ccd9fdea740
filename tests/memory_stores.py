"""Databases in memory, for one test."""

import contextlib
from collections.abc import Iterator

from sqlalchemy import MetaData

from hostler.store import schema
from hostler.store.database import Store


@contextlib.contextmanager
def memory_store(tables: MetaData = schema.metadata) -> Iterator[Store]:
    """A database with these tables, the control database's if none are named."""
    store = Store("sqlite://", inline=True, tables=tables)
    store.create_tables()
    try:
        yield store
    finally:
        store.close()
