"""Last uses, gathered from the processes' files and control's own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostler.app.key_uses import KeyUses
from hostler.domain.layout import Layout
from hostler.domain.uses import Use, Uses
from hostler.snapshot import uses
from hostler.store import identities
from hostler.store.database import Store, Transaction
from hostler.store.identities import keys
from memory_stores import memory_store

ACCOUNT = "123456789012"


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as memory:
        yield memory


def test_the_last_of_all_is_kept(store: Store, tmp_path: Path) -> None:
    root = store.run(lambda tx: identities.ensure_root(tx, ACCOUNT, 1.0), write=True)
    key, layout, own = root.access_key_id, Layout(tmp_path), Uses()
    layout.run.mkdir()
    gatherer = KeyUses(store, layout, own)

    def gathered() -> Use | None:
        asyncio.run(gatherer.gather())

        def used(tx: Transaction) -> Use | None:
            found = keys.get(tx, key)
            assert found is not None
            return found.used

        return store.run(used)

    assert gathered() is None
    uses.write(
        layout.key_uses("gateway-0"), {key: Use(5.0, "sagemaker", "r"), "AKIA0": Use(9, "s", "r")}
    )
    uses.write(layout.key_uses("s3"), {key: Use(7.0, "s3", "r")})
    assert gathered() == Use(7.0, "s3", "r")
    uses.write(layout.key_uses("gateway-1"), {key: Use(6.0, "sagemaker", "r")})
    assert gathered() == Use(7.0, "s3", "r"), "it was later"
    own.note(key, "iam", "us-east-1", 8.0)
    uses.write(layout.key_uses("s3"), {key: Use(9.0, "s3", "r")})
    assert gathered() == Use(9.0, "s3", "r"), "whoever tells of it"
    own.note(key, "iam", "us-east-1", 70.0)
    assert gathered() == Use(70.0, "iam", "us-east-1")
