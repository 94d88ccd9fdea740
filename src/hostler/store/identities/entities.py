"""Users, roles, groups and roots: one row each, by account, kind and name regardless of case.

Invariant: everything that hangs on an identity is gone before the identity is.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from hostler.domain.ids import iam_arn, root_arn
from hostler.store.database import Transaction
from hostler.store.identities import tables

_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_LENGTH = 21
_ACCESS_KEY_ID_LENGTH = 20


class Kind(StrEnum):
    """What an identity is; users and roles of one name may exist side by side."""

    USER = "user"
    ROLE = "role"
    GROUP = "group"
    ROOT = "root"


_ID_PREFIXES = {Kind.USER: "AIDA", Kind.ROLE: "AROA", Kind.GROUP: "AGPA"}


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, a role, a group, or a root; ``created`` in epoch seconds."""

    id: str
    account: str
    kind: Kind
    name: str
    path: str
    arn: str
    created: float
    description: str = ""
    trust: str = ""
    """A role's trust document (JSON text)."""
    session_seconds_max: int = 3600
    boundary: str | None = None
    """The ARN of a user's or a role's permissions boundary."""


def unique_id(prefix: str) -> str:
    """An identifier of AWS's form: AIDA…, AROA…, ANPA…, AKIA…, ASIA….

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    length = _ACCESS_KEY_ID_LENGTH if prefix in ("AKIA", "ASIA") else _ID_LENGTH
    return prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(length - len(prefix)))


def create_user(
    tx: Transaction, account: str, name: str, *, path: str, now: float, boundary: str | None = None
) -> Identity:
    """Make a user; the caller has seen that the name is free."""
    made = _new(account, Kind.USER, name, path, now)
    return _create(tx, replace(made, boundary=boundary))


def create_group(tx: Transaction, account: str, name: str, *, path: str, now: float) -> Identity:
    """Make a group; the caller has seen that the name is free."""
    return _create(tx, _new(account, Kind.GROUP, name, path, now))


def create_role(
    tx: Transaction,
    account: str,
    name: str,
    *,
    path: str,
    trust: str,
    now: float,
    description: str = "",
    session_seconds_max: int = 3600,
    boundary: str | None = None,
) -> Identity:
    """Make a role; the caller has checked the trust document and seen that the name is free."""
    made = replace(
        _new(account, Kind.ROLE, name, path, now),
        description=description,
        trust=trust,
        session_seconds_max=session_seconds_max,
        boundary=boundary,
    )
    return _create(tx, made)


def root(tx: Transaction, account: str, now: float) -> Identity:
    """The account's root, made when it is first asked for."""
    found = by_arn(tx, root_arn(account))
    if found is not None:
        return found
    return _create(tx, Identity(account, account, Kind.ROOT, "root", "/", root_arn(account), now))


def get(tx: Transaction, account: str, kind: Kind, name: str) -> Identity | None:
    """The identity of a name, in any case."""
    table = tables.identities
    return _one(
        tx,
        table.c.account == account,
        table.c.kind == kind,
        table.c.name_key == name.lower(),
    )


def by_arn(tx: Transaction, arn: str) -> Identity | None:
    """The identity of an ARN, exactly as written."""
    return _one(tx, tables.identities.c.arn == arn)


def role(tx: Transaction, arn: str) -> Identity | None:
    """The role of an ARN."""
    found = by_arn(tx, arn)
    return found if found is not None and found.kind is Kind.ROLE else None


def by_id(tx: Transaction, unique_id: str) -> Identity | None:
    """The identity of a unique id."""
    return _one(tx, tables.identities.c.id == unique_id)


def page(
    tx: Transaction, account: str, kind: Kind, *, path_prefix: str, after: str, limit: int
) -> Sequence[Identity]:
    """At most ``limit`` identities below a path, by name, after the name ``after``."""
    table = tables.identities
    query = (
        select(table)
        .where(
            table.c.account == account,
            table.c.kind == kind,
            # Not LIKE: SQLite folds case there, and paths have one.
            func.substr(table.c.path, 1, len(path_prefix)) == path_prefix,
            table.c.name_key > after.lower(),
        )
        .order_by(table.c.name_key)
        .limit(limit)
    )
    return [identity(row) for row in tx.execute(query)]


