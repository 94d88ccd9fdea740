"""Tags by resource ARN.

Invariant: a resource's rows are replaced when it is created, so a name that comes back never
inherits the tags of the one before it.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Column, String, Table, bindparam, delete, insert, select

from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction

_tags = Table(
    "tags",
    metadata,
    Column("arn", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)


# Built once: each reconciliation of an endpoint reads its tags.
_OF = (
    select(_tags.c.key, _tags.c.value).where(_tags.c.arn == bindparam("arn")).order_by(_tags.c.key)
)


def of(tx: Transaction, arn: str) -> dict[str, str]:
    """A resource's tags, sorted by key."""
    return {row.key: row.value for row in tx.execute(_OF, {"arn": arn})}


def put(tx: Transaction, arn: str, tags: Mapping[str, str]) -> None:
    """Add tags; those with the same key are overwritten."""
    remove(tx, arn, tags)
    if tags:
        rows = [{"arn": arn, "key": key, "value": value} for key, value in tags.items()]
        tx.execute(insert(_tags), rows)


def replace(tx: Transaction, arn: str, tags: Mapping[str, str]) -> None:
    """Make these a resource's only tags."""
    remove_all(tx, arn)
    put(tx, arn, tags)


def remove(tx: Transaction, arn: str, keys: Iterable[str]) -> None:
    """Remove the tags of these keys; unknown keys are no error."""
    tx.execute(delete(_tags).where(_tags.c.arn == arn, _tags.c.key.in_(list(keys))))


def remove_all(tx: Transaction, arn: str) -> None:
    """Remove every tag of a resource."""
    tx.execute(delete(_tags).where(_tags.c.arn == arn))
