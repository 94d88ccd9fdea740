"""The actions of alarms that are still to be carried out.

Invariant: those of one line (``Firing.line``) leave it in the order in which they came, and at most
``WAITING_MAX`` of them wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from hostler.domain.alarm import Firing
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction

WAITING_MAX = 100
"""Of one line; where more come than are carried out, the oldest give way, but for the first, which
may be under way."""

_ROW_ID = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's own row id

actions = Table(
    "alarm_actions",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("line", String, nullable=False),
    Column("due", Float(53), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("alarm_actions_by_line", "line", "id"),
    sqlite_autoincrement=True,
)

_encode = msgspec.json.Encoder().encode
_firing = msgspec.json.Decoder(Firing).decode


@dataclass(frozen=True, slots=True)
class Queued:
    """An action that is to be carried out; ``due`` in epoch seconds."""

    id: int
    due: float
    attempts: int
    firing: Firing


def put(tx: Transaction, firings: Sequence[Firing]) -> Sequence[Firing]:
    """Have actions carried out, those of one line in this order; the ones that gave way to them."""
    if not firings:
        return ()
    rows = [
        {"line": each.line, "due": each.at, "attempts": 0, "body": _encode(each)}
        for each in firings
    ]
    tx.execute(insert(actions), rows)
    given_way: list[Firing] = []
    for line in dict.fromkeys(each.line for each in firings):
        of_line = actions.c.line == line
        first = select(func.min(actions.c.id)).where(of_line).scalar_subquery()
        newest = select(actions.c.id).where(of_line).order_by(actions.c.id.desc())
        last = newest.offset(WAITING_MAX - 1).limit(1).scalar_subquery()
        too_old = and_(actions.c.id > first, actions.c.id <= last)
        query = select(actions.c.body).where(of_line, too_old).order_by(actions.c.id)
        given_way += [_firing(body) for body in tx.execute(query).scalars()]
        tx.execute(delete(actions).where(of_line, too_old))
    return given_way


def lines(tx: Transaction) -> Sequence[str]:
    """The lines in which actions are queued."""
    return list(tx.execute(select(actions.c.line).distinct()).scalars())


def first_in(tx: Transaction, line: str) -> Queued | None:
    """The action that is next in a line."""
    query = select(actions).where(actions.c.line == line).order_by(actions.c.id).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else Queued(row.id, row.due, row.attempts, _firing(row.body))


def put_off(tx: Transaction, action: Queued, due: float) -> None:
    """Try an action again at a time."""
    change = update(actions).where(actions.c.id == action.id)
    tx.execute(change.values(due=due, attempts=action.attempts + 1))


def done(tx: Transaction, action: Queued) -> None:
    """An action needs nothing more."""
    tx.execute(delete(actions).where(actions.c.id == action.id))