def count(tx: Transaction, account: str, kind: Kind) -> int:
    """How many of a kind an account has."""
    table = tables.identities
    query = select(func.count()).where(table.c.account == account, table.c.kind == kind)
    return tx.execute(query).scalar_one()


def every(tx: Transaction, account: str) -> Sequence[Identity]:
    """An account's users, groups and roles, by kind and name."""
    table = tables.identities
    query = (
        select(table)
        .where(table.c.account == account, table.c.kind != Kind.ROOT)
        .order_by(table.c.kind, table.c.name_key)
    )
    return [identity(row) for row in tx.execute(query)]


def rename(tx: Transaction, one: Identity, *, name: str, path: str) -> None:
    """Give a user or a group another name or path: its id, keys and policies stay its own."""
    _change(
        tx,
        one,
        name=name,
        name_key=name.lower(),
        path=path,
        arn=iam_arn(one.account, one.kind, path + name),
    )


def update_role(tx: Transaction, one: Identity, **values: str | int) -> None:
    """Change a role's ``trust``, ``description`` or ``session_seconds_max``."""
    _change(tx, one, **values)


def set_boundary(tx: Transaction, one: Identity, boundary: str | None) -> None:
    """Limit a user or a role to what a managed policy (its ARN) allows; None: no longer."""
    _change(tx, one, boundary=boundary)


def remove(tx: Transaction, one: Identity) -> None:
    """Delete an identity and its tags; keys, policies and memberships must be gone already."""
    tx.execute(delete(tables.tags).where(tables.tags.c.owner == one.id))
    tx.execute(delete(tables.identities).where(tables.identities.c.id == one.id))


def tags(tx: Transaction, owner: str) -> dict[str, str]:
    """The tags of an identity's or a policy's id, by key as given, sorted."""
    table = tables.tags
    query = select(table.c.key, table.c.value).where(table.c.owner == owner)
    return {row.key: row.value for row in tx.execute(query.order_by(table.c.key_key))}


def put_tags(tx: Transaction, owner: str, given: Mapping[str, str]) -> None:
    """Add tags; one with the same key in any case is overwritten."""
    remove_tags(tx, owner, list(given))
    if given:
        tx.execute(
            insert(tables.tags),
            [
                {"owner": owner, "key_key": key.lower(), "key": key, "value": value}
                for key, value in given.items()
            ],
        )


def remove_tags(tx: Transaction, owner: str, keys: Sequence[str]) -> None:
    """Remove tags; keys that are not there are no error."""
    table = tables.tags
    folded = [key.lower() for key in keys]
    tx.execute(delete(table).where(table.c.owner == owner, table.c.key_key.in_(folded)))


def identity(row: Row[Any]) -> Identity:
    """An identity from a row with the columns of the table."""
    return Identity(
        id=row.id,
        account=row.account,
        kind=Kind(row.kind),
        name=row.name,
        path=row.path,
        arn=row.arn,
        created=row.created,
        description=row.description,
        trust=row.trust,
        session_seconds_max=row.session_seconds_max,
        boundary=row.boundary,
    )


def _new(account: str, kind: Kind, name: str, path: str, now: float) -> Identity:
    arn = iam_arn(account, kind, path + name)
    return Identity(unique_id(_ID_PREFIXES[kind]), account, kind, name, path, arn, now)


def _create(tx: Transaction, one: Identity) -> Identity:
    tx.execute(
        insert(tables.identities).values(
            id=one.id,
            account=one.account,
            kind=one.kind,
            name_key=one.name.lower(),
            name=one.name,
            path=one.path,
            arn=one.arn,
            created=one.created,
            description=one.description,
            trust=one.trust,
            session_seconds_max=one.session_seconds_max,
            boundary=one.boundary,
        )
    )
    return one


def _change(tx: Transaction, one: Identity, **values: str | int | None) -> None:
    table = tables.identities
    tx.execute(update(table).where(table.c.id == one.id).values(**values))


def _one(tx: Transaction, *where: Any) -> Identity | None:
    row = tx.execute(select(tables.identities).where(*where)).one_or_none()
    return None if row is None else identity(row)
