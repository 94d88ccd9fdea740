"""Inline policies, managed policies with their versions, and what they are attached to.

Invariant: a managed policy has a default version at every moment; the documents kept here have been
read by ``iam.document`` before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from hostler.domain.ids import iam_arn
from hostler.iam import managed
from hostler.store.database import Transaction
from hostler.store.identities import tables
from hostler.store.identities.entities import Identity, identity, unique_id


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A managed policy, the account's own or AWS's; times in epoch seconds."""

    arn: str
    id: str
    name: str
    path: str
    description: str
    default_version: int
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class Usage:
    """How many identities of an account a policy is attached to, and how many it limits."""

    attached: int = 0
    as_boundary: int = 0


UNUSED = Usage()


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a managed policy."""

    number: int
    document: str
    created: float


def put_inline(tx: Transaction, owner: str, name: str, document: str) -> None:
    """Add or replace an identity's inline policy."""
    remove_inline(tx, owner, name)
    tx.execute(insert(tables.inline_policies).values(identity=owner, name=name, document=document))


def inline(tx: Transaction, owner: str) -> dict[str, str]:
    """An identity's inline policies: document by name, sorted."""
    table = tables.inline_policies
    query = select(table).where(table.c.identity == owner).order_by(table.c.name)
    return {row.name: row.document for row in tx.execute(query)}


def remove_inline(tx: Transaction, owner: str, name: str) -> bool:
    """Remove an inline policy; False if there was none."""
    table = tables.inline_policies
    done = tx.execute(delete(table).where(table.c.identity == owner, table.c.name == name))
    return done.rowcount > 0


def create(
    tx: Transaction,
    account: str,
    name: str,
    *,
    path: str,
    description: str,
    document: str,
    now: float,
) -> ManagedPolicy:
    """Make a managed policy with version 1; the caller has seen that the name is free."""
    arn = iam_arn(account, "policy", path + name)
    made = ManagedPolicy(arn, unique_id("ANPA"), name, path, description, 1, now, now)
    tx.execute(
        insert(tables.policies).values(
            arn=arn,
            id=made.id,
            account=account,
            name_key=name.lower(),
            name=name,
            path=path,
            description=description,
            default_version=1,
            last_version=1,
            created=now,
            updated=now,
        )
    )
    _insert_version(tx, arn, Version(1, document, now))
    return made


def get(tx: Transaction, account: str, arn: str) -> ManagedPolicy | None:
    """A policy of the account, or one of AWS's."""
    if arn in managed.POLICIES:
        return _aws(managed.POLICIES[arn])
    table = tables.policies
    query = select(table).where(table.c.account == account, table.c.arn == arn)
    row = tx.execute(query).one_or_none()
    return None if row is None else _managed(row)


def name_taken(tx: Transaction, account: str, name: str) -> bool:
    """Has the account a policy of this name, in any case and under any path?"""
    table = tables.policies
    query = select(table.c.arn).where(table.c.account == account, table.c.name_key == name.lower())
    return tx.execute(query).first() is not None


def own(tx: Transaction, account: str) -> Sequence[ManagedPolicy]:
    """The account's own managed policies, by ARN."""
    table = tables.policies
    query = select(table).where(table.c.account == account).order_by(table.c.arn)
    return [_managed(row) for row in tx.execute(query)]


def count(tx: Transaction, account: str) -> int:
    """How many managed policies of its own an account has."""
    table = tables.policies
    query = select(func.count()).where(table.c.account == account)
    return tx.execute(query).scalar_one()


def count_versions(tx: Transaction, account: str) -> int:
    """How many versions those have together."""
    table, version = tables.policies, tables.policy_versions
    query = (
        select(func.count())
        .join_from(version, table, version.c.policy == table.c.arn)
        .where(table.c.account == account)
    )
    return tx.execute(query).scalar_one()


def aws() -> Sequence[ManagedPolicy]:
    """AWS's managed policies, by ARN."""
    return [_aws(managed.POLICIES[arn]) for arn in sorted(managed.POLICIES)]


def versions(tx: Transaction, arn: str) -> Sequence[Version]:
    """A policy's versions, newest first."""
    if arn in managed.POLICIES:
        given = managed.POLICIES[arn]
        return [Version(1, given.document, managed.CREATED)]
    table = tables.policy_versions
    query = select(table).where(table.c.policy == arn).order_by(table.c.version.desc())
    return [Version(row.version, row.document, row.created) for row in tx.execute(query)]


