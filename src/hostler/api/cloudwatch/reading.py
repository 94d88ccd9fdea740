"""What GetMetricStatistics and GetMetricData have in common: a metric's points for a period.

Invariant: a period sees what CloudWatch still keeps for it, whether or not the housekeeper has come
by already. A call's times are no more than there can be data for, however long it asks: FILL has a
value at each.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hostler.api.cloudwatch import put
from hostler.api.registry import Call
from hostler.planning import alarm_queries
from hostler.store.database import Transaction
from hostler.telemetry import levels, metrics, points, timelines
from hostler.telemetry.metrics import Metric, Reading


def metric_of(call: Call, given: Mapping[str, Any]) -> Metric:
    """The metric that a structure names by Namespace, MetricName and Dimensions."""
    pairs = alarm_queries.dimensions(given)
    return metrics.metric(call.account, call.region, given["Namespace"], given["MetricName"], pairs)


def times_of(call: Call, period_s: int) -> range:
    """The times of a call's data points, from the oldest that is kept to the newest that may be."""
    start = levels.rounded_start(call.params["StartTime"], period_s, call.now)
    unseen_s = levels.seen_since(period_s, call.now) - start
    if unseen_s > 0:
        start += int(unseen_s // period_s) * period_s
    return timelines.grid(start, min(call.params["EndTime"], call.now + put.NEW_S), period_s)


def readings(
    tx: Transaction,
    call: Call,
    metric: Metric,
    times: range,
    *,
    unit: str | None,
    statistics: Iterable[str],
) -> Sequence[Reading]:
    """The points that make up a call's data points."""
    return metrics.read(
        tx,
        metric,
        period_s=times.step,
        start_s=max(times.start, levels.seen_since(times.step, call.now)),
        end_s=call.params["EndTime"],
        unit=unit,
        sketches=any(points.percent_of(name) is not None for name in statistics),
    )
