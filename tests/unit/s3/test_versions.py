"""Versions of objects: what a key means, what is kept behind it, and how all of it is listed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect

from hostler.store import garbage, object_index, object_versions, objects, version_pages
from hostler.store.database import Store, Transaction
from hostler.store.object_versions import DeleteMarker, Version, Versioning
from hostler.store.objects import StoredObject
from hostler.store.version_pages import VersionPage

KEYS = ["a", "a/1", "a/2", "b"]
STEP = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(KEYS), st.integers(0, 9)),
    st.tuples(st.just("remove"), st.sampled_from(KEYS), st.just(0)),
    st.tuples(st.just("remove version"), st.sampled_from(KEYS), st.integers(0, 5)),
    st.tuples(st.just("state"), st.sampled_from(list(Versioning)), st.just(0)),
)


def memory() -> Store:
    made = Store("sqlite://", inline=True, tables=object_index.index)
    made.create_tables()
    return made


@pytest.fixture
def store() -> Iterator[Store]:
    made = memory()
    yield made
    made.close()


def stored(key: str, content: int = 0) -> StoredObject:
    return StoredObject("b", key, content, str(content) * 64, f"e{content}", 100.0)


class Model:
    """What S3's documentation says, as plain lists: each key's versions, the newest first."""

    def __init__(self) -> None:
        self.state: Versioning | None = None
        self.versions: dict[str, list[Version]] = {key: [] for key in KEYS}

    def add(self, version: Version) -> None:
        if version.version_id == "null":
            self.forget(version.key, "null")
        self.versions[version.key].insert(0, version)

    def forget(self, key: str, version_id: str) -> None:
        kept = [each for each in self.versions[key] if each.version_id != version_id]
        self.versions[key] = kept

    def listed(self) -> list[tuple[Version, bool]]:
        return [
            (version, at == 0)
            for key in sorted(KEYS)
            for at, version in enumerate(self.versions[key])
        ]


def act(tx: Transaction, model: Model, step: tuple[str, str, int]) -> None:
    what, key, number = step
    if what == "state":
        model.state = Versioning(key)
        object_versions.set_versioning(tx, "b", model.state)
    elif what == "put":
        made = object_versions.put(tx, stored(key, number))
        assert (made.version_id == "null") == (model.state is not Versioning.ENABLED)
        model.add(made)
    elif what == "remove":
        marker = object_versions.remove(tx, "b", key, 200.0)
        assert (marker is None) == (model.state is None)
        if marker is None:
            model.versions[key] = []
        else:
            model.add(marker)
    elif number < len(model.versions[key]):
        named = model.versions[key][number]
        assert object_versions.remove_version(tx, "b", key, named.version_id, 200.0) == named
        model.forget(key, named.version_id)


def whole(tx: Transaction, limit: int, delimiter: str = "", prefix: str = "") -> VersionPage:
    """Every page, one after the other, as one."""
    listed: list[version_pages.Listed] = []
    prefixes: list[str] = []
    after: tuple[str, str | None] = ("", None)
    while True:
        page = version_pages.page(
            tx, "b", prefix=prefix, delimiter=delimiter, after=after, limit=limit
        )
        listed += page.listed
        prefixes += page.prefixes
        if not page.truncated:
            return replace(page, listed=tuple(listed), prefixes=tuple(prefixes))
        assert page.last is not None
        after = page.last


@settings(deadline=None)
@given(st.lists(STEP, max_size=25), st.integers(1, 4))
def test_versions_are_what_the_documentation_says(
    steps: list[tuple[str, str, int]], limit: int
) -> None:
    model, store = Model(), memory()

    def run(tx: Transaction) -> None:
        for step in steps:
            act(tx, model, step)
        expected = model.listed()
        seen = [(each.version, each.is_newest) for each in whole(tx, limit).listed]
        assert seen == expected
        for key, versions in model.versions.items():
            assert object_versions.newest(tx, "b", key) == (versions[0] if versions else None)
            meant = versions[0] if versions and isinstance(versions[0], StoredObject) else None
            assert objects.lookup(tx, "b", key) == meant
            for version in versions:
                assert object_versions.find(tx, "b", key, version.version_id) == version
        assert object_versions.is_empty(tx, "b") == (not expected)
        folders = whole(tx, limit, delimiter="/")
        below = [version for version, _ in expected if "/" in version.key]
        assert folders.prefixes == (("a/",) if below else ())
        assert [each.version for each in folders.listed] == [
            version for version, _ in expected if "/" not in version.key
        ]
        deeper = whole(tx, limit, prefix="a/")
        assert [each.version for each in deeper.listed] == below
        assert _garbage_and_referred_to(tx) >= {
            version.digest for version, _ in expected if isinstance(version, StoredObject)
        }

    store.run(run, write=True)
    store.close()


def _garbage_and_referred_to(tx: Transaction) -> set[str]:
    return {
        str(number) * 64 for number in range(10) if garbage.is_referred_to(tx, str(number) * 64)
    }


def test_a_removed_version_s_content_is_garbage_and_a_kept_one_s_is_not(store: Store) -> None:
    def run(tx: Transaction) -> list[str]:
        object_versions.set_versioning(tx, "b", Versioning.ENABLED)
        first = object_versions.put(tx, stored("k", 1))
        object_versions.put(tx, stored("k", 2))
        assert tx.execute(objects.GARBAGE.select()).all() == []
        object_versions.remove_version(tx, "b", "k", first.version_id, 5.0)
        return [row.digest for row in tx.execute(objects.GARBAGE.select())]

    assert store.run(run, write=True) == ["1" * 64]


def test_tags_are_of_one_version(store: Store) -> None:
    def run(tx: Transaction) -> None:
        object_versions.set_versioning(tx, "b", Versioning.ENABLED)
        first = object_versions.put(tx, stored("k", 1))
        second = object_versions.put(tx, stored("k", 2))
        object_versions.set_tags(tx, first, {"n": "1"})
        object_versions.set_tags(tx, second, {"n": "2"})
        assert object_versions.find(tx, "b", "k", first.version_id) == replace(
            first, tags={"n": "1"}
        )
        assert objects.lookup(tx, "b", "k") == replace(second, tags={"n": "2"})

    store.run(run, write=True)


def test_a_marker_before_the_prefix_hides_nothing_of_it(store: Store) -> None:
    def run(tx: Transaction) -> None:
        object_versions.set_versioning(tx, "b", Versioning.ENABLED)
        before = [object_versions.put(tx, stored("a", number)) for number in range(3)]
        made = [object_versions.put(tx, stored("b", number)) for number in range(3)]
        for version in before:
            page = version_pages.page(
                tx, "b", prefix="b", delimiter="", after=("a", version.version_id), limit=9
            )
            assert [each.version for each in page.listed] == made[::-1]
            assert [each.is_newest for each in page.listed] == [True, False, False]

    store.run(run, write=True)


def test_a_marker_whose_version_is_gone_repeats_its_key(store: Store) -> None:
    def run(tx: Transaction) -> tuple[Version, ...]:
        object_versions.set_versioning(tx, "b", Versioning.ENABLED)
        made = [object_versions.put(tx, stored("k", number)) for number in range(3)]
        object_versions.remove_version(tx, "b", "k", made[2].version_id, 1.0)
        page = version_pages.page(
            tx, "b", prefix="", delimiter="", after=("k", made[2].version_id), limit=9
        )
        assert [each.version.version_id for each in page.listed] == [
            made[1].version_id,
            made[0].version_id,
        ]
        return tuple(each.version for each in page.listed)

    assert all(isinstance(each, StoredObject) for each in store.run(run, write=True))


INDEX_OF_VERSION_1 = """
CREATE TABLE buckets (name TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,
    created FLOAT NOT NULL, PRIMARY KEY (name));
