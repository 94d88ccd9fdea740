"""Multipart uploads under way, and their parts, in S3's index.

Invariant: a part's row refers to a durable blob; ending an upload, by completion or abort, removes
its rows in one transaction and hands the parts' contents to the garbage, so it ends once. What a
completion answered is remembered for a while, so that asking again answers the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

from sqlalchemy import JSON, Column, Float, Integer, Table, Text, delete, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from hostler.store.database import Transaction
from hostler.store.objects import NULL_VERSION, Checksum, index, note_garbage, successor

REMEMBERED_S = 3600.0
REMEMBERED_MAX = 10_000

UPLOADS = Table(
    "uploads",
    index,
    Column("id", Text, primary_key=True),
    Column("bucket", Text, nullable=False, index=True),
    Column("key", Text, nullable=False),
    Column("initiator", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("checksum_algorithm", Text),
    Column("checksum_kind", Text),
)

PARTS = Table(
    "parts",
    index,
    Column("upload_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("digest", Text, nullable=False, index=True),
    Column("etag", Text, nullable=False),
    Column("modified", Float, nullable=False),
    Column("checksum", Text),
    sqlite_with_rowid=False,
)

COMPLETIONS = Table(
    "completions",
    index,
    Column("upload_id", Text, primary_key=True),
    Column("bucket", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("version_id", Text, nullable=False),
    Column("checksum", JSON),
    Column("completed", Float, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload: what the object will carry once it is completed."""

    id: str
    bucket: str
    key: str
    initiator: str
    created: float
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    checksum_algorithm: str | None = None
    checksum_kind: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part; ``checksum`` is in base64, of the upload's algorithm."""

    upload_id: str
    number: int
    size: int
    digest: str
    etag: str
    modified: float
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What a completed upload became."""

    upload_id: str
    bucket: str
    key: str
    etag: str
    completed: float
    version_id: str = NULL_VERSION
    checksum: Checksum | None = None


def create(tx: Transaction, upload: Upload) -> None:
    """Begin an upload."""
    tx.execute(insert(UPLOADS).values(**asdict(upload)))


def get(tx: Transaction, upload_id: str) -> Upload | None:
    """An upload under way."""
    row = tx.execute(select(UPLOADS).where(UPLOADS.c.id == upload_id)).one_or_none()
    return None if row is None else Upload(*row)


@dataclass(frozen=True, slots=True)
class Start:
    """From a key on; of that key only the uploads behind one of them."""

    key: str
    behind: Upload | None = None


def scan(tx: Transaction, bucket: str, *, prefix: str, start: Start) -> Iterator[Upload]:
    """The uploads of a bucket below a prefix, by key and beginning."""
    order = (UPLOADS.c.key, UPLOADS.c.created, UPLOADS.c.id)
    query = select(UPLOADS).where(UPLOADS.c.bucket == bucket).order_by(*order)
    if prefix:
        query = query.where(UPLOADS.c.key >= prefix)
        if (end := successor(prefix)) is not None:
            query = query.where(UPLOADS.c.key < end)
    if start.behind is not None:
        place = (start.key, start.behind.created, start.behind.id)
        query = query.where(tuple_(*order) > tuple_(*place))
    elif start.key:
        query = query.where(UPLOADS.c.key >= start.key)
    for row in tx.execute(query):
        yield Upload(*row)


def end_all(tx: Transaction, bucket: str, now: float) -> None:
    """Forget the uploads of a bucket."""
    query = select(UPLOADS.c.id).where(UPLOADS.c.bucket == bucket)
    for upload_id in tx.execute(query).scalars().all():
        end(tx, upload_id, now)


def put_part(tx: Transaction, part: Part) -> None:
    """Add a part, in place of one of the same number."""
    earlier = tx.execute(
        select(PARTS.c.digest).where(
            PARTS.c.upload_id == part.upload_id, PARTS.c.number == part.number
        )
    ).scalar()
    if earlier is not None:
        note_garbage(tx, earlier, part.modified)
    values = asdict(part)
    keys = ("upload_id", "number")
    changed = {name: value for name, value in values.items() if name not in keys}
    tx.execute(
        insert(PARTS).values(**values).on_conflict_do_update(index_elements=keys, set_=changed)
    )


def parts(tx: Transaction, upload_id: str, *, after: int = 0) -> list[Part]:
    """An upload's parts by number."""
    query = select(PARTS).where(PARTS.c.upload_id == upload_id, PARTS.c.number > after)
    return [Part(*row) for row in tx.execute(query.order_by(PARTS.c.number))]


def end(tx: Transaction, upload_id: str, now: float) -> bool:
    """Forget an upload and its parts; False where it has already ended."""
    for part in parts(tx, upload_id):
        note_garbage(tx, part.digest, now)
    tx.execute(delete(PARTS).where(PARTS.c.upload_id == upload_id))
    return tx.execute(delete(UPLOADS).where(UPLOADS.c.id == upload_id)).rowcount == 1


def remember(tx: Transaction, completion: Completion) -> None:
    """Keep what a completion answered, and forget old ones."""
    newest = select(COMPLETIONS.c.completed).order_by(COMPLETIONS.c.completed.desc())
    bound = tx.execute(newest.offset(REMEMBERED_MAX - 1).limit(1)).scalar() or 0.0
    oldest = max(bound, completion.completed - REMEMBERED_S)
    tx.execute(delete(COMPLETIONS).where(COMPLETIONS.c.completed <= oldest))
    tx.execute(insert(COMPLETIONS).values(**asdict(completion)))


def completion(tx: Transaction, upload_id: str) -> Completion | None:
    """What a completed upload became, if that is still remembered."""
    row = tx.execute(select(COMPLETIONS).where(COMPLETIONS.c.upload_id == upload_id)).one_or_none()
    if row is None:
        return None
    values = row._asdict()
    if values["checksum"] is not None:
        values["checksum"] = Checksum(**values["checksum"])
    return Completion(**values)
