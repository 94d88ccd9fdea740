"""Log groups and streams, and what is appended to them.

Invariant: what was read of a source and how far it was read are written in one transaction, so each
line arrives exactly once. Functions run inside a transaction of the logs' own database; times are
milliseconds since the epoch, as in CloudWatch Logs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from hostler.telemetry.log_sizes import EVENT_OVERHEAD_BYTES
from hostler.telemetry.schema import events, groups, metadata, positions, streams

__all__ = ["Event", "Group", "Stream", "append", "metadata"]


@dataclass(frozen=True, slots=True)
class Group:
    """A log group."""

    id: int
    account: str
    region: str
    name: str
    created_ms: int
    retention_days: int | None
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Stream:
    """A log stream; the event times are None until something is written."""

    id: int
    group_id: int
    name: str
    created_ms: int
    first_event_ms: int | None
    last_event_ms: int | None
    last_ingestion_ms: int | None
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Event:
    """One line: when it was written, and what it says."""

    time_ms: int
    message: str


def group(tx: Connection, account: str, region: str, name: str) -> Group | None:
    """The group of a name."""
    query = select(groups, _stored(groups.c.id)).where(
        groups.c.account == account, groups.c.region == region, groups.c.name == name
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else _group(row)


def create_group(tx: Connection, account: str, region: str, name: str, now_ms: int) -> int:
    """Make a group; the caller has seen that the name is free. Returns its id."""
    made = tx.execute(
        insert(groups).values(account=account, region=region, name=name, created_ms=now_ms)
    )
    return _key(made.inserted_primary_key)


def groups_after(
    tx: Connection,
    account: str,
    region: str,
    *,
    prefix: str = "",
    containing: str = "",
    after: str = "",
    limit: int = 50,
) -> Sequence[Group]:
    """Groups by name, at most ``limit``, after the name ``after``."""
    query = select(groups, _stored(groups.c.id)).where(
        groups.c.account == account, groups.c.region == region, groups.c.name > after
    )
    # LIKE is caseless in SQLite, and names are not.
    if prefix:
        query = query.where(func.substr(groups.c.name, 1, len(prefix)) == prefix)
    if containing:
        query = query.where(func.replace(groups.c.name, containing, "") != groups.c.name)
    return [_group(row) for row in tx.execute(query.order_by(groups.c.name).limit(limit))]


def set_retention(tx: Connection, group_id: int, days: int | None) -> None:
    """Keep events for so many days; None for ever."""
    tx.execute(update(groups).where(groups.c.id == group_id).values(retention_days=days))


def stream(tx: Connection, group_id: int, name: str) -> Stream | None:
    """The stream of a name."""
    query = select(streams).where(streams.c.group_id == group_id, streams.c.name == name)
    row = tx.execute(query).one_or_none()
    return None if row is None else _stream(row)


def create_stream(tx: Connection, group_id: int, name: str, now_ms: int) -> int:
    """Make a stream; the caller has seen that the name is free. Returns its id."""
    made = tx.execute(
        insert(streams).values(group_id=group_id, name=name, created_ms=now_ms, stored_bytes=0)
    )
    return _key(made.inserted_primary_key)


def streams_by_name(
    tx: Connection, group_id: int, *, prefix: str, descending: bool, after: str | None, limit: int
) -> Sequence[Stream]:
    """Streams by name."""
    name = streams.c.name
    query = select(streams).where(streams.c.group_id == group_id)
    if prefix:
        query = query.where(func.substr(name, 1, len(prefix)) == prefix)
    if after is not None:
        query = query.where(name < after if descending else name > after)
    query = query.order_by(name.desc() if descending else name.asc()).limit(limit)
    return [_stream(row) for row in tx.execute(query)]


def streams_by_last_event(
    tx: Connection,
    group_id: int,
    *,
    descending: bool,
    after: tuple[int, int] | None,
    limit: int,
) -> Sequence[Stream]:
    """Streams by the time of their last event (those without one count as 0), then by id."""
    time = func.coalesce(streams.c.last_event_ms, 0)
    query = select(streams).where(streams.c.group_id == group_id)
    if after is not None:
        ms, row_id = after
        beyond = time < ms if descending else time > ms
        further = streams.c.id < row_id if descending else streams.c.id > row_id
        query = query.where(beyond | ((time == ms) & further))
    columns = (time, streams.c.id)
    query = query.order_by(*(c.desc() if descending else c.asc() for c in columns)).limit(limit)
    return [_stream(row) for row in tx.execute(query)]


def append(
    tx: Connection, group_id: int, stream_id: int, lines: Sequence[Event], now_ms: int
) -> None:
    """Write events to a stream."""
    if not lines:
        return
    tx.execute(
        insert(events),
        [
            {
                "group_id": group_id,
                "stream_id": stream_id,
                "time_ms": line.time_ms,
                "ingested_ms": now_ms,
                "message": line.message,
            }
            for line in lines
        ],
    )
    first, last = min(line.time_ms for line in lines), max(line.time_ms for line in lines)
    size = sum(len(line.message.encode()) + EVENT_OVERHEAD_BYTES for line in lines)
    before = tx.execute(select(streams).where(streams.c.id == stream_id)).one()
    tx.execute(
        update(streams)
        .where(streams.c.id == stream_id)
        .values(
            first_event_ms=first
            if before.first_event_ms is None
            else min(first, before.first_event_ms),
            last_event_ms=max(last, before.last_event_ms or 0),
            last_ingestion_ms=now_ms,
            stored_bytes=before.stored_bytes + size,
        )
    )


def ingest(
    tx: Connection,
    *,
    account: str,
    region: str,
    group_name: str,
    stream_name: str,
    lines: Sequence[Event],
    source: str,
    before: str,
    after: str,
    now_ms: int,
) -> bool:
    """Append what was read of a source between two positions; False if that was done already.

    The group and the stream are made when they are not there.
    """
    if position(tx, source) != before:
        return False
    write(
        tx,
        account=account,
        region=region,
        group_name=group_name,
        stream_name=stream_name,
        lines=lines,
        now_ms=now_ms,
    )
    forget(tx, source)
    tx.execute(insert(positions).values(source=source, position=after))
    return True


def write(
    tx: Connection,
    *,
    account: str,
    region: str,
    group_name: str,
    stream_name: str,
    lines: Sequence[Event],
    now_ms: int,
) -> None:
    """Append to a stream; it and its group are made when they are not there."""
    found = group(tx, account, region, group_name)
    group_id = create_group(tx, account, region, group_name, now_ms) if found is None else found.id
    into = stream(tx, group_id, stream_name)
    stream_id = create_stream(tx, group_id, stream_name, now_ms) if into is None else into.id
    append(tx, group_id, stream_id, lines, now_ms)


def position(tx: Connection, source: str) -> str:
    """How far a source was read; empty when it never was."""
    query = select(positions.c.position).where(positions.c.source == source)
    return tx.execute(query).scalar() or ""


def sources(tx: Connection) -> Sequence[str]:
    """Every source that a position is kept for."""
    return list(tx.execute(select(positions.c.source)).scalars())


def forget(tx: Connection, source: str) -> None:
    """Drop a source's position: the source is gone."""
    tx.execute(delete(positions).where(positions.c.source == source))


def _stored(group_id: Any) -> Any:
    total = select(func.coalesce(func.sum(streams.c.stored_bytes), 0))
    return total.where(streams.c.group_id == group_id).scalar_subquery().label("stored_bytes")


def _key(key: Any) -> int:
    assert key is not None
    return int(key[0])


def _group(row: Row[Any]) -> Group:
    return Group(
        row.id,
        row.account,
        row.region,
        row.name,
        row.created_ms,
        row.retention_days,
        row.stored_bytes,
    )


def _stream(row: Row[Any]) -> Stream:
    return Stream(
        row.id,
        row.group_id,
        row.name,
        row.created_ms,
        row.first_event_ms,
        row.last_event_ms,
        row.last_ingestion_ms,
        row.stored_bytes,
    )