CREATE TABLE objects (bucket TEXT NOT NULL, "key" TEXT NOT NULL, size INTEGER NOT NULL,
    digest TEXT NOT NULL, etag TEXT NOT NULL, modified FLOAT NOT NULL, headers JSON NOT NULL,
    metadata JSON NOT NULL, tags JSON NOT NULL, checksum JSON, parts JSON NOT NULL, upload_id TEXT,
    PRIMARY KEY (bucket, "key")) WITHOUT ROWID;
CREATE INDEX ix_objects_digest ON objects (digest);
CREATE TABLE garbage (digest TEXT NOT NULL, since FLOAT NOT NULL, PRIMARY KEY (digest));
CREATE INDEX ix_garbage_since ON garbage (since);
CREATE TABLE uploads (id TEXT NOT NULL, bucket TEXT NOT NULL, "key" TEXT NOT NULL,
    initiator TEXT NOT NULL, created FLOAT NOT NULL, headers JSON NOT NULL, metadata JSON NOT NULL,
    tags JSON NOT NULL, checksum_algorithm TEXT, checksum_kind TEXT, PRIMARY KEY (id));
CREATE INDEX ix_uploads_bucket ON uploads (bucket);
CREATE TABLE parts (upload_id TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL,
    digest TEXT NOT NULL, etag TEXT NOT NULL, modified FLOAT NOT NULL, checksum TEXT,
    PRIMARY KEY (upload_id, number)) WITHOUT ROWID;
CREATE INDEX ix_parts_digest ON parts (digest);
INSERT INTO buckets VALUES ('b', '123456789012', 'us-east-1', 1.0);
INSERT INTO objects VALUES ('b', 'k', 1, 'd', 'e', 2.0, '{}', '{}', '{}', 'null', '[]', 'upload');
"""


def shape(tx: Transaction) -> dict[str, object]:
    """Tables, their columns and their indices, as the database has them."""
    found = inspect(tx)
    return {
        table: (
            sorted((each["name"], each["nullable"]) for each in found.get_columns(table)),
            found.get_pk_constraint(table)["constrained_columns"],
            sorted(str(each["name"]) for each in found.get_indexes(table)),
            [each["column_names"] for each in found.get_unique_constraints(table)],
        )
        for table in found.get_table_names()
    }


def test_an_index_of_version_1_becomes_today_s(store: Store, tmp_path: Path) -> None:
    older = Store.at(tmp_path / "index.db", tables=object_index.index)

    def fill(tx: Transaction) -> None:
        for statement in INDEX_OF_VERSION_1.split(";"):
            tx.exec_driver_sql(statement)

    older.run(fill, write=True)
    older.create_tables()
    assert older.run(shape) == store.run(shape)
    kept = StoredObject("b", "k", 1, "d", "e", 2.0)
    assert older.run(lambda tx: objects.lookup(tx, "b", "k")) == kept

    def go_on(tx: Transaction) -> None:
        object_versions.set_versioning(tx, "b", Versioning.ENABLED)
        assert isinstance(object_versions.remove(tx, "b", "k", 3.0), DeleteMarker)
        assert object_versions.find(tx, "b", "k", "null") == kept

    older.run(go_on, write=True)
    older.close()