def add_version(
    tx: Transaction, policy: ManagedPolicy, document: str, *, default: bool, now: float
) -> Version:
    """Add a version; numbers are never given twice."""
    table = tables.policies
    query = select(table.c.last_version).where(table.c.arn == policy.arn)
    number = tx.execute(query).scalar_one() + 1
    version = Version(number, document, now)
    _insert_version(tx, policy.arn, version)
    tx.execute(
        update(table).where(table.c.arn == policy.arn).values(last_version=number, updated=now)
    )
    if default:
        set_default(tx, policy, number)
    return version


def set_default(tx: Transaction, policy: ManagedPolicy, number: int) -> None:
    """Make a version the one in force."""
    table = tables.policies
    tx.execute(update(table).where(table.c.arn == policy.arn).values(default_version=number))


def remove_version(tx: Transaction, arn: str, number: int) -> None:
    """Delete a version that is not the default."""
    table = tables.policy_versions
    tx.execute(delete(table).where(table.c.policy == arn, table.c.version == number))


def remove(tx: Transaction, policy: ManagedPolicy) -> None:
    """Delete a policy that is attached to nothing, with its tags."""
    table = tables.policy_versions
    tx.execute(delete(table).where(table.c.policy == policy.arn))
    tx.execute(delete(tables.tags).where(tables.tags.c.owner == policy.id))
    tx.execute(delete(tables.policies).where(tables.policies.c.arn == policy.arn))


def attach(tx: Transaction, owner: str, arn: str) -> None:
    """Attach a policy to an identity; again is no error."""
    detach(tx, owner, arn)
    tx.execute(insert(tables.attachments).values(identity=owner, policy=arn))


def detach(tx: Transaction, owner: str, arn: str) -> bool:
    """Detach a policy; False if it was not attached."""
    table = tables.attachments
    done = tx.execute(delete(table).where(table.c.identity == owner, table.c.policy == arn))
    return done.rowcount > 0


def attached(tx: Transaction, owner: str) -> Sequence[str]:
    """The ARNs of the policies attached to an identity, sorted."""
    table = tables.attachments
    query = select(table.c.policy).where(table.c.identity == owner).order_by(table.c.policy)
    return list(tx.execute(query).scalars())


def limited(tx: Transaction, account: str, arn: str) -> Sequence[Identity]:
    """The account's identities whose boundary a policy is, by kind and name."""
    table = tables.identities
    query = (
        select(table)
        .where(table.c.boundary == arn, table.c.account == account)
        .order_by(table.c.kind, table.c.name_key)
    )
    return [identity(row) for row in tx.execute(query)]


def holders(tx: Transaction, account: str, arn: str) -> Sequence[Identity]:
    """The account's identities that a policy is attached to, by kind and name."""
    table, given = tables.identities, tables.attachments
    query = (
        select(table)
        .join(given, given.c.identity == table.c.id)
        .where(given.c.policy == arn, table.c.account == account)
        .order_by(table.c.kind, table.c.name_key)
    )
    return [identity(row) for row in tx.execute(query)]


def usages(tx: Transaction, account: str) -> dict[str, Usage]:
    """How each policy is used by the account's identities; of those that are."""
    table, given = tables.identities, tables.attachments
    attached = (
        select(given.c.policy, func.count().label("times"))
        .join(table, given.c.identity == table.c.id)
        .where(table.c.account == account)
        .group_by(given.c.policy)
    )
    limiting = (
        select(table.c.boundary.label("policy"), func.count().label("times"))
        .where(table.c.account == account, table.c.boundary.is_not(None))
        .group_by(table.c.boundary)
    )
    found = {row.policy: Usage(attached=row.times) for row in tx.execute(attached)}
    for row in tx.execute(limiting):
        found[row.policy] = Usage(found.get(row.policy, UNUSED).attached, row.times)
    return found


def _insert_version(tx: Transaction, arn: str, version: Version) -> None:
    tx.execute(
        insert(tables.policy_versions).values(
            policy=arn, version=version.number, document=version.document, created=version.created
        )
    )


def _managed(row: Row[Any]) -> ManagedPolicy:
    return ManagedPolicy(
        arn=row.arn,
        id=row.id,
        name=row.name,
        path=row.path,
        description=row.description,
        default_version=row.default_version,
        created=row.created,
        updated=row.updated,
    )


def _aws(given: managed.AwsPolicy) -> ManagedPolicy:
    return ManagedPolicy(
        arn=given.arn,
        id=given.id,
        name=given.name,
        path=given.path,
        description=given.description,
        default_version=1,
        created=managed.CREATED,
        updated=managed.CREATED,
    )
