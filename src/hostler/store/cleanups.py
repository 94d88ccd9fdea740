"""Endpoints that are to be deleted because nobody calls them, and when they are looked for next.

Invariant: a mark is of one life of an endpoint; ``control.cleanup`` alone writes here.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Column, Float, Integer, LargeBinary, String, Table, delete, insert, select

from hostler.domain.ids import EndpointId
from hostler.planning.cleanup_steps import Mark
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction

_marks = Table(
    "cleanup_marks",
    metadata,
    Column("endpoint_id", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
_schedule = Table(
    "cleanup_schedule",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("next_s", Float, nullable=False),
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Mark).decode


def marks(tx: Transaction) -> Sequence[Mark]:
    """Every mark, by endpoint."""
    query = select(_marks.c.body).order_by(_marks.c.endpoint_id)
    return [_decode(body) for body in tx.execute(query).scalars()]


def put(tx: Transaction, mark: Mark) -> None:
    """Insert or replace an endpoint's mark."""
    remove(tx, mark.endpoint_id)
    tx.execute(insert(_marks).values(endpoint_id=mark.endpoint_id, body=_encode(mark)))


def remove(tx: Transaction, endpoint_id: EndpointId) -> None:
    """Forget an endpoint's mark."""
    tx.execute(delete(_marks).where(_marks.c.endpoint_id == endpoint_id))


def next_look(tx: Transaction) -> float | None:
    """When to look for idle endpoints next (epoch s); None before the first time."""
    return tx.execute(select(_schedule.c.next_s)).scalar()


def look_at(tx: Transaction, next_s: float) -> None:
    """Say when to look next."""
    tx.execute(delete(_schedule))
    tx.execute(insert(_schedule).values(id=1, next_s=next_s))
