"""What is to be watched, read from the structures in which CloudWatch and Auto Scaling name it.

Invariant: pure; what is read was validated against its service's model.
"""

from collections.abc import Mapping
from typing import Any

from hostler.domain.alarm import AlarmQuery, MetricStatistic


def dimensions(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The dimensions that a metric is named with, in their order."""
    return tuple((each["Name"], each["Value"]) for each in given.get("Dimensions") or ())


def query(given: Mapping[str, Any], period_s: int | None = None) -> AlarmQuery:
    """An element of ``Metrics``.

    Args:
        given: CloudWatch's MetricDataQuery, or Auto Scaling's TargetTrackingMetricDataQuery.
        period_s: Of a metric's statistic, where the structure has none.
    """
    stat = given.get("MetricStat")
    metric = None
    if stat is not None:
        of = stat["Metric"]
        metric = MetricStatistic(
            of["Namespace"],
            of["MetricName"],
            dimensions(of),
            stat["Stat"],
            stat["Period"] if period_s is None else period_s,
            stat.get("Unit"),
        )
    return AlarmQuery(
        given["Id"],
        metric,
        given.get("Expression"),
        given.get("Label"),
        given.get("ReturnData"),
        given.get("Period"),
    )
