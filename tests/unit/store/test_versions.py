"""Databases of other versions: taken through the steps they lack, or refused untouched."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, MetaData, String, Table, text

from data_dirs import DATABASES, FIXTURES, thaw
from hostler.store import object_index, schema
from hostler.store.database import Store
from hostler.store.versions import NewerSchemaError
from hostler.telemetry import logs, metrics
from hostler.vault.sealing import Vault

TABLES = (schema.metadata, object_index.index, logs.metadata, metrics.metadata)
OURS = dict(zip(DATABASES, TABLES, strict=True))
BETWEEN = [
    (name, version)
    for name, tables in OURS.items()
    for version in range(1, len(tables.info["migrations"]) + 1)
]
"""Each database, and each of its versions before today's."""


def shelf(*, version: int) -> MetaData:
    """Tables that learned of pages in their second version, of shelves in their third."""

    def pages(tx: Connection) -> None:
        tx.execute(text("ALTER TABLE books ADD COLUMN pages VARCHAR"))
        tx.execute(text("UPDATE books SET pages = 'unknown'"))

    def shelves(tx: Connection) -> None:
        tx.execute(text("CREATE TABLE shelves (name VARCHAR NOT NULL, PRIMARY KEY (name))"))

    tables = MetaData(info={"migrations": (pages, shelves)[: version - 1]})
    later = (Column("pages", String),) if version > 1 else ()
    Table("books", tables, Column("title", String, primary_key=True), *later)
    if version > 2:
        Table("shelves", tables, Column("name", String, primary_key=True))
    return tables


def opened(path: Path, tables: MetaData) -> None:
    store = Store.at(path, tables=tables, vault=Vault())
    try:
        store.create_tables()
    finally:
        store.close()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database, database:
        return database.execute(query).fetchall()


def shape(path: Path) -> set[tuple[object, ...]]:
    """Tables with their columns, and indexes, however they came to be."""
    tables = rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")
    found: set[tuple[object, ...]] = set()
    for (table,) in tables:
        for pragma in ("table_info", "foreign_key_list"):
            found |= {(table, pragma, *row[1:]) for row in rows(path, f"PRAGMA {pragma}({table})")}
        for index in rows(path, f"PRAGMA index_list({table})"):
            columns = rows(path, f"PRAGMA index_info({index[1]})")
            found.add((table, index[2], tuple(column[2] for column in columns)))
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shelf.db"


@pytest.fixture(params=sorted(FIXTURES.glob("version-*")), ids=lambda folder: folder.name)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A data directory as an earlier version left it."""
    thaw(request.param, tmp_path / "d")
    return tmp_path / "d"


@pytest.mark.parametrize("name", DATABASES)
def test_every_earlier_version_becomes_what_a_new_data_directory_has(
    earlier: Path, tmp_path: Path, name: str
) -> None:
    """A table that is changed without its step fails here."""
    opened(earlier / name, OURS[name])
    opened(tmp_path / "new.db", OURS[name])
    assert shape(earlier / name) == shape(tmp_path / "new.db")
    version = "SELECT version FROM schema_version"
    assert rows(earlier / name, version) == rows(tmp_path / "new.db", version)


@pytest.mark.parametrize(("name", "version"), BETWEEN)
def test_a_file_of_each_version_between_becomes_todays(
    tmp_path: Path, name: str, version: int
) -> None:
    """As the steps until then left it, and then by another Hostler."""
    thaw(FIXTURES / "version-1", tmp_path / "d")
    older = tmp_path / "d" / name
    opened(older, MetaData(info={"migrations": OURS[name].info["migrations"][: version - 1]}))
    stamped = "SELECT version FROM schema_version"
    assert rows(older, stamped) == [(version,)]
    opened(older, OURS[name])
    opened(tmp_path / "new.db", OURS[name])
    assert shape(older) == shape(tmp_path / "new.db")
    assert rows(older, stamped) == rows(tmp_path / "new.db", stamped)


def test_an_older_file_goes_through_the_steps_it_lacks_in_order(path: Path, tmp_path: Path) -> None:
    opened(path, shelf(version=1))
    rows(path, "INSERT INTO books VALUES ('Emma')")
    opened(path, shelf(version=3))
    opened(path, shelf(version=3))
    opened(tmp_path / "new.db", shelf(version=3))
    assert rows(path, "SELECT * FROM books") == [("Emma", "unknown")]
    assert rows(path, "SELECT version FROM schema_version") == [(3,)]
    assert shape(path) == shape(tmp_path / "new.db")


def test_a_file_from_before_versions_were_written_is_of_the_first(path: Path) -> None:
    opened(path, shelf(version=1))
    rows(path, "DROP TABLE schema_version")
    opened(path, shelf(version=2))
    assert rows(path, "SELECT version FROM schema_version") == [(2,)]
    assert rows(path, "SELECT pages FROM books") == []


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    opened(path, shelf(version=1))
    before = shape(path)
    broken = shelf(version=2)

    def fails(tx: Connection) -> None:
        broken.info["migrations"][0](tx)
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        opened(path, MetaData(info={"migrations": (fails,)}))
    assert shape(path) == before
    assert rows(path, "SELECT version FROM schema_version") == [(1,)]


def test_a_newer_file_is_refused_with_the_remedy_and_not_touched(path: Path) -> None:
    opened(path, shelf(version=3))
    before = shape(path)
    with pytest.raises(NewerSchemaError, match=r"newer Hostler: upgrade this one.*version 3.*2\)"):
        opened(path, shelf(version=2))
    assert shape(path) == before
