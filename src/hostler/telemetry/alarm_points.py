"""The data points that an alarm is evaluated on.

Invariant: as many as the alarm's evaluation range, at regular times up to a given end; a period
without a value is None, whatever the reason.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import Connection

from hostler.domain.alarm import AlarmQuery, MetricAlarm, MetricStatistic
from hostler.planning import alarms
from hostler.planning.alarms import Datapoint
from hostler.telemetry import expressions, metrics, points, timelines
from hostler.telemetry.expressions import ExpressionError
from hostler.telemetry.metrics import Metric
from hostler.telemetry.points import Point
from hostler.telemetry.queries import Query, Values
from hostler.telemetry.timelines import Line

_parsed = lru_cache(maxsize=1000)(expressions.parse)
_SAMPLE = 2.0


def read(tx: Connection, alarm: MetricAlarm, end_s: int) -> Sequence[Datapoint | None]:
    """The points of an alarm's evaluation range, the newest last.

    Args:
        tx: A transaction of the metrics' database.
        alarm: The alarm.
        end_s: When the newest period ends, epoch seconds.
    """
    step = alarm.period_s
    times = range(end_s - alarms.evaluation_range(alarm) * step, end_s, step)
    if alarm.metric is not None:
        found = _of_metric(tx, alarm, alarm.metric, times)
    else:
        found = _of_expression(tx, alarm, times)
    return [found.get(at) for at in times]


def check(queries: Sequence[AlarmQuery]) -> None:
    """That queries, as an alarm has them, make one time series; raises ExpressionError."""
    times = range(0, 60, 60)
    asked = {each.id: _query(each) for each in queries}
    values = Values(asked, lambda query: Line({0: _SAMPLE}, times, query.label))
    lines = values.lines(_returned(queries))
    if len(lines) != 1:
        raise ExpressionError("its result must be one time series, not an array")


def _of_metric(
    tx: Connection, alarm: MetricAlarm, metric: MetricStatistic, times: range
) -> Mapping[int, Datapoint]:
    found = {}
    for at, point in _binned(tx, alarm, metric, times).items():
        value = points.statistic(point, metric.statistic)
        if value is not None:
            found[at] = Datapoint(at, value, point.count)
    return found


def _of_expression(tx: Connection, alarm: MetricAlarm, times: range) -> Mapping[int, Datapoint]:
    by_id = {each.id: each for each in alarm.queries}

    def line(query: Query) -> Line:
        metric = by_id[query.id].metric
        assert metric is not None
        own = range(times.start, times.stop, metric.period_s)
        values = {}
        for at, point in _binned(tx, alarm, metric, own).items():
            value = points.statistic(point, metric.statistic)
            if value is not None:
                values[at] = value
        return Line(values, own, query.label)

    values = Values({each.id: _query(each) for each in alarm.queries}, line)
    try:
        lines = values.lines(_returned(alarm.queries))
    except ExpressionError:
        return {}  # of these numbers there is no result: a division of two sums, say
    return {at: Datapoint(at, value) for at, value in lines[0].values.items()} if lines else {}


def _binned(
    tx: Connection, alarm: MetricAlarm, metric: MetricStatistic, times: range
) -> Mapping[int, Point]:
    whose = metrics.metric(
        alarm.account, alarm.region, metric.namespace, metric.metric_name, metric.dimensions
    )
    found = metrics.read(
        tx,
        whose,
        period_s=times.step,
        start_s=times.start,
        end_s=times.stop,
        unit=metric.unit,
        sketches=points.percent_of(metric.statistic) is not None,
    )
    return timelines.binned(found, times)


def _query(given: AlarmQuery) -> Query:
    tree = None if given.expression is None else _parsed(given.expression)
    metric = None
    if given.metric is not None:
        metric = Metric("", "", given.metric.namespace, given.metric.metric_name, ())
    returned = given.returned is not False
    return Query(given.id, given.label or given.id, returned, None, metric, tree=tree)


def _returned(queries: Sequence[AlarmQuery]) -> str:
    return next(each.id for each in queries if each.returned is not False)
