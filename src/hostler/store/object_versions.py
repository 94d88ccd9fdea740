"""The versions of objects, in buckets that keep them.

Invariant: ``objects`` has what a key means now and ``object_versions`` everything else: earlier
versions and delete markers, by place, the newest first. A key without a row in ``objects`` is
either unknown or has a delete marker as its newest version.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Float,
    Integer,
    Row,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from hostler.store import objects
from hostler.store.database import Transaction
from hostler.store.objects import NULL_VERSION, OBJECTS, StoredObject, index, note_garbage

VERSIONS = Table(
    "object_versions",
    index,
    Column("bucket", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("version_id", Text, nullable=False),
    Column("size", Integer),
    Column("digest", Text, index=True),
    Column("etag", Text),
    Column("modified", Float, nullable=False),
    Column("headers", JSON),
    Column("metadata", JSON),
    Column("tags", JSON),
    Column("checksum", JSON),
    Column("parts", JSON),
    UniqueConstraint("bucket", "key", "version_id"),
    sqlite_with_rowid=False,
)
"""``place`` counts down within a key. A delete marker has neither size nor content."""

_SETTING = "versioning"


class Versioning(StrEnum):
    """Whether a bucket keeps versions; one that never did has no state at all."""

    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True)
class DeleteMarker:
    """A version that says: deleted."""

    bucket: str
    key: str
    version_id: str
    modified: float


Version: TypeAlias = StoredObject | DeleteMarker


def versioning(tx: Transaction, bucket: str) -> Versioning | None:
    """A bucket's state."""
    state = objects.setting(tx, bucket, _SETTING)
    return None if state is None else Versioning(state)


def set_versioning(tx: Transaction, bucket: str, state: Versioning) -> None:
    """Keep versions from now on, or keep no new ones."""
    objects.set_setting(tx, bucket, _SETTING, str(state))


def put(tx: Transaction, stored: StoredObject) -> StoredObject:
    """Make an object what its key means now, as its bucket has it; with the version it got."""
    state = versioning(tx, stored.bucket)
    if state is None:
        objects.put(tx, stored)
        return stored
    made = replace(
        stored, version_id=_make_way(tx, stored.bucket, stored.key, state, stored.modified)
    )
    objects.put(tx, made)
    return made


def remove(tx: Transaction, bucket: str, key: str, now: float) -> DeleteMarker | None:
    """Delete an object; the marker that says so, where the bucket keeps versions."""
    state = versioning(tx, bucket)
    if state is None:
        objects.remove(tx, bucket, key, now)
        return None
    marker = DeleteMarker(bucket, key, _make_way(tx, bucket, key, state, now), now)
    _add(tx, marker)
    return marker


def _make_way(tx: Transaction, bucket: str, key: str, state: Versioning, now: float) -> str:
    """Let a key mean nothing, so that a new version can be the newest; the version's id."""
    version_id = secrets.token_urlsafe(24) if state is Versioning.ENABLED else NULL_VERSION
    if state is Versioning.SUSPENDED:
        _drop(tx, bucket, key, NULL_VERSION, now)
    current = objects.lookup(tx, bucket, key)
    if current is not None:
        tx.execute(delete(OBJECTS).where(OBJECTS.c.bucket == bucket, OBJECTS.c.key == key))
        _add(tx, current)
    return version_id


def _add(tx: Transaction, version: Version) -> None:
    """Put a version in front of those that are no longer meant."""
    first = select(func.min(VERSIONS.c.place)).where(*_of(version.bucket, version.key))
    place = (tx.execute(first).scalar() or 0) - 1
    tx.execute(insert(VERSIONS).values(**asdict(version), place=place))


def find(tx: Transaction, bucket: str, key: str, version_id: str) -> Version | None:
    """One version of an object."""
    current = objects.lookup(tx, bucket, key)
    if current is not None and current.version_id == version_id:
        return current
    row = tx.execute(
        select(VERSIONS).where(*_of(bucket, key), VERSIONS.c.version_id == version_id)
    ).one_or_none()
    return None if row is None else _version(row)


def newest(tx: Transaction, bucket: str, key: str) -> Version | None:
    """The newest version of an object: what its key means, or the marker that it is deleted."""
    return objects.lookup(tx, bucket, key) or _first(tx, bucket, key)


def remove_version(
    tx: Transaction, bucket: str, key: str, version_id: str, now: float
) -> Version | None:
    """Delete one version for good; what it was. The newest of the others is meant again."""
    removed = find(tx, bucket, key, version_id)
    _drop(tx, bucket, key, version_id, now)
    if objects.lookup(tx, bucket, key) is None:
        first = _first(tx, bucket, key)
        if isinstance(first, StoredObject):
            tx.execute(
                delete(VERSIONS).where(*_of(bucket, key), VERSIONS.c.version_id == first.version_id)
            )
            objects.put(tx, first)
    return removed


def set_tags(tx: Transaction, stored: StoredObject, tags: Mapping[str, str]) -> None:
    """Replace the tags of one version."""
    for table in (OBJECTS, VERSIONS):
        tx.execute(
            update(table)
            .where(
                table.c.bucket == stored.bucket,
                table.c.key == stored.key,
                table.c.version_id == stored.version_id,
            )
            .values(tags=dict(tags))
        )


def is_empty(tx: Transaction, bucket: str) -> bool:
    """Whether a bucket holds nothing at all: no object, no version, no marker."""
    kept = select(VERSIONS.c.key).where(VERSIONS.c.bucket == bucket).limit(1)
    return objects.is_empty(tx, bucket) and tx.execute(kept).first() is None


def place_of(tx: Transaction, bucket: str, key: str, version_id: str) -> int | None:
    """Where a version is among those that are no longer meant."""
    query = select(VERSIONS.c.place).where(*_of(bucket, key), VERSIONS.c.version_id == version_id)
    return tx.execute(query).scalar()


def scan(
    tx: Transaction, bucket: str, *, start: str, after_place: int | None, end: str | None
) -> Iterator[Version]:
    """What is no longer meant, by key and place, from a key (or a place of it) on.

    Args:
        tx: The transaction.
        bucket: The bucket.
        start: The first key.
        after_place: Of the first key, only what is behind this place.
        end: The key before which to end.
    """
    query = select(VERSIONS).where(VERSIONS.c.bucket == bucket, VERSIONS.c.key >= start)
    if after_place is not None:
        query = query.where((VERSIONS.c.key > start) | (VERSIONS.c.place > after_place))
    if end is not None:
        query = query.where(VERSIONS.c.key < end)
    for row in tx.execute(query.order_by(VERSIONS.c.key, VERSIONS.c.place)):
        yield _version(row)


def _first(tx: Transaction, bucket: str, key: str) -> Version | None:
    query = select(VERSIONS).where(*_of(bucket, key)).order_by(VERSIONS.c.place).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else _version(row)


def _drop(tx: Transaction, bucket: str, key: str, version_id: str, now: float) -> None:
    for table in (OBJECTS, VERSIONS):
        here = (
            table.c.bucket == bucket,
            table.c.key == key,
            table.c.version_id == version_id,
        )
        digest = tx.execute(select(table.c.digest).where(*here)).scalar()
        if digest is not None:
            note_garbage(tx, digest, now)
        tx.execute(delete(table).where(*here))


def _of(bucket: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return (VERSIONS.c.bucket == bucket, VERSIONS.c.key == key)


def _version(row: Row[Any]) -> Version:
    if row.digest is None:
        return DeleteMarker(row.bucket, row.key, row.version_id, row.modified)
    return objects.of_row(row)
