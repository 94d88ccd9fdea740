"""What happened to alarms.

Invariant: an alarm's history outlives the alarm, and is bounded by its age and its length.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Float,
    Index,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
)

from hostler.domain.alarm import AlarmKind, HistoryItem, HistoryType
from hostler.store.control_metadata import ROW_ID, metadata
from hostler.store.database import Transaction

ITEMS_MAX = 2_000
"""Of one alarm; the oldest go first."""
KEPT_S = 30 * 86_400

history = Table(
    "alarm_history",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("type", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("data", Text, nullable=False),
    Index("alarm_history_by_name", "account", "region", "name", "id"),
    Index("alarm_history_by_time", "at"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of an account's history; ``start`` and ``end`` inclusive, in epoch seconds."""

    kinds: Sequence[AlarmKind] = (AlarmKind.METRIC,)
    name: str | None = None
    type: HistoryType | None = None
    start: float | None = None
    end: float | None = None


def note(tx: Transaction, account: str, region: str, item: HistoryItem) -> None:
    """Write something down in an alarm's history."""
    row = {"account": account, "region": region, **_item_columns(item)}
    tx.execute(insert(history), row)
    its = (
        history.c.account == account,
        history.c.region == region,
        history.c.name == item.name,
    )
    newest = select(history.c.id).where(*its).order_by(history.c.id.desc())
    first_too_old = newest.offset(ITEMS_MAX).limit(1).scalar_subquery()
    tx.execute(delete(history).where(*its, history.c.id <= first_too_old))


def page(
    tx: Transaction,
    account: str,
    region: str,
    wanted: Filter,
    *,
    descending: bool,
    after: int | None,
    limit: int,
) -> Sequence[tuple[int, HistoryItem]]:
    """At most ``limit`` items with their numbers, from behind a number on."""
    query = select(history).where(
        history.c.account == account,
        history.c.region == region,
        history.c.kind.in_([kind.value for kind in wanted.kinds]),
    )
    if wanted.name is not None:
        query = query.where(history.c.name == wanted.name)
    if wanted.type is not None:
        query = query.where(history.c.type == wanted.type.value)
    if wanted.start is not None:
        query = query.where(history.c.at >= wanted.start)
    if wanted.end is not None:
        query = query.where(history.c.at <= wanted.end)
    if after is not None:
        query = query.where(history.c.id < after if descending else history.c.id > after)
    order = history.c.id.desc() if descending else history.c.id.asc()
    rows = tx.execute(query.order_by(order).limit(limit))
    return [
        (
            row.id,
            HistoryItem(
                row.name,
                AlarmKind(row.kind),
                row.at,
                HistoryType(row.type),
                row.summary,
                row.data,
            ),
        )
        for row in rows
    ]


def forget(tx: Transaction, before: float) -> None:
    """Drop the history of before a time."""
    tx.execute(delete(history).where(history.c.at < before))


def _item_columns(item: HistoryItem) -> dict[str, object]:
    return {
        "name": item.name,
        "kind": item.kind.value,
        "at": item.at,
        "type": item.type.value,
        "summary": item.summary,
        "data": item.data,
    }
