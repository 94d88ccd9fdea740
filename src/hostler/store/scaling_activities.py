"""What Application Auto Scaling did, and what it did not do and why, in the order of its doing.

Invariant: at most one activity of a target is under way. Activities outlive their target; they stay
six weeks, and at most so many of each resource.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from hostler.domain.scaling import Activity, Dimension
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction
from hostler.store.scaling import resource_key

KEPT_S = 42 * 86_400
SCALED_MAX, NOT_SCALED_MAX = 1_000, 100
"""Activities of a resource; the oldest go first."""

activities = Table(
    "scaling_activities",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("target_id", String, nullable=False),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("resource_key", String, nullable=False),
    Column("dimension", String, nullable=False),
    Column("started", Float(53), nullable=False),
    Column("scaled", Boolean, nullable=False),
    Column("underway", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("scaling_activities_by_resource", "account", "region", "resource_key", "started"),
    Index("scaling_activities_by_target", "target_id", "started"),
    Index("scaling_activities_by_time", "started"),
    Index("scaling_activities_underway", "underway"),
    sqlite_autoincrement=True,
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Activity).decode
_at = activities.c


def put(tx: Transaction, target_id: str, wanted: Activity) -> None:
    """Insert or replace an activity, and let go of what is too old or too much."""
    key, scaled = resource_key(wanted.resource_id), not wanted.reasons
    row = {
        "id": wanted.id,
        "target_id": target_id,
        "account": wanted.account,
        "region": wanted.region,
        "resource_key": key,
        "dimension": wanted.dimension.value,
        "started": wanted.started,
        "scaled": scaled,
        "underway": wanted.ended is None,
        "body": _encode(wanted),
    }
    if tx.execute(update(activities).where(_at.id == wanted.id).values(row)).rowcount == 0:
        tx.execute(insert(activities), row)
    tx.execute(delete(activities).where(_at.started < wanted.started - KEPT_S))
    mine = (
        _at.account == wanted.account,
        _at.region == wanted.region,
        _at.resource_key == key,
        _at.scaled == scaled,
    )
    newest = select(_at.started).where(*mine).order_by(_at.started.desc())
    first_too_much = newest.offset(SCALED_MAX if scaled else NOT_SCALED_MAX).limit(1)
    tx.execute(delete(activities).where(*mine, _at.started <= first_too_much.scalar_subquery()))


def listed(
    tx: Transaction,
    account: str,
    region: str,
    *,
    resource_id: str | None = None,
    dimension: Dimension | None = None,
    since: float = 0.0,
    not_scaled: bool = False,
) -> Sequence[Activity]:
    """An account's activities, newest first; those that scaled nothing only if they are wanted."""
    query = select(_at.body).where(
        _at.account == account, _at.region == region, _at.started >= since
    )
    if resource_id is not None:
        query = query.where(_at.resource_key == resource_key(resource_id))
    if dimension is not None:
        query = query.where(_at.dimension == dimension.value)
    if not not_scaled:
        query = query.where(_at.scaled)
    rows = tx.execute(query.order_by(_at.started.desc(), _at.number.desc())).scalars()
    return [_decode(body) for body in rows]


def underway(tx: Transaction, target_id: str) -> Activity | None:
    """The activity of a target that has not ended."""
    query = select(_at.body).where(_at.target_id == target_id, _at.underway)
    body = tx.execute(query).scalar()
    return None if body is None else _decode(body)


def newest(tx: Transaction, target_id: str) -> Activity | None:
    """A target's last activity, whether or not it scaled anything."""
    query = select(_at.body).where(_at.target_id == target_id)
    body = tx.execute(query.order_by(_at.started.desc(), _at.number.desc()).limit(1)).scalar()
    return None if body is None else _decode(body)


def moving(tx: Transaction) -> Sequence[str]:
    """The ids of the targets with an activity under way."""
    return list(tx.execute(select(_at.target_id).where(_at.underway).distinct()).scalars())
