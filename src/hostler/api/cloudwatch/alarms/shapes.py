"""Alarms as the API shows them.

Invariant: what was not given is left out, so that a client sees exactly what it asked for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hostler.domain.alarm import Alarm, AlarmQuery, MetricAlarm, MetricStatistic
from hostler.planning.alarms import long_time
from hostler.telemetry import points

TIMES = (
    "AlarmConfigurationUpdatedTimestamp",
    "StateUpdatedTimestamp",
    "StateTransitionedTimestamp",
)


def of(alarm: Alarm) -> dict[str, Any]:
    """A MetricAlarm or a CompositeAlarm."""
    standing = alarm.standing
    shape: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "AlarmDescription": alarm.description,
        "AlarmConfigurationUpdatedTimestamp": alarm.configured,
        "ActionsEnabled": alarm.actions.enabled,
        "OKActions": list(alarm.actions.ok),
        "AlarmActions": list(alarm.actions.alarm),
        "InsufficientDataActions": list(alarm.actions.insufficient),
        "StateValue": standing.state.value,
        "StateReason": standing.reason,
        "StateReasonData": standing.reason_data,
        "StateUpdatedTimestamp": standing.updated,
        "StateTransitionedTimestamp": standing.transitioned,
        **(_watching(alarm) if isinstance(alarm, MetricAlarm) else {"AlarmRule": alarm.rule}),
    }
    return _given(shape)


def of_history(alarm: Alarm) -> Mapping[str, Any]:
    """The same, with its times as CloudWatch writes them into JSON."""
    shape = of(alarm)
    return {**shape, **{name: long_time(shape[name]) for name in TIMES}}


def _watching(alarm: MetricAlarm) -> Mapping[str, Any]:
    return {
        **({} if alarm.metric is None else _statistic(alarm.metric)),
        **({"Metrics": [_query(each) for each in alarm.queries]} if alarm.queries else {}),
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.comparison.value,
        "TreatMissingData": alarm.treat_missing.value if alarm.treat_missing else None,
        "EvaluateLowSampleCountPercentile": alarm.low_samples.value if alarm.low_samples else None,
    }


def _statistic(metric: MetricStatistic) -> Mapping[str, Any]:
    kind = "Statistic" if metric.statistic in points.BASIC else "ExtendedStatistic"
    return {
        "MetricName": metric.metric_name,
        "Namespace": metric.namespace,
        kind: metric.statistic,
        "Dimensions": _dimensions(metric),
        "Period": metric.period_s,
        "Unit": metric.unit,
    }


def _query(query: AlarmQuery) -> Mapping[str, Any]:
    stat = None
    if query.metric is not None:
        metric = {
            "Namespace": query.metric.namespace,
            "MetricName": query.metric.metric_name,
            "Dimensions": _dimensions(query.metric),
        }
        stat = _given(
            {
                "Metric": metric,
                "Period": query.metric.period_s,
                "Stat": query.metric.statistic,
                "Unit": query.metric.unit,
            }
        )
    return _given(
        {
            "Id": query.id,
            "MetricStat": stat,
            "Expression": query.expression,
            "Label": query.label,
            "ReturnData": query.returned is not False,
            "Period": query.period_s,
        }
    )


def _dimensions(metric: MetricStatistic) -> Sequence[Mapping[str, str]]:
    return [{"Name": name, "Value": value} for name, value in metric.dimensions]


def _given(shape: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shape.items() if value is not None}
