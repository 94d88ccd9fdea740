"""Which metrics there are: by namespace, name and dimensions, in pages.

Invariant: a page continues after the last metric of the one before, in the order of namespace, name
and dimensions; what came meanwhile is met or not, and nothing is met twice.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select, tuple_

from hostler.telemetry.metric_schema import dimensions, series
from hostler.telemetry.metrics import ACTIVE_STEP_S, Metric

Place = tuple[str, str, str]
"""A metric's place in the order: namespace, name, ``Metric.text``."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of an account's metrics. A dimension without a value (None) may have any.

    ``active_since_s``: those that something was written to since, or up to ten minutes before:
    CloudWatch says that some are listed whose last value is up to 50 minutes too old
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html).
    """

    namespace: str | None = None
    name: str | None = None
    dimensions: tuple[tuple[str, str | None], ...] = ()
    active_since_s: float = 0.0


def listed(
    tx: Connection,
    account: str,
    region: str,
    wanted: Filter,
    *,
    after: Place | None,
    limit: int,
) -> Sequence[Metric]:
    """At most ``limit`` metrics after a place."""
    order = (series.c.namespace, series.c.name, series.c.dimensions)
    query = select(*order).where(
        series.c.account == account,
        series.c.region == region,
        series.c.active_s >= wanted.active_since_s - ACTIVE_STEP_S,
    )
    if wanted.namespace is not None:
        query = query.where(series.c.namespace == wanted.namespace)
    if wanted.name is not None:
        query = query.where(series.c.name == wanted.name)
    for name, value in wanted.dimensions:
        has = (dimensions.c.series_id == series.c.id) & (dimensions.c.name == name)
        query = query.where(
            exists().where(has if value is None else has & (dimensions.c.value == value))
        )
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(*after))
    found = tx.execute(query.order_by(*order).limit(limit))
    return [
        Metric(account, region, row.namespace, row.name, _pairs(row.dimensions)) for row in found
    ]


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))
