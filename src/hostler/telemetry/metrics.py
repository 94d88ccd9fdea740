"""Metrics: writing points to their series, and reading a series' points again.

Invariant: what is written in one transaction is merged with what is there, so a batch counts once
if its transaction is committed once. Functions run inside a transaction of the metrics' own
database; times are seconds since the epoch.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    insert,
    null,
    select,
    tuple_,
    update,
)

from hostler.domain.batches import batched
from hostler.telemetry import levels, points, units
from hostler.telemetry.metric_schema import dimensions, metadata, positions, series
from hostler.telemetry.metric_schema import points as point_rows
from hostler.telemetry.points import Point

__all__ = ["Metric", "Sample", "metadata", "put", "read"]

CHUNK = 500
"""Keys that one statement looks for."""
ACTIVE_STEP_S = 600
"""How far behind a series' last activity may be recorded: to note it costs more than its points."""
MOMENT_KEYS = 8
"""From so many keys to a moment on, moment by moment is the faster way to find them."""
_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class Metric:
    """Whose numbers; ``dimensions`` are (name, value) in the order of names (``metric``)."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The dimensions as the store orders them."""
        return json.dumps(self.dimensions, ensure_ascii=False, separators=(",", ":"))

    @property
    def digest(self) -> bytes:
        whole = [self.account, self.region, self.namespace, self.name, self.dimensions]
        return blake2b(json.dumps(whole).encode(), digest_size=_KEY_BYTES).digest()


def metric(
    account: str, region: str, namespace: str, name: str, given: Iterable[tuple[str, str]]
) -> Metric:
    """A metric of its dimensions in any order."""
    return Metric(account, region, namespace, name, tuple(sorted(given)))


class Sample(NamedTuple):
    """Values to be written: ``time_s`` may be anywhere in its interval of ``resolution_s``."""

    metric: Metric
    time_s: float
    resolution_s: int
    unit: str
    point: Point


class Key(NamedTuple):
    """The primary key of a point."""

    series_id: int
    resolution_s: int
    time_s: int
    unit: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A point that is kept: its time, the level it is at and its unit."""

    time_s: int
    resolution_s: int
    unit: str
    point: Point


_KEY_COLUMNS = (
    point_rows.c.series_id,
    point_rows.c.resolution_s,
    point_rows.c.time_s,
    point_rows.c.unit,
)
_CHANGE = (
    update(point_rows)
    .where(*(column == bindparam(f"key_{column.name}") for column in _KEY_COLUMNS))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("number", "total", "least", "greatest", "sketch")
        }
    )
)
DROP = delete(point_rows).where(
    *(column == bindparam(f"key_{column.name}") for column in _KEY_COLUMNS)
)


def put(tx: Connection, samples: Sequence[Sample], now_s: float) -> None:
    """Write samples: each at the level of its age; what is beyond every level is left out."""
    merge(tx, _keyed(tx, samples, now_s))


def put_missing(tx: Connection, samples: Sequence[Sample], now_s: float) -> None:
    """Write samples where there is no point yet."""
    new = _keyed(tx, samples, now_s)
    there = present(tx, new)
    _insert(tx, {key: point for key, point in new.items() if key not in there})


def _keyed(tx: Connection, samples: Sequence[Sample], now_s: float) -> dict[Key, Point]:
    """The points that samples make, by where they belong; their series are made."""
    placed = []
    for sample in samples:
        level = levels.place(sample.time_s, sample.resolution_s, now_s)
        if level is not None:
            placed.append((level, sample))
    ids = _series_ids(tx, {sample.metric for _, sample in placed}, int(now_s))
    new: dict[Key, Point] = {}
    for level, sample in placed:
        time_s = levels.start_of(sample.time_s, level)
        key = Key(ids[sample.metric], level, time_s, units.NUMBERS[sample.unit])
        there = new.get(key)
        new[key] = sample.point if there is None else points.merged(there, sample.point)
    return new


def merge(tx: Connection, new: Mapping[Key, Point]) -> None:
    """Add points to those that are there."""
    found = present(tx, new)
    changed = {key: points.merged(point, new[key]) for key, point in found.items()}
    if changed:
        rows = [_columns(point, "new_") | _key(key) for key, point in changed.items()]
        tx.execute(_CHANGE, rows)
    _insert(tx, {key: point for key, point in new.items() if key not in found})


def _insert(tx: Connection, new: Mapping[Key, Point]) -> None:
    made = [key._asdict() | _columns(point, "") for key, point in new.items()]
    if made:
        tx.execute(insert(point_rows), made)


def present(tx: Connection, keys: Collection[Key]) -> dict[Key, Point]:
    """The points that are there, of some keys."""
    found: dict[Key, Point] = {}
    for condition in _conditions(keys):
        for row in tx.execute(select(point_rows).where(condition)):
            found[Key(row.series_id, row.resolution_s, row.time_s, row.unit)] = points.stored(
                row.number, row.total, row.least, row.greatest, row.sketch
            )
    return found


def _conditions(keys: Collection[Key]) -> Iterator[ColumnElement[bool]]:
    """Which points have these keys: of many of one moment their series tell it."""
    moments: dict[tuple[int, int, int], list[int]] = {}
    for key in keys:
        moments.setdefault((key.resolution_s, key.time_s, key.unit), []).append(key.series_id)
    if len(moments) * MOMENT_KEYS > len(keys):
        for some in batched(keys, CHUNK):
            yield tuple_(*_KEY_COLUMNS).in_(some)
        return
    in_series, *of_moment = _KEY_COLUMNS
    for moment, ids in moments.items():
        same = [column == value for column, value in zip(of_moment, moment, strict=True)]
        for chunk in batched(ids, CHUNK):
            yield and_(in_series.in_(chunk), *same)


def drop(tx: Connection, keys: Sequence[Key]) -> None:
    """Delete points."""
    if keys:
        tx.execute(DROP, [_key(key) for key in keys])


def read(
    tx: Connection,
    metric: Metric,
    *,
    period_s: int,
    start_s: float,
    end_s: float,
    unit: str | None = None,
    sketches: bool = False,
) -> Sequence[Reading]:
    """The points that make up a period, in the order of time: ``start_s`` inclusive, ``end_s`` not.

    Args:
        tx: A transaction.
        metric: Whose.
        period_s: What they will be summed to: levels that do not divide it have none.
        start_s: Of the points' own beginnings.
        end_s: The same.
        unit: Only those of a unit; None for all.
        sketches: Read them too (for percentiles); else points have none.
    """
    sketch = point_rows.c.sketch if sketches else null().label("sketch")
    query = (
        select(
            point_rows.c.time_s,
            point_rows.c.resolution_s,
            point_rows.c.unit,
            point_rows.c.number,
            point_rows.c.total,
            point_rows.c.least,
            point_rows.c.greatest,
            sketch,
        )
        .join(series, series.c.id == point_rows.c.series_id)
        .where(
            series.c.digest == metric.digest,
            point_rows.c.resolution_s.in_(
                [level.resolution_s for level in levels.dividing(period_s)]
            ),
            point_rows.c.time_s >= start_s,
            point_rows.c.time_s < end_s,
        )
        .order_by(point_rows.c.time_s)
    )
    if unit is not None:
        query = query.where(point_rows.c.unit == units.NUMBERS[unit])
    return [
        Reading(
            row.time_s,
            row.resolution_s,
            units.NAMES[row.unit],
            points.stored(row.number, row.total, row.least, row.greatest, row.sketch),
        )
        for row in tx.execute(query)
    ]


def position(tx: Connection, source: str) -> str:
    """How far a source was read; empty when it never was."""
    query = select(positions.c.position).where(positions.c.source == source)
    return tx.execute(query).scalar() or ""


def move(tx: Connection, source: str, position: str) -> None:
    """Say how far a source was read."""
    forget(tx, source)
    tx.execute(insert(positions).values(source=source, position=position))


def sources(tx: Connection) -> Sequence[str]:
    """Every source that a position is kept for."""
    return list(tx.execute(select(positions.c.source)).scalars())


def forget(tx: Connection, source: str) -> None:
    """Drop a source's position: the source is gone."""
    tx.execute(delete(positions).where(positions.c.source == source))


