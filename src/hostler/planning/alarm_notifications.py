"""What CloudWatch says of an alarm that has changed its state.

Invariant: pure; the document has the members, names and forms of CloudWatch's own, so that what
was written for those reads ours.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hostler.domain import regions
from hostler.domain.alarm import Alarm, AlarmState, MetricAlarm, MetricStatistic, Standing
from hostler.planning.alarms import long_time

SUBJECT_MAX = 100
_BASIC: Mapping[str, str] = {
    "SampleCount": "SAMPLE_COUNT",
    "Average": "AVERAGE",
    "Sum": "SUM",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
}


def message(alarm: Alarm, before: Standing) -> str:
    """The notification, as JSON; ``alarm`` stands as it does now."""
    document: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": alarm.account,
        "AlarmConfigurationUpdatedTimestamp": long_time(alarm.configured),
        "NewStateValue": alarm.standing.state.value,
        "NewStateReason": alarm.standing.reason,
        "StateChangeTime": long_time(alarm.standing.transitioned),
        "Region": regions.title(alarm.region),
        "AlarmArn": alarm.arn,
        "OldStateValue": before.state.value,
        "OKActions": list(alarm.actions.ok),
        "AlarmActions": list(alarm.actions.alarm),
        "InsufficientDataActions": list(alarm.actions.insufficient),
    }
    if isinstance(alarm, MetricAlarm):
        document["Trigger"] = _trigger(alarm)
    else:
        document["AlarmRule"] = alarm.rule
        document["TriggeringChildren"] = _triggering(alarm.standing.reason_data)
    return json.dumps(document, separators=(",", ":"))


def subject(name: str, state: AlarmState, region: str) -> str:
    """The notification's subject."""
    text = f'{state.value}: "{name}" in {regions.title(region)}'
    return text if len(text) <= SUBJECT_MAX else f"{text[: SUBJECT_MAX - 3]}..."


def _trigger(alarm: MetricAlarm) -> Mapping[str, Any]:
    compared = {
        "EvaluationPeriods": alarm.evaluation_periods,
        **(
            {}
            if alarm.datapoints_to_alarm is None
            else {"DatapointsToAlarm": alarm.datapoints_to_alarm}
        ),
        "ComparisonOperator": alarm.comparison.value,
        "Threshold": alarm.threshold,
        "TreatMissingData": alarm.treat_missing.value if alarm.treat_missing else "",
        "EvaluateLowSampleCountPercentile": alarm.low_samples.value if alarm.low_samples else "",
    }
    if alarm.metric is None:
        return {"Period": alarm.period_s, **compared, "Metrics": _queries(alarm)}
    metric = alarm.metric
    basic = _BASIC.get(metric.statistic)
    statistic = (
        {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": metric.statistic}
        if basic is None
        else {"StatisticType": "Statistic", "Statistic": basic}
    )
    return {
        "MetricName": metric.metric_name,
        "Namespace": metric.namespace,
        **statistic,
        "Unit": metric.unit,
        "Dimensions": _dimensions(metric),
        "Period": metric.period_s,
        **compared,
    }


def _queries(alarm: MetricAlarm) -> Sequence[Mapping[str, Any]]:
    found = []
    for query in alarm.queries:
        one: dict[str, Any] = {"Id": query.id}
        if query.expression is not None:
            one["Expression"] = query.expression
        if query.metric is not None:
            one["MetricStat"] = {
                "Metric": {
                    "Dimensions": _dimensions(query.metric),
                    "MetricName": query.metric.metric_name,
                    "Namespace": query.metric.namespace,
                },
                "Period": query.metric.period_s,
                "Stat": query.metric.statistic,
            }
        if query.label is not None:
            one["Label"] = query.label
        one["ReturnData"] = query.returned is not False
        found.append(one)
    return found


def _dimensions(metric: MetricStatistic) -> Sequence[Mapping[str, str]]:
    return [{"value": value, "name": name} for name, value in metric.dimensions]


def _triggering(reason_data: str | None) -> Sequence[Mapping[str, Any]]:
    """Those that an evaluation names; none where SetAlarmState was given other data."""
    try:
        return [
            {
                "Arn": each["arn"],
                "State": {"Value": each["state"]["value"], "Timestamp": each["state"]["timestamp"]},
            }
            for each in json.loads(reason_data or "{}")["triggeringAlarms"]
        ]
    except (KeyError, TypeError):
        return []
