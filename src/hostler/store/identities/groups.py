"""Who is in which group.

Invariant: a group is an identity without keys; its policies are in force for its members alone, and
it is deleted only when it has none.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select

from hostler.store.database import Transaction
from hostler.store.identities import tables
from hostler.store.identities.entities import Identity, identity


def add(tx: Transaction, group: Identity, user: Identity) -> None:
    """Put a user into a group; again is no error."""
    remove(tx, group, user)
    tx.execute(insert(tables.memberships).values(identity=user.id, of_group=group.id))


def remove(tx: Transaction, group: Identity, user: Identity) -> None:
    """Take a user out of a group; one that is not in it is no error."""
    table = tables.memberships
    tx.execute(delete(table).where(table.c.identity == user.id, table.c.of_group == group.id))


def members(tx: Transaction, group: Identity) -> Sequence[Identity]:
    """The users of a group, by name."""
    table, joined = tables.identities, tables.memberships
    query = (
        select(table)
        .join(joined, joined.c.identity == table.c.id)
        .where(joined.c.of_group == group.id)
        .order_by(table.c.name_key)
    )
    return [identity(row) for row in tx.execute(query)]


def of(tx: Transaction, user: Identity) -> Sequence[Identity]:
    """The groups of a user, by name."""
    table, joined = tables.identities, tables.memberships
    query = (
        select(table)
        .join(joined, joined.c.of_group == table.c.id)
        .where(joined.c.identity == user.id)
        .order_by(table.c.name_key)
    )
    return [identity(row) for row in tx.execute(query)]


def by_member(
    tx: Transaction, only: Sequence[str] | None
) -> Mapping[str, Sequence[tuple[str, str]]]:
    """The id and the name of every group that the identities of these ids (None: all) are in."""
    table, joined = tables.identities, tables.memberships
    query = (
        select(joined.c.identity, table.c.id, table.c.name)
        .join(table, joined.c.of_group == table.c.id)
        .order_by(joined.c.identity, table.c.name_key)
    )
    if only is not None:
        query = query.where(joined.c.identity.in_(only))
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in tx.execute(query):
        found[row.identity].append((row.id, row.name))
    return found
