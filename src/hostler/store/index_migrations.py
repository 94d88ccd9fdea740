"""The steps by which the S3 index of an older Hostler becomes today's.

Invariant: a step that has been released is never changed; it is written in SQL of its own time.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

_VERSIONS_COME = (
    "ALTER TABLE objects DROP COLUMN upload_id",
    "ALTER TABLE objects ADD COLUMN version_id TEXT DEFAULT 'null' NOT NULL",
    """
    CREATE TABLE object_versions (
        bucket TEXT NOT NULL,
        "key" TEXT NOT NULL,
        place BIGINT NOT NULL,
        version_id TEXT NOT NULL,
        size INTEGER,
        digest TEXT,
        etag TEXT,
        modified FLOAT NOT NULL,
        headers JSON,
        metadata JSON,
        tags JSON,
        checksum JSON,
        parts JSON,
        PRIMARY KEY (bucket, "key", place),
        UNIQUE (bucket, "key", version_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX ix_object_versions_digest ON object_versions (digest)",
    """
    CREATE TABLE bucket_settings (
        bucket TEXT NOT NULL,
        name TEXT NOT NULL,
        value JSON NOT NULL,
        PRIMARY KEY (bucket, name)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE completions (
        upload_id TEXT NOT NULL,
        bucket TEXT NOT NULL,
        "key" TEXT NOT NULL,
        etag TEXT NOT NULL,
        version_id TEXT NOT NULL,
        checksum JSON,
        completed FLOAT NOT NULL,
        PRIMARY KEY (upload_id)
    )
    """,
    "CREATE INDEX ix_completions_completed ON completions (completed)",
)


def versions_come(tx: Connection) -> None:
    """1 → 2: versions of objects, settings of buckets, and completions that are remembered."""
    for statement in _VERSIONS_COME:
        tx.exec_driver_sql(statement)


STEPS: Sequence[Callable[[Connection], None]] = (versions_come,)
