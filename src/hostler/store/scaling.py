"""Scalable targets with their policies and scheduled actions.

Invariant: a variant has one target a dimension, whatever the case of its endpoint's name; what
belongs to a target goes with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from hostler.domain.ids import name_key
from hostler.domain.scaling import Dimension, Policy, ScheduledAction, Target
from hostler.store import tags
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction

targets = Table(
    "scalable_targets",
    metadata,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("endpoint_key", String, nullable=False),
    Column("variant", String, nullable=False),
    Column("dimension", String, nullable=False),
    Column("bounded", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("account", "region", "endpoint_key", "variant", "dimension"),
)

policies_table = Table(
    "scaling_policies",
    metadata,
    Column("target_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("arn", String, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
)

actions_table = Table(
    "scheduled_actions",
    metadata,
    Column("target_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("due", Float(53)),
    Column("body", LargeBinary, nullable=False),
    Index("scheduled_actions_by_due", "due"),
)

_encode = msgspec.json.Encoder().encode
_target = msgspec.json.Decoder(Target).decode
_policy = msgspec.json.Decoder(Policy).decode
_action = msgspec.json.Decoder(ScheduledAction).decode

_BY_ID = select(targets.c.body).where(targets.c.id == bindparam("id"))
_CHANGE = (
    update(targets)
    .where(targets.c.id == bindparam("row"))
    .values(bounded=bindparam("bounded"), body=bindparam("body"))
)
_BUSY = (
    select(targets.c.id)
    .outerjoin(actions_table, actions_table.c.target_id == targets.c.id)
    .where(targets.c.bounded | (actions_table.c.due <= bindparam("now")))
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Resource:
    """Which target: a variant of an endpoint, in a dimension."""

    endpoint: str
    variant: str
    dimension: Dimension


def resource_key(resource_id: str) -> str:
    """The form of a resource ID under which it is found: the endpoint's name in any case."""
    kind, slash, rest = resource_id.partition("/")
    name, other, tail = rest.partition("/")
    return f"{kind}{slash}{name_key(name)}{other}{tail}"


def target(tx: Transaction, account: str, region: str, resource: Resource) -> Target | None:
    """The scalable target of a resource."""
    query = select(targets.c.body).where(
        targets.c.account == account,
        targets.c.region == region,
        targets.c.endpoint_key == name_key(resource.endpoint),
        targets.c.variant == resource.variant,
        targets.c.dimension == resource.dimension.value,
    )
    body = tx.execute(query).scalar()
    return None if body is None else _target(body)


def by_id(tx: Transaction, target_id: str) -> Target | None:
    body = tx.execute(_BY_ID, {"id": target_id}).scalar()
    return None if body is None else _target(body)


def put_target(tx: Transaction, wanted: Target) -> None:
    """Insert or replace a target."""
    values = {"row": wanted.id, "bounded": wanted.bounded, "body": _encode(wanted)}
    if tx.execute(_CHANGE, values).rowcount == 0:
        row = {
            "id": wanted.id,
            "account": wanted.account,
            "region": wanted.region,
            "endpoint_key": name_key(wanted.endpoint),
            "variant": wanted.variant,
            "dimension": wanted.dimension.value,
            "bounded": wanted.bounded,
            "body": _encode(wanted),
        }
        tx.execute(insert(targets), row)


def remove_target(tx: Transaction, gone: Target) -> None:
    """Forget a target with its policies, scheduled actions and tags; its activities stay."""
    tx.execute(delete(policies_table).where(policies_table.c.target_id == gone.id))
    tx.execute(delete(actions_table).where(actions_table.c.target_id == gone.id))
    tx.execute(delete(targets).where(targets.c.id == gone.id))
    tags.remove_all(tx, gone.arn)


def targets_of(tx: Transaction, account: str, region: str) -> Sequence[Target]:
    """An account's targets in a region, oldest first."""
    query = select(targets.c.body).where(targets.c.account == account, targets.c.region == region)
    found = [_target(body) for body in tx.execute(query).scalars()]
    return sorted(found, key=lambda each: (each.created, each.id))


def targets_of_endpoint(
    tx: Transaction, account: str, region: str, endpoint: str
) -> Sequence[Target]:
    """The targets of an endpoint's variants."""
    query = select(targets.c.body).where(
        targets.c.account == account,
        targets.c.region == region,
        targets.c.endpoint_key == name_key(endpoint),
    )
    return [_target(body) for body in tx.execute(query).scalars()]


def policies(tx: Transaction, target_id: str) -> Sequence[Policy]:
    """A target's policies, by name."""
    return [_policy(body) for body in _named_of(tx, policies_table, target_id)]


def policy_by_arn(tx: Transaction, arn: str) -> Policy | None:
    query = select(policies_table.c.body).where(policies_table.c.arn == arn)
    body = tx.execute(query).scalar()
    return None if body is None else _policy(body)


def put_policy(tx: Transaction, wanted: Policy) -> None:
    """Insert or replace a policy."""
    row = {"arn": wanted.arn, "body": _encode(wanted)}
    _put_named(tx, policies_table, wanted.target_id, wanted.name, row)


def remove_policy(tx: Transaction, target_id: str, name: str) -> None:
    _remove_named(tx, policies_table, target_id, name)


def actions(tx: Transaction, target_id: str) -> Sequence[ScheduledAction]:
    """A target's scheduled actions, by name."""
    return [_action(body) for body in _named_of(tx, actions_table, target_id)]


def put_action(tx: Transaction, wanted: ScheduledAction) -> None:
    """Insert or replace a scheduled action."""
    row = {"due": wanted.due, "body": _encode(wanted)}
    _put_named(tx, actions_table, wanted.target_id, wanted.name, row)


def remove_action(tx: Transaction, target_id: str, name: str) -> None:
    _remove_named(tx, actions_table, target_id, name)


def awake(tx: Transaction, now: float) -> Sequence[str]:
    """The ids of targets whose bounds were set, or that have a scheduled action to do."""
    return list(tx.execute(_BUSY, {"now": now}).scalars())


def due_actions(tx: Transaction, target_id: str, now: float) -> Sequence[ScheduledAction]:
    """A target's scheduled actions whose time has come, the earliest first."""
    at = actions_table.c
    query = select(at.body).where(at.target_id == target_id, at.due <= now)
    rows: Iterable[bytes] = tx.execute(query.order_by(at.due, at.name)).scalars()
    return [_action(body) for body in rows]


def _named_of(tx: Transaction, table: Table, target_id: str) -> Iterable[bytes]:
    """The bodies of what a target has in a table, by name."""
    query = select(table.c.body).where(table.c.target_id == target_id)
    rows: Iterable[bytes] = tx.execute(query.order_by(table.c.name)).scalars()
    return rows


def _put_named(
    tx: Transaction, table: Table, target_id: str, name: str, row: Mapping[str, Any]
) -> None:
    _remove_named(tx, table, target_id, name)
    tx.execute(insert(table), {"target_id": target_id, "name": name, **row})


def _remove_named(tx: Transaction, table: Table, target_id: str, name: str) -> None:
    tx.execute(delete(table).where(table.c.target_id == target_id, table.c.name == name))
