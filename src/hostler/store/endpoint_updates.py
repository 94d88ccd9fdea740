"""What became of endpoints' deployments: the last updates of each, with their events.

Invariant: an event is written in the transaction of the row that it tells of, so each is there
once; at most ``KEPT_MAX`` updates of an endpoint are kept, and none without it.
"""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from hostler.domain.ids import EndpointId
from hostler.domain.updates import KEPT_MAX, Told, Update
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction

updates = Table(
    "endpoint_updates",
    metadata,
    Column("endpoint_id", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Update).decode

_OF = updates.c.endpoint_id == bindparam("of")
_LISTED = select(updates.c.body).where(_OF).order_by(updates.c.number.desc())
_NEWEST = _LISTED.limit(1)
_CHANGE = (
    update(updates).where(_OF, updates.c.number == bindparam("at")).values(body=bindparam("body"))
)
_OPEN = insert(updates)
_TRIM = delete(updates).where(_OF, updates.c.number <= bindparam("at"))
_FORGET = delete(updates).where(_OF)


def note(tx: Transaction, endpoint_id: EndpointId, told: Told) -> None:
    """Add an event to the update that it belongs to; the first one opens it."""
    body = tx.execute(_NEWEST, {"of": endpoint_id}).scalar()
    last = None if body is None else _decode(body)
    if last is not None and last.terms.deployment == told.terms.deployment:
        longer = replace(last, events=(*last.events, told.event))
        tx.execute(_CHANGE, {"of": endpoint_id, "at": last.number, "body": _encode(longer)})
        return
    number = 1 if last is None else last.number + 1
    opened = Update(number, told.terms, (told.event,))
    row = {"endpoint_id": endpoint_id, "number": number, "body": _encode(opened)}
    tx.execute(_OPEN, row)
    tx.execute(_TRIM, {"of": endpoint_id, "at": number - KEPT_MAX})


def listed(tx: Transaction, endpoint_id: EndpointId) -> Sequence[Update]:
    """An endpoint's updates, the newest first."""
    return [_decode(body) for body in tx.execute(_LISTED, {"of": endpoint_id}).scalars()]


def forget(tx: Transaction, endpoint_id: EndpointId) -> None:
    """Drop an endpoint's updates."""
    tx.execute(_FORGET, {"of": endpoint_id})
