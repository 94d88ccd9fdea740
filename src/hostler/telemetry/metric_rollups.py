"""Moves old points to coarser levels, and deletes what is past the coarsest.

Invariant: a point leaves its level in the transaction in which it is merged into the next one, so
each value is at one level, whoever dies in between; a turn does a bounded amount of work, and the
next one goes on behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, select

from hostler.telemetry import levels, metrics, points
from hostler.telemetry.levels import Level
from hostler.telemetry.metric_schema import dimensions, series
from hostler.telemetry.metric_schema import points as point_rows
from hostler.telemetry.metrics import Key

SERIES_MAX = 200
POINTS_MAX = 2_000
"""What one turn looks at and moves."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn did: points moved or deleted, and the series to go on behind (0: the first)."""

    moved: int
    behind: int


def turn(tx: Connection, now_s: float, behind: int) -> Turn:
    """Look at the series that follow ``behind``."""
    query = select(series.c.id).where(series.c.id > behind).order_by(series.c.id).limit(SERIES_MAX)
    ids = list(tx.execute(query).scalars())
    moved = 0
    for level in levels.LEVELS:
        moved += _leave(tx, level, ids, now_s, POINTS_MAX - moved)
        if moved >= POINTS_MAX:
            return Turn(moved, behind)
    _end(tx, ids, now_s)
    return Turn(moved, ids[-1] if len(ids) == SERIES_MAX else 0)


def _leave(tx: Connection, level: Level, ids: Sequence[int], now_s: float, limit: int) -> int:
    """Move a level's old points of some series; whole intervals of the next level at a time."""
    before_s = levels.start_of(now_s - level.kept_s, level.then_s or level.resolution_s)
    old = (
        select(point_rows)
        .where(
            point_rows.c.series_id.in_(ids),
            point_rows.c.resolution_s == level.resolution_s,
            point_rows.c.time_s < before_s,
        )
        .limit(limit)
    )
    gone: list[Key] = []
    new: dict[Key, points.Point] = {}
    for row in tx.execute(old):
        gone.append(Key(row.series_id, row.resolution_s, row.time_s, row.unit))
        if level.then_s is not None:
            start_s = levels.start_of(row.time_s, level.then_s)
            key = Key(row.series_id, level.then_s, start_s, row.unit)
            point = points.stored(row.number, row.total, row.least, row.greatest, row.sketch)
            there = new.get(key)
            new[key] = point if there is None else points.merged(there, point)
    metrics.merge(tx, new)
    metrics.drop(tx, gone)
    return len(gone)


def _end(tx: Connection, ids: Sequence[int], now_s: float) -> None:
    """Delete series that have no point any more, and can have none from the past."""
    long_ago_s = now_s - levels.LEVELS[-1].kept_s
    empty = ~exists().where(point_rows.c.series_id == series.c.id)
    query = select(series.c.id).where(series.c.id.in_(ids), series.c.active_s < long_ago_s, empty)
    ended = list(tx.execute(query).scalars())
    if ended:
        tx.execute(delete(dimensions).where(dimensions.c.series_id.in_(ended)))
        tx.execute(delete(series).where(series.c.id.in_(ended)))
