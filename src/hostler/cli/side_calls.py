"""The calls that each deployment of an endpoint had while there were two of them.

Invariant: what is told is what CloudWatch has by EndpointConfigName, minute by minute; a number
that it has not is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

METRICS = {
    "Calls": ("Invocations", "Sum"),
    "Errors4XX": ("Invocation4XXErrors", "Sum"),
    "Errors5XX": ("Invocation5XXErrors", "Sum"),
    "LatencyP99Us": ("ModelLatency", "p99"),
}
UNKNOWN: Mapping[str, float | None] = dict.fromkeys(METRICS)
_FINE = ((timedelta(days=15), 60), (timedelta(days=63), 300))
"""How long CloudWatch keeps points of how many seconds; after that those of an hour."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when to count."""

    start: datetime
    end: datetime

    def period_s(self, now: datetime) -> int:
        """Of the finest points that are kept for so long."""
        age = now - self.start
        return next((period for kept, period in _FINE if age <= kept), 3600)


def count(
    client: Any, endpoint: str, fleets: Sequence[dict[str, Any]], window: Window, now: datetime
) -> None:
    """Fill in the calls of fleets, each a mapping with ``Config`` and ``Variant``.

    The p99 is that of the worst minute.
    """
    if not fleets:
        return
    period_s = window.period_s(now)
    queries = [
        _query(f"m{number}_{name.lower()}", endpoint, fleet, METRICS[name], period_s)
        for number, fleet in enumerate(fleets)
        for name in METRICS
    ]
    answer = client.get_metric_data(
        MetricDataQueries=queries, StartTime=window.start, EndTime=window.end
    )
    values = {each["Id"]: each["Values"] for each in answer["MetricDataResults"]}
    for number, fleet in enumerate(fleets):
        for name, (_metric, statistic) in METRICS.items():
            found = values.get(f"m{number}_{name.lower()}")
            if found:
                fleet[name] = sum(found) if statistic == "Sum" else max(found)


def row(fleet: Mapping[str, Any]) -> Sequence[str]:
    """CALLS, 4XX, 5XX and P99 as a table shows them."""
    calls, latency = fleet["Calls"], fleet["LatencyP99Us"]
    return (
        "" if calls is None else f"{calls:.0f}",
        *(_errors(fleet[name], calls) for name in ("Errors4XX", "Errors5XX")),
        "" if latency is None else f"{latency / 1000:.1f} ms",
    )


def _errors(number: float | None, calls: float | None) -> str:
    if number is None:
        return ""
    return f"{number:.0f} ({number / calls:.1%})" if number and calls else f"{number:.0f}"


def _query(
    name: str, endpoint: str, fleet: Mapping[str, Any], metric: tuple[str, str], period_s: int
) -> dict[str, Any]:
    dimensions = {
        "EndpointName": endpoint,
        "VariantName": fleet["Variant"],
        "EndpointConfigName": fleet["Config"],
    }
    given = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric[0], "Dimensions": given},
            "Period": period_s,
            "Stat": metric[1],
        },
    }
