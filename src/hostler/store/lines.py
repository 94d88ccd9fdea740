"""Rows that wait in lines until they are carried out, each line in the order of its coming.

Invariant: what is first in a line stays first until it is done, however often it is put off. How
many may wait in a line, and which then give way, is for the module that owns the table to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    ScalarSelect,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from hostler.store.control_metadata import ROW_ID, metadata
from hostler.store.database import Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Queued(Generic[T]):
    """What is to be carried out; ``due`` in epoch seconds."""

    id: int
    due: float
    attempts: int
    item: T

    def wait_s(self, now: float, longest_s: float) -> float:
        """Seconds until it is due; none where that is further away than ``longest_s``.

        Nothing is put off for longer, so the clock was set back since.
        """
        return self.due - now if now < self.due <= now + longest_s else 0.0


class Lines(Generic[T]):
    """A table of lines.

    Args:
        table: Its name.
        line: The column that says in which line a row is.
        kind: What waits.
    """

    def __init__(self, table: str, line: str, kind: type[T]) -> None:
        self.rows = Table(
            table,
            metadata,
            Column("id", ROW_ID, primary_key=True),
            Column(line, String, nullable=False),
            Column("due", Float(53), nullable=False),
            Column("attempts", Integer, nullable=False),
            Column("body", LargeBinary, nullable=False),
            Index(f"{table}_by_{line}", line, "id"),
            sqlite_autoincrement=True,
        )
        self.line = self.rows.c[line]
        self._encode = msgspec.json.Encoder().encode
        self.decode = msgspec.json.Decoder(kind).decode

    def put(self, tx: Transaction, items: Sequence[tuple[str, float, T]]) -> None:
        """Have items carried out: each with its line, and when it is due."""
        rows = [
            {self.line.name: line, "due": due, "attempts": 0, "body": self._encode(item)}
            for line, due, item in items
        ]
        tx.execute(insert(self.rows), rows)

    def newest(self, line: str, nth: int) -> ScalarSelect[int]:
        """The id of a line's newest row but ``nth``; null where there are not so many."""
        at = self.rows.c
        ids = select(at.id).where(self.line == line).order_by(at.id.desc())
        return ids.offset(nth).limit(1).scalar_subquery()

    def waiting(self, tx: Transaction) -> Sequence[str]:
        """The lines in which something waits."""
        return list(tx.execute(select(self.line).distinct()).scalars())

    def first(self, tx: Transaction, line: str) -> Queued[T] | None:
        """What is next in a line."""
        query = select(self.rows).where(self.line == line).order_by(self.rows.c.id).limit(1)
        row = tx.execute(query).one_or_none()
        if row is None:
            return None
        return Queued(row.id, row.due, row.attempts, self.decode(row.body))

    def put_off(self, tx: Transaction, queued: Queued[T], due: float) -> None:
        """Try again at a time."""
        change = update(self.rows).where(self.rows.c.id == queued.id)
        tx.execute(change.values(due=due, attempts=queued.attempts + 1))

    def done(self, tx: Transaction, queued: Queued[T]) -> None:
        """It needs nothing more."""
        tx.execute(delete(self.rows).where(self.rows.c.id == queued.id))
