"""GetMetricStatistics: one metric, several statistics, at most 1,440 data points.

Invariant: values of different units are never added up: each unit has its own data points.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.cloudwatch import reading, refusals
from hostler.api.registry import Call
from hostler.store.database import Transaction
from hostler.telemetry import levels, points, timelines
from hostler.telemetry.points import Point

DATAPOINTS_MAX = 1440


def get(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """GetMetricStatistics."""
    plain: Sequence[str] = call.params.get("Statistics") or ()
    extended: Sequence[str] = call.params.get("ExtendedStatistics") or ()
    _check(call, plain, extended)
    metric = reading.metric_of(call, call.params)
    times = reading.times_of(call, call.params["Period"])
    found = reading.readings(
        tx, call, metric, times, unit=call.params.get("Unit"), statistics=extended
    )
    shown = []
    for unit in sorted({each.unit for each in found}):
        binned = timelines.binned((each for each in found if each.unit == unit), times)
        for at, point in binned.items():
            shown.append({"Timestamp": at, "Unit": unit, **_values(point, plain, extended)})
    shown.sort(key=lambda datapoint: datapoint["Timestamp"])
    return {"Label": metric.name, "Datapoints": shown}


def _values(point: Point, plain: Sequence[str], extended: Sequence[str]) -> Mapping[str, Any]:
    values: dict[str, Any] = {name: points.statistic(point, name) for name in plain}
    percentiles = {name: points.statistic(point, name) for name in extended}
    known = {name: value for name, value in percentiles.items() if value is not None}
    if known:
        values["ExtendedStatistics"] = known
    return values


def _check(call: Call, plain: Sequence[str], extended: Sequence[str]) -> None:
    params = call.params
    if not plain and not extended:
        raise refusals.missing("Must specify either Statistics or ExtendedStatistics.")
    if plain and extended:
        raise refusals.contradictory(
            "Must specify either Statistics or ExtendedStatistics, but not both."
        )
    for name in extended:
        if points.percent_of(name) is None:
            raise refusals.invalid(
                f"The value {name} for parameter ExtendedStatistics is not supported: percentiles "
                "are written p0 to p100, as in p99.9."
            )
    period_s: int = params["Period"]
    if not levels.is_period(period_s):
        raise refusals.invalid(
            f"The value {period_s} for parameter Period is invalid: it must be 1, 5, 10, 20, 30 or "
            "a multiple of 60."
        )
    span_s = params["EndTime"] - params["StartTime"]
    if span_s <= 0:
        raise refusals.invalid("The parameter StartTime must be less than the parameter EndTime.")
    asked = int(span_s // period_s)
    if asked > DATAPOINTS_MAX:
        raise refusals.contradictory(
            f"You have requested up to {asked:,} datapoints, which exceeds the limit of "
            f"{DATAPOINTS_MAX:,}. You may reduce the datapoints requested by increasing Period, or "
            "decreasing the time range."
        )
