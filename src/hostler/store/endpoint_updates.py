"""What became of endpoints' deployments: the last updates of each, with their events.

Invariant: an event is written in the transaction of the row that it tells of, so each is there
once; at most ``KEPT_MAX`` updates of an endpoint are kept, and none without it.
"""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Column, Integer, LargeBinary, String, Table, delete, insert, select, update

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
_at = updates.c


def note(tx: Transaction, endpoint_id: EndpointId, told: Told) -> None:
    """Add an event to the update that it belongs to; the first one opens it."""
    newest = select(_at.body).where(_at.endpoint_id == endpoint_id).order_by(_at.number.desc())
    body = tx.execute(newest.limit(1)).scalar()
    last = None if body is None else _decode(body)
    if last is not None and last.terms.deployment == told.terms.deployment:
        longer = replace(last, events=(*last.events, told.event))
        its = (_at.endpoint_id == endpoint_id, _at.number == last.number)
        tx.execute(update(updates).where(*its).values(body=_encode(longer)))
        return
    number = 1 if last is None else last.number + 1
    opened = Update(number, told.terms, (told.event,))
    row = {"endpoint_id": endpoint_id, "number": number, "body": _encode(opened)}
    tx.execute(insert(updates), row)
    too_old = (_at.endpoint_id == endpoint_id, _at.number <= number - KEPT_MAX)
    tx.execute(delete(updates).where(*too_old))


def listed(tx: Transaction, endpoint_id: EndpointId) -> Sequence[Update]:
    """An endpoint's updates, the newest first."""
    query = select(_at.body).where(_at.endpoint_id == endpoint_id).order_by(_at.number.desc())
    return [_decode(body) for body in tx.execute(query).scalars()]


def forget(tx: Transaction, endpoint_id: EndpointId) -> None:
    """Drop an endpoint's updates."""
    tx.execute(delete(updates).where(_at.endpoint_id == endpoint_id))
