"""PutMetricAlarm: an alarm is made, or an existing one's configuration is replaced.

Invariant: what is stored can be evaluated; the state of an alarm that exists is left as it is.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from hostler.api.cloudwatch import queries, refusals
from hostler.api.cloudwatch.alarms import actions, keeping
from hostler.api.registry import Call
from hostler.domain.alarm import (
    FINE_PERIODS,
    AlarmQuery,
    Comparison,
    LowSamples,
    MetricAlarm,
    MetricStatistic,
    Missing,
)
from hostler.planning import alarm_queries, alarm_transitions
from hostler.store.database import Transaction
from hostler.telemetry import alarm_points, points
from hostler.telemetry.expressions import ExpressionError
from hostler.telemetry.levels import DAY_S, HOUR_S

METRICS_MAX, EXPRESSIONS_MAX = 10, 10
_OF_A_METRIC = (
    *("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic"),
    "ExtendedStatistic",
)


def put(tx: Transaction, call: Call) -> None:
    """PutMetricAlarm."""
    params = call.params
    acting = actions.given(call, actions.SERVICES)
    metric = None if params.get("Metrics") else _metric(params)
    watched = _queries(call) if metric is None else ()
    alarm = MetricAlarm(
        call.account,
        call.region,
        keeping.name_of(params),
        acting,
        Comparison(_required(params, "ComparisonOperator")),
        _threshold(params),
        _required(params, "EvaluationPeriods"),
        call.now,
        alarm_transitions.initial(call.now),
        params.get("AlarmDescription"),
        metric,
        watched,
        params.get("DatapointsToAlarm"),
        _choice(params, "TreatMissingData", Missing),
        _choice(params, "EvaluateLowSampleCountPercentile", LowSamples),
    )
    _check_periods(alarm)
    keeping.keep(tx, call, alarm)


def _metric(params: Mapping[str, Any]) -> MetricStatistic:
    for member in ("MetricName", "Namespace", "Period"):
        if params.get(member) is None:
            raise refusals.missing(
                f"The parameter {member} is required, or the parameter Metrics instead."
            )
    plain: str | None = params.get("Statistic")
    extended: str | None = params.get("ExtendedStatistic")
    if (plain is None) == (extended is None):
        raise refusals.unfit("Exactly one of Statistic and ExtendedStatistic must be specified.")
    if extended is not None and points.percent_of(extended) is None:
        raise refusals.unfit(
            f"The value {extended} for parameter ExtendedStatistic is not supported: percentiles "
            "are written p0 to p100, as in p99.9."
        )
    return MetricStatistic(
        params["Namespace"],
        params["MetricName"],
        alarm_queries.dimensions(params),
        plain or extended or "",
        params["Period"],
        params.get("Unit"),
    )


def _queries(call: Call) -> tuple[AlarmQuery, ...]:
    params = call.params
    for member in _OF_A_METRIC:
        if params.get(member):
            raise refusals.contradictory(
                f"The parameters Metrics and {member} are mutually exclusive."
            )
    given: Sequence[Mapping[str, Any]] = params["Metrics"]
    found = queries.read(call, "Metrics")
    metrics = sum(query.tree is None for query in found.values())
    if metrics > METRICS_MAX or len(found) - metrics > EXPRESSIONS_MAX:
        raise refusals.unfit(
            f"Metrics may have at most {METRICS_MAX} metrics and {EXPRESSIONS_MAX} expressions."
        )
    if sum(query.returned for query in found.values()) != 1:
        raise refusals.unfit(
            "Exactly one element of the metrics list should return data: give ReturnData false to "
            "all others."
        )
    if not metrics:
        raise refusals.unfit("Metrics must contain at least one MetricStat.")
    watched = tuple(alarm_queries.query(one) for one in given)
    try:
        alarm_points.check(watched)
    except ExpressionError as error:
        (returned,) = (query.id for query in found.values() if query.returned)
        raise queries.wrong(returned, error) from None
    return watched


def _check_periods(alarm: MetricAlarm) -> None:
    metrics = [alarm.metric, *(query.metric for query in alarm.queries)]
    for metric in metrics:
        if metric is not None and metric.period_s % 60 and metric.period_s not in FINE_PERIODS:
            raise refusals.unfit("Period must be 10, 20, 30 or a multiple of 60")
    for query in alarm.queries:
        if query.expression is not None and query.period_s not in (None, alarm.period_s):
            raise refusals.unfit(
                f"Period {query.period_s} of query {query.id} is not supported: the result has the "
                f"period of its metrics, {alarm.period_s}."
            )
    days = 7 if alarm.period_s >= HOUR_S else 1
    if alarm.period_s * alarm.evaluation_periods > days * DAY_S:
        what = "seven days" if days > 1 else "a day"
        raise refusals.unfit(
            f"Metrics cannot be checked across more than {what} (EvaluationPeriods * Period must "
            f"be <= {days * DAY_S})."
        )
    needed = alarm.datapoints_to_alarm
    if needed is not None and needed > alarm.evaluation_periods:
        raise refusals.unfit("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
    statistic = alarm.metric.statistic if alarm.metric is not None else ""
    if alarm.low_samples is LowSamples.IGNORE and points.percent_of(statistic) is None:
        raise refusals.unfit(
            "EvaluateLowSampleCountPercentile ignore is only for alarms on a percentile of a "
            "metric."
        )


def _threshold(params: Mapping[str, Any]) -> float:
    threshold: float = _required(params, "Threshold")
    if not math.isfinite(threshold):
        raise refusals.unfit("The value for parameter Threshold is invalid: it must be finite.")
    return threshold


def _required(params: Mapping[str, Any], member: str) -> Any:
    if params.get(member) is None:
        raise refusals.missing(f"The parameter {member} is required.")
    return params[member]


def _choice(params: Mapping[str, Any], member: str, kind: type[Any]) -> Any:
    given = params.get(member)
    if given is None:
        return None
    try:
        return kind(given)
    except ValueError:
        _refuse_choice(given, member, kind)


def _refuse_choice(given: str, member: str, kind: type[Any]) -> NoReturn:
    known = ", ".join(each.value for each in kind)
    raise refusals.unfit(
        f"The value {given} is not supported for {member} parameter. Supported values are "
        f"[{known}]."
    )
