"""The audit log: records of calls, in a database file of their own.

Invariant: what was read of a spool and how far it was read are written in one transaction, so each
record arrives exactly once. Functions run inside a transaction; times are milliseconds since the
epoch.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    MetaData,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
)

from hostler.telemetry.row_ids import ROW_ID

metadata = MetaData()

_records = Table(
    "records",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("event_id", String, nullable=False, index=True),
    Column("account", String, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("event_name", String, nullable=False),
    Column("event_source", String, nullable=False),
    Column("user_name", String, nullable=False),
    Column("access_key_id", String, nullable=False),
    Column("read_only", Boolean, nullable=False),
    Column("record", Text, nullable=False),
    Index("records_by_time", "account", "time_ms", "id"),
    sqlite_autoincrement=True,
)
_names = Table(
    "names",
    metadata,
    Column("record_id", ROW_ID, primary_key=True),
    Column("name", String, primary_key=True),
    Index("names_by_name", "name", "record_id"),
)
"""What a record's resources are called: their ARNs, and the names in them."""
_positions = Table(
    "positions",
    metadata,
    Column("source", String, primary_key=True),
    Column("position", String, nullable=False),
)

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A record, with what it is found by."""

    event_id: str
    account: str
    time_ms: int
    event_name: str
    event_source: str
    user_name: str
    access_key_id: str
    read_only: bool
    record: str
    """JSON, as CloudTrail writes it."""
    names: tuple[str, ...] = ()
    id: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records; None for no bound. Both times are inclusive."""

    account: str
    start_ms: int | None = None
    end_ms: int | None = None
    attribute: str | None = None
    """A column's name, or ``name`` of a resource."""
    value: str | bool = ""


def position(tx: Connection, source: str) -> str:
    """How far a spool was read; empty when it never was."""
    query = select(_positions.c.position).where(_positions.c.source == source)
    return tx.execute(query).scalar() or ""


def ingest(tx: Connection, source: str, before: str, after: str, records: Iterable[Kept]) -> bool:
    """Add what was read of a spool between two positions; False if that was done already."""
    if position(tx, source) != before:
        return False
    for kept in records:
        values = {name: getattr(kept, name) for name in _COLUMNS}
        made = tx.execute(insert(_records).values(**values)).inserted_primary_key
        assert made is not None
        if kept.names:
            rows = [{"record_id": made[0], "name": name} for name in dict.fromkeys(kept.names)]
            tx.execute(insert(_names), rows)
    tx.execute(delete(_positions).where(_positions.c.source == source))
    tx.execute(insert(_positions).values(source=source, position=after))
    return True


def forget_positions(tx: Connection, present: Collection[str]) -> None:
    """Drop the positions of spools that are gone."""
    for source in tx.execute(select(_positions.c.source)).scalars().all():
        if source not in present:
            tx.execute(delete(_positions).where(_positions.c.source == source))


def page(
    tx: Connection, wanted: Wanted, *, after: tuple[int, int] | None, limit: int
) -> Sequence[Kept]:
    """Records, the newest first, that follow a place (time and id) in this order."""
    time, row_id = _records.c.time_ms, _records.c.id
    query = select(_records).where(_records.c.account == wanted.account)
    if wanted.start_ms is not None:
        query = query.where(time >= wanted.start_ms)
    if wanted.end_ms is not None:
        query = query.where(time <= wanted.end_ms)
    if wanted.attribute == "name":
        found = select(_names.c.record_id).where(_names.c.name == wanted.value)
        query = query.where(row_id.in_(found))
    elif wanted.attribute is not None:
        query = query.where(_records.c[wanted.attribute] == wanted.value)
    if after is not None:
        ms, last = after
        query = query.where(or_(time < ms, and_(time == ms, row_id < last)))
    rows = tx.execute(query.order_by(time.desc(), row_id.desc()).limit(limit))
    return [_kept(tx, row) for row in rows.all()]


def expire(tx: Connection, now_ms: int, *, days: int, records_max: int) -> None:
    """Delete what is older than so many days, and the oldest beyond so many records."""
    newest = tx.execute(select(func.max(_records.c.id))).scalar() or 0
    old = or_(_records.c.time_ms < now_ms - days * DAY_MS, _records.c.id <= newest - records_max)
    tx.execute(delete(_names).where(_names.c.record_id.in_(select(_records.c.id).where(old))))
    tx.execute(delete(_records).where(old))


_COLUMNS = tuple(column.name for column in _records.columns if column.name != "id")


def _kept(tx: Connection, row: Any) -> Kept:
    names = tx.execute(select(_names.c.name).where(_names.c.record_id == row.id)).scalars()
    values = {name: getattr(row, name) for name in _COLUMNS}
    return Kept(**values, names=tuple(names), id=row.id)
