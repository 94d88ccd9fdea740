"""Transactions over a real file: who may read it, and how long a locked one is waited for."""

import asyncio
import contextlib
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table, insert, select
from sqlalchemy.exc import OperationalError

from hostler.store import disk
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.store.disk import Reserve

TABLES = MetaData()
WORDS = Table("words", TABLES, Column("word", String, primary_key=True))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "words.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store.at(path, tables=TABLES, patience_s=0.2)
    made.create_tables()
    yield made
    made.close()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process's write lock."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def keep(word: str) -> Callable[[Transaction], None]:
    def transaction(tx: Transaction) -> None:
        tx.execute(insert(WORDS).values(word=word))

    return transaction


def words(tx: Transaction) -> set[str]:
    return set(tx.execute(select(WORDS.c.word)).scalars())


def test_nobody_else_may_read_a_database_or_its_journal(store: Store, path: Path) -> None:
    asyncio.run(store.write(keep("secret")))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    names = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert names == dict.fromkeys(("words.db", "words.db-wal", "words.db-shm"), 0o600)


def test_a_database_that_was_readable_by_others_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    Store.at(path, tables=TABLES).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_line_behind_a_lock_ends_with_the_lock_s_wait(store: Store, path: Path) -> None:
    """F15: not each in turn for its own five seconds."""

    async def many() -> list[object]:
        asked = [store.write(keep(str(number))) for number in range(20)]
        return await asyncio.gather(*asked, return_exceptions=True)

    with locked(path):
        outcomes = asyncio.run(many())
        assert store.run(words) == set(), "reading goes on"
    assert all(isinstance(outcome, StoreUnavailableError) for outcome in outcomes)
    said = Counter(map(str, outcomes))
    assert said.keys() == {"database is locked", "no turn came within 0.2 s"}
    assert said["database is locked"] <= 3, "the first, and what its wait left time for"
    asyncio.run(store.write(keep("after")))
    assert store.run(words) == {"after"}


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    def half(tx: Transaction) -> None:
        tx.execute(insert(WORDS).values(word="half"))
        raise ValueError("changed its mind")

    with pytest.raises(ValueError, match="changed its mind"):
        asyncio.run(store.write(half))
    assert asyncio.run(store.read(words)) == set()


def test_a_deletion_on_a_full_disk_runs_again_in_the_reserved_room(path: Path) -> None:
    path.parent.mkdir()
    kept = path.with_name("reserve")
    store = Store.at(path, tables=TABLES, reserve=Reserve(kept, 4096))
    store.create_tables()
    assert kept.stat().st_size == 4096

    def needy(_tx: Transaction) -> str:
        if kept.exists():
            raise OperationalError("", None, sqlite3.OperationalError("database or disk is full"))
        return "done"

    with pytest.raises(StoreUnavailableError) as refused:
        asyncio.run(store.write(needy))
    assert refused.value.disk_is_full
    assert asyncio.run(store.write(needy, deletes=True)) == "done"
    assert not kept.exists()
    store.close()


def test_no_room_is_kept_back_where_others_need_it(tmp_path: Path) -> None:
    kept = tmp_path / "reserve"
    Reserve(kept, disk.free_bytes(tmp_path)).keep()
    assert not kept.exists()
    reserve = Reserve(kept, 4096)
    assert not reserve.release()
    reserve.keep()
    assert reserve.release()
    reserve.keep()
    assert not kept.exists(), "given up a moment ago"