def _series_ids(tx: Connection, wanted: set[Metric], now_s: int) -> dict[Metric, int]:
    """The series of metrics, made where they are not there; all are active now."""
    by_digest = {metric.digest: metric for metric in wanted}
    found: dict[Metric, int] = {}
    stale: list[int] = []
    for row in _rows(tx, by_digest):
        found[by_digest[row.digest]] = row.id
        if row.active_s <= now_s - ACTIVE_STEP_S:
            stale.append(row.id)
    for ids in batched(stale, CHUNK):
        tx.execute(update(series).where(series.c.id.in_(ids)).values(active_s=now_s))
    if missing := {digest: each for digest, each in by_digest.items() if each not in found}:
        found |= _create(tx, missing, now_s)
    return found


def _rows(tx: Connection, digests: Collection[bytes]) -> Iterator[Any]:
    query = select(series.c.id, series.c.digest, series.c.active_s)
    for chunk in batched(digests, CHUNK):
        yield from tx.execute(query.where(series.c.digest.in_(chunk)))


def _create(tx: Connection, missing: Mapping[bytes, Metric], now_s: int) -> dict[Metric, int]:
    rows: list[dict[str, Any]] = [
        {
            "digest": digest,
            "account": metric.account,
            "region": metric.region,
            "namespace": metric.namespace,
            "name": metric.name,
            "dimensions": metric.text,
            "active_s": now_s,
        }
        for digest, metric in sorted(missing.items())
    ]
    tx.execute(insert(series), rows)
    made = {missing[row.digest]: int(row.id) for row in _rows(tx, missing)}
    rows = [
        {"series_id": series_id, "name": name, "value": value}
        for metric, series_id in made.items()
        for name, value in metric.dimensions
    ]
    if rows:
        tx.execute(insert(dimensions), rows)
    return made


def _key(key: Key) -> dict[str, Any]:
    return {f"key_{name}": value for name, value in key._asdict().items()}


def _columns(point: Point, prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}number": point.count,
        f"{prefix}total": point.total,
        f"{prefix}least": point.least,
        f"{prefix}greatest": point.greatest,
        f"{prefix}sketch": point.encoded(),
    }
