"""The tags of log groups.

Invariant: they go with their group: a name that comes back never inherits them.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, insert, select

from hostler.telemetry.schema import groups, tags


def of(tx: Connection, group_id: int) -> dict[str, str]:
    """A group's tags, sorted by key."""
    query = select(tags.c.key, tags.c.value).where(tags.c.group_id == group_id)
    return {row.key: row.value for row in tx.execute(query.order_by(tags.c.key))}


def of_name(tx: Connection, account: str, region: str, name: str) -> dict[str, str]:
    """The tags of a group by its name; none where it does not exist."""
    query = (
        select(tags.c.key, tags.c.value)
        .join(groups, groups.c.id == tags.c.group_id)
        .where(groups.c.account == account, groups.c.region == region, groups.c.name == name)
    )
    return {row.key: row.value for row in tx.execute(query.order_by(tags.c.key))}


def put(tx: Connection, group_id: int, new: Mapping[str, str]) -> None:
    """Add tags; those with the same key are overwritten."""
    remove(tx, group_id, new)
    if new:
        rows = [{"group_id": group_id, "key": key, "value": new[key]} for key in new]
        tx.execute(insert(tags), rows)


def remove(tx: Connection, group_id: int, keys: Iterable[str]) -> None:
    """Remove the tags of these keys; unknown keys are no error."""
    tx.execute(delete(tags).where(tags.c.group_id == group_id, tags.c.key.in_(list(keys))))
