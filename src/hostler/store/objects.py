"""S3's index: buckets and objects, in a database file of their own (``layout.s3_index``).

Invariant: an object's row is written in one transaction after its blob is durable, so whoever sees
a row can read all of its bytes; a content that loses a row is noted in ``garbage`` in the same
transaction, and deleted only after a grace period in which readers may still open it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Float,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    delete,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from hostler.store import index_migrations
from hostler.store.database import Transaction

index = MetaData(info={"migrations": index_migrations.STEPS})
"""The tables of the S3 index."""

POLICY = "policy"
"""The setting that a bucket's policy is kept as."""
NULL_VERSION = "null"
"""The version of objects that were written while their bucket kept none."""

BUCKETS = Table(
    "buckets",
    index,
    Column("name", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("created", Float, nullable=False),
)

OBJECTS = Table(
    "objects",
    index,
    Column("bucket", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("digest", Text, nullable=False, index=True),
    Column("etag", Text, nullable=False),
    Column("modified", Float, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("checksum", JSON),
    Column("parts", JSON, nullable=False),
    Column("version_id", Text, nullable=False, server_default=NULL_VERSION),
    sqlite_with_rowid=False,
)
"""What a key means now. Earlier versions, and keys that are deleted, are in ``object_versions``."""

BUCKET_SETTINGS = Table(
    "bucket_settings",
    index,
    Column("bucket", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
    sqlite_with_rowid=False,
)
"""Versioning, tags and the policy of buckets that have them."""

GARBAGE = Table(
    "garbage",
    index,
    Column("digest", Text, primary_key=True),
    Column("since", Float, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and the account that owns it; names are unique over all accounts, as on AWS."""

    name: str
    account: str
    region: str
    created: float


@dataclass(frozen=True, slots=True)
class Checksum:
    """``algorithm`` as S3 names it (CRC32 …), ``value`` in base64.

    ``kind`` is FULL_OBJECT, or COMPOSITE: the checksum of the parts' checksums.
    """

    algorithm: str
    value: str
    kind: str = "FULL_OBJECT"


@dataclass(frozen=True, slots=True)
class ObjectPart:
    """A part that a multipart object was put together from."""

    number: int
    size: int
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object: what its row says. ``digest`` (SHA-256) is also the name of its blob."""

    bucket: str
    key: str
    size: int
    digest: str
    etag: str
    """Without quotes: the MD5, or for a multipart object ``<md5 of md5s>-<parts>``."""
    modified: float
    headers: Mapping[str, str] = field(default_factory=dict)
    """Content-Type and its kin, by S3's member name (``ContentType``)."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    checksum: Checksum | None = None
    parts: tuple[ObjectPart, ...] = ()
    version_id: str = NULL_VERSION


def create_bucket(tx: Transaction, bucket: Bucket) -> bool:
    """Add a bucket; False where the name is taken."""
    added = tx.execute(insert(BUCKETS).values(**asdict(bucket)).on_conflict_do_nothing())
    return added.rowcount == 1


def bucket(tx: Transaction, name: str) -> Bucket | None:
    """A bucket by name, whoever owns it."""
    row = tx.execute(select(BUCKETS).where(BUCKETS.c.name == name)).one_or_none()
    return None if row is None else Bucket(*row)


def buckets(tx: Transaction, account: str) -> list[Bucket]:
    """The account's buckets, by name."""
    query = select(BUCKETS).where(BUCKETS.c.account == account).order_by(BUCKETS.c.name)
    return [Bucket(*row) for row in tx.execute(query)]


def is_empty(tx: Transaction, name: str) -> bool:
    """Whether a bucket holds no object now."""
    return (
        tx.execute(select(OBJECTS.c.key).where(OBJECTS.c.bucket == name).limit(1)).first() is None
    )


def delete_bucket(tx: Transaction, name: str) -> None:
    """Remove an empty bucket's row, and what was set on it."""
    tx.execute(delete(BUCKET_SETTINGS).where(BUCKET_SETTINGS.c.bucket == name))
    tx.execute(delete(BUCKETS).where(BUCKETS.c.name == name))


def setting(tx: Transaction, bucket: str, name: str) -> Any:
    """What is set on a bucket under a name, as JSON; None where nothing is."""
    return tx.execute(
        select(BUCKET_SETTINGS.c.value).where(
            BUCKET_SETTINGS.c.bucket == bucket, BUCKET_SETTINGS.c.name == name
        )
    ).scalar()


def set_setting(tx: Transaction, bucket: str, name: str, value: Any) -> None:
    """Set it; None removes it."""
    here = (BUCKET_SETTINGS.c.bucket == bucket, BUCKET_SETTINGS.c.name == name)
    tx.execute(delete(BUCKET_SETTINGS).where(*here))
    if value is not None:
        tx.execute(insert(BUCKET_SETTINGS).values(bucket=bucket, name=name, value=value))


def lookup(tx: Transaction, bucket: str, key: str) -> StoredObject | None:
    """An object by bucket and key."""
    row = tx.execute(
        select(OBJECTS).where(OBJECTS.c.bucket == bucket, OBJECTS.c.key == key)
    ).one_or_none()
    return None if row is None else of_row(row)


def scan(
    tx: Transaction, bucket: str, *, prefix: str = "", start: str = "", inclusive: bool = False
) -> Iterator[StoredObject]:
    """Objects below a prefix in the order of their keys' UTF-8 bytes, from ``start`` on."""
    query = select(OBJECTS).where(OBJECTS.c.bucket == bucket).order_by(OBJECTS.c.key)
    if prefix:
        query = query.where(OBJECTS.c.key >= prefix)
        if (end := successor(prefix)) is not None:
            query = query.where(OBJECTS.c.key < end)
    if start:
        query = query.where(OBJECTS.c.key >= start if inclusive else OBJECTS.c.key > start)
    for row in tx.execute(query):
        yield of_row(row)


def put(tx: Transaction, stored: StoredObject) -> None:
    """Make an object what its key means now; what it meant before is given up."""
    earlier = lookup(tx, stored.bucket, stored.key)
    if earlier is not None and earlier.digest != stored.digest:
        note_garbage(tx, earlier.digest, stored.modified)
    values = asdict(stored)
    changed = {name: value for name, value in values.items() if name not in ("bucket", "key")}
    tx.execute(
        insert(OBJECTS)
        .values(**values)
        .on_conflict_do_update(index_elements=("bucket", "key"), set_=changed)
    )


def remove(tx: Transaction, bucket: str, key: str, now: float) -> bool:
    """Give up what a key means now; False where it meant nothing."""
    stored = lookup(tx, bucket, key)
    if stored is None:
        return False
    tx.execute(delete(OBJECTS).where(OBJECTS.c.bucket == bucket, OBJECTS.c.key == key))
    note_garbage(tx, stored.digest, now)
    return True


def successor(prefix: str) -> str | None:
    """The least string after everything that begins with ``prefix``; None where there is none."""
    for end in range(len(prefix), 0, -1):
        last = ord(prefix[end - 1])
        if last < 0x10FFFF:
            following = 0xE000 if last == 0xD7FF else last + 1
            return prefix[: end - 1] + chr(following)
    return None


def note_garbage(tx: Transaction, digest: str, now: float) -> None:
    """A row of this content went away: it may be deleted once the grace period is over."""
    statement = insert(GARBAGE).values(digest=digest, since=now)
    tx.execute(statement.on_conflict_do_update(index_elements=("digest",), set_={"since": now}))


def of_row(row: Row[Any]) -> StoredObject:
    """An object from a row that has its columns."""
    values = {column.name: getattr(row, column.name) for column in OBJECTS.c}
    if values["checksum"] is not None:
        values["checksum"] = Checksum(**values["checksum"])
    values["parts"] = tuple(ObjectPart(**part) for part in values["parts"])
    return StoredObject(**values)
