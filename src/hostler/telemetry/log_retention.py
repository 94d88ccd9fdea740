"""Deletes events past their retention, and those of groups and streams that are gone.

Invariant: a group or stream is gone for everybody as soon as it is deleted, in a transaction of a
few rows; its events follow in turns of a bounded size, so that no deletion, however large, holds up
those who write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    cast,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from hostler.domain.batches import batched
from hostler.telemetry.log_sizes import DAY_MS, EVENT_OVERHEAD_BYTES
from hostler.telemetry.schema import events, groups, streams, tags

EVENTS_MAX = 10_000
GROUPS_MAX = 200
"""What one turn deletes and looks at."""
CHUNK = 500
END_OF_TIME_MS = 2**62
NOBODY = ""
"""The account of groups that are gone, which no caller has."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn did: events deleted, and the group to go on behind (0: the first)."""

    deleted: int
    behind: int


def drop_group(tx: Connection, group_id: int) -> None:
    """Make a group disappear, with all that is in it; its name is free."""
    gone = {"account": NOBODY, "region": NOBODY, "name": str(group_id), "retention_days": None}
    tx.execute(update(groups).where(groups.c.id == group_id).values(gone))
    tx.execute(delete(tags).where(tags.c.group_id == group_id))


def drop_stream(tx: Connection, stream_id: int, now_ms: int) -> None:
    """Make a stream disappear, with all that is in it; its name is free."""
    found = tx.execute(select(groups.c.id).where(groups.c.account == NOBODY, groups.c.name == ""))
    bin_id = found.scalar()
    if bin_id is None:
        values = {"account": NOBODY, "region": NOBODY, "name": "", "created_ms": now_ms}
        made = tx.execute(insert(groups).values(values)).inserted_primary_key
        assert made is not None
        bin_id = made[0]
    moved = {"group_id": bin_id, "name": str(stream_id)}
    tx.execute(update(streams).where(streams.c.id == stream_id).values(moved))


def turn(tx: Connection, now_ms: int, behind: int, bytes_max: int | None = None) -> Turn:
    """Delete what is gone or too much, and look at the groups that follow ``behind``.

    Of what is more than ``bytes_max`` the group that holds the most loses its oldest events.
    """
    deleted = _empty(tx, EVENTS_MAX)
    if bytes_max is not None:
        deleted += _shrink(tx, bytes_max, EVENTS_MAX - deleted)
    query = (
        select(groups.c.id, groups.c.retention_days)
        .where(groups.c.id > behind, groups.c.retention_days.is_not(None))
        .order_by(groups.c.id)
        .limit(GROUPS_MAX)
    )
    found = tx.execute(query).all()
    for row in found:
        if deleted >= EVENTS_MAX:
            return Turn(deleted, behind)
        oldest = now_ms - row.retention_days * DAY_MS
        deleted += _expire(tx, row.id, oldest, EVENTS_MAX - deleted)
        behind = row.id
    return Turn(deleted, behind if len(found) == GROUPS_MAX else 0)


def _shrink(tx: Connection, bytes_max: int, limit: int) -> int:
    """Delete some of what is too much."""
    size = func.sum(streams.c.stored_bytes).label("size")
    by_group = select(streams.c.group_id, size).group_by(streams.c.group_id)
    held = tx.execute(by_group.order_by(size.desc())).all()
    if limit <= 0 or sum(row.size for row in held) <= bytes_max:
        return 0
    return _expire(tx, held[0].group_id, END_OF_TIME_MS, limit)


def _expire(tx: Connection, group_id: int, oldest_ms: int, limit: int) -> int:
    """Delete a group's oldest events; their streams shrink."""
    size = func.length(cast(events.c.message, LargeBinary)) + EVENT_OVERHEAD_BYTES
    query = (
        select(events.c.id, events.c.stream_id, size.label("size"))
        .where(events.c.group_id == group_id, events.c.time_ms < oldest_ms)
        .order_by(events.c.time_ms)
        .limit(limit)
    )
    freed: dict[int, int] = {}
    found = tx.execute(query).all()
    for row in found:
        freed[row.stream_id] = freed.get(row.stream_id, 0) + row.size
    for stream_id, number in freed.items():
        left = streams.c.stored_bytes - number
        tx.execute(update(streams).where(streams.c.id == stream_id).values(stored_bytes=left))
    _delete(tx, [row.id for row in found])
    return len(found)


def _empty(tx: Connection, limit: int) -> int:
    """Delete events of what is gone, and what has none any more."""
    query = (
        select(streams.c.id)
        .join(groups, groups.c.id == streams.c.group_id)
        .where(groups.c.account == NOBODY)
        .order_by(streams.c.id)
        .limit(GROUPS_MAX)
    )
    deleted = 0
    emptied: list[int] = []
    for stream_id in tx.execute(query).scalars().all():
        found = _ids(tx, events.c.stream_id == stream_id, limit - deleted)
        _delete(tx, found)
        deleted += len(found)
        if deleted >= limit:
            break
        emptied.append(stream_id)
    tx.execute(delete(streams).where(streams.c.id.in_(emptied)))
    left = exists().where(streams.c.group_id == groups.c.id)
    named = exists().where(events.c.group_id == groups.c.id)  # of streams deleted before it
    tx.execute(delete(groups).where(groups.c.account == NOBODY, ~left, ~named))
    return deleted


def _ids(tx: Connection, condition: ColumnElement[bool], limit: int) -> Sequence[Any]:
    query = select(events.c.id).where(condition).order_by(events.c.time_ms).limit(limit)
    return tx.execute(query).scalars().all()


def _delete(tx: Connection, ids: Sequence[Any]) -> None:
    for chunk in batched(ids, CHUNK):
        tx.execute(delete(events).where(events.c.id.in_(chunk)))
