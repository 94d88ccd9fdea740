"""One store in memory for all simulated worlds: each empties it first."""

from collections.abc import Iterator

import pytest

from hostler.store import schema
from hostler.store.database import Store


@pytest.fixture(scope="session")
def memory() -> Iterator[Store]:
    store = Store("sqlite://", inline=True, tables=schema.metadata)
    store.create_tables()
    yield store
    store.close()
