"""Identities as the planes use them: a credential with its secret, a principal with its policies.

Invariant: a principal carries every policy in force for it, those of its groups with them, each
document whole; a document that cannot be found stands as one that refuses everything, never as
nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import and_, select

from hostler.domain.snapshot import Credential, Identities, Policy, Principal
from hostler.iam import managed
from hostler.store.database import Transaction
from hostler.store.identities import entities, groups, keys, tables
from hostler.store.identities.entities import Identity, Kind

BY_NAME_MAX = 100
"""Policies that are asked for by name; of more, all are read."""


def credential(tx: Transaction, access_key_id: str) -> tuple[Credential, Principal] | None:
    """An active access key and whose it is; None for one that does not exist or is inactive."""
    table, keyed = tables.identities, tables.access_keys
    query = (
        select(table, keyed.c.secret)
        .join(keyed, keyed.c.identity == table.c.id)
        .where(keyed.c.id == access_key_id, keyed.c.active)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    owner = entities.identity(row)
    return Credential(access_key_id, row.secret, owner.arn), principal(tx, owner)


def principal(tx: Transaction, identity: Identity) -> Principal:
    """An identity with its policies."""
    (found,) = _principals(tx, [identity])
    return found


def role_principal(tx: Transaction, arn: str) -> Principal | None:
    """A role with its policies, to act as it."""
    found = entities.role(tx, arn)
    return None if found is None else principal(tx, found)


def principal_by_id(tx: Transaction, unique_id: str) -> Principal | None:
    """A root, user or role of a unique id, with its policies."""
    found = entities.by_id(tx, unique_id)
    return None if found is None else principal(tx, found)


def snapshot_parts(tx: Transaction) -> Identities:
    """Every active credential, and every principal: those without a key may have sessions."""
    table, keyed = tables.identities, tables.access_keys
    every = select(table).where(table.c.kind != Kind.GROUP).order_by(table.c.arn)
    owners = [entities.identity(row) for row in tx.execute(every)]
    active = (
        select(keyed.c.id, keyed.c.secret, table.c.arn)
        .join(table, keyed.c.identity == table.c.id)
        .where(keyed.c.active)
        .order_by(keyed.c.id)
    )
    return Identities(
        tuple(Credential(row.id, row.secret, row.arn) for row in tx.execute(active)),
        tuple(_principals(tx, owners)),
        keys.session_key(tx),
    )


def managed_policies(tx: Transaction, arns: Collection[str]) -> Mapping[str, Policy]:
    """The managed policies of these ARNs, each in its default version."""
    # A policy without a document may have refused something: the engine reads "" as a Deny.
    found = {arn: Policy(arn, "") for arn in arns}
    owned, version = tables.policies, tables.policy_versions
    query = select(owned.c.arn, version.c.document).join(
        version,
        and_(version.c.policy == owned.c.arn, version.c.version == owned.c.default_version),
    )
    own = [arn for arn in arns if arn not in managed.POLICIES]
    if len(own) <= BY_NAME_MAX:
        query = query.where(owned.c.arn.in_(own))
    for row in tx.execute(query) if own else ():
        if row.arn in found:
            found[row.arn] = Policy(row.arn, row.document)
    for arn in found.keys() & managed.POLICIES.keys():
        found[arn] = Policy(arn, managed.POLICIES[arn].document)
    return found


def ensure_root(tx: Transaction, account: str, now: float) -> Credential:
    """The account's root credentials: the oldest active key, or a first one.

    With the first root comes the key that session tokens are sealed with.
    """
    root = entities.root(tx, account, now)
    keys.ensure_session_key(tx, now)
    active = [key for key in keys.of(tx, root.id) if key.active]
    key = active[0] if active else keys.create(tx, root.id, now)
    return Credential(key.id, key.secret, root.arn)


def _principals(tx: Transaction, identities: Sequence[Identity]) -> Iterable[Principal]:
    only = [one.id for one in identities] if len(identities) == 1 else None
    joined = groups.by_member(tx, only)
    holders = None if only is None else only + [group for group, _ in joined.get(only[0], ())]
    inline: defaultdict[str, list[Policy]] = defaultdict(list)
    for owner, policy in _inline(tx, holders):
        inline[owner].append(policy)
    attached: defaultdict[str, list[Policy]] = defaultdict(list)
    for owner, policy in _attached(tx, holders):
        attached[owner].append(policy)
    tags = _tags(tx, only)
    boundaries = managed_policies(
        tx, {one.boundary for one in identities if one.boundary is not None}
    )
    for one in identities:
        held = [*inline[one.id], *attached[one.id]]
        for group, name in joined.get(one.id, ()):
            held += [replace(each, name=f"group/{name}/{each.name}") for each in inline[group]]
            # A managed policy has one name for all who hold it: once is enough.
            held += [each for each in attached[group] if each not in held]
        yield Principal(
            arn=one.arn,
            account=one.account,
            unique_id=one.id,
            name=one.name,
            policies=tuple(held),
            is_root=one.kind is Kind.ROOT,
            tags=tags[one.id],
            boundary=None if one.boundary is None else boundaries[one.boundary],
        )


def _tags(tx: Transaction, only: Sequence[str] | None) -> defaultdict[str, dict[str, str]]:
    table = tables.tags
    query = select(table).order_by(table.c.owner, table.c.key_key)
    if only is not None:
        query = query.where(table.c.owner.in_(only))
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in tx.execute(query):
        found[row.owner][row.key] = row.value
    return found


def _inline(tx: Transaction, only: Sequence[str] | None) -> Iterable[tuple[str, Policy]]:
    table = tables.inline_policies
    query = select(table).order_by(table.c.identity, table.c.name)
    if only is not None:
        query = query.where(table.c.identity.in_(only))
    for row in tx.execute(query):
        yield row.identity, Policy(row.name, row.document)


def _attached(tx: Transaction, only: Sequence[str] | None) -> Iterable[tuple[str, Policy]]:
    table = tables.attachments
    query = select(table.c.identity, table.c.policy).order_by(table.c.identity, table.c.policy)
    if only is not None:
        query = query.where(table.c.identity.in_(only))
    rows = tx.execute(query).all()
    documents = managed_policies(tx, {row.policy for row in rows})
    for row in rows:
        yield row.identity, documents[row.policy]
