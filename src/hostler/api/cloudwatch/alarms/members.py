"""What becomes of each input member of the operations on alarms.

Invariant: as in ``api.cloudwatch.members``.
"""

from collections.abc import Mapping

from hostler.api.members import ACTS, Fate, Members, Only, Refused
from hostler.domain.alarm import AlarmKind, Comparison, HistoryType

_LINKED = Refused("there are no linked accounts")
_NO_ANOMALIES = "anomaly detection does not exist here; give a fixed Threshold"
_KINDS = Only(frozenset(AlarmKind), "there are metric alarms and composite alarms")
_QUERY = "Metrics[]."

_PUT: Members = {
    **dict.fromkeys(
        (
            *("AlarmName", "AlarmDescription", "ActionsEnabled", "OKActions[]", "AlarmActions[]"),
            *("InsufficientDataActions[]", "Tags[].Key", "Tags[].Value"),
        ),
        ACTS,
    ),
    "ActionConfiguration": Refused("notifications do not carry an alarm's tags"),
}


def _acting(*names: str, **limited: Fate) -> Members:
    return {**dict.fromkeys(names, ACTS), **limited}


BY_OPERATION: Mapping[str, Members] = {
    "PutMetricAlarm": {
        **_PUT,
        **_acting(
            *("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit"),
            *("Dimensions[].Name", "Dimensions[].Value", "EvaluationPeriods", "DatapointsToAlarm"),
            *("Threshold", "TreatMissingData", "EvaluateLowSampleCountPercentile"),
            *(f"{_QUERY}{name}" for name in ("Id", "Expression", "Label", "ReturnData", "Period")),
            *(f"{_QUERY}MetricStat.{name}" for name in ("Period", "Stat", "Unit")),
            *(f"{_QUERY}MetricStat.Metric.{name}" for name in ("Namespace", "MetricName")),
            *(f"{_QUERY}MetricStat.Metric.Dimensions[].{name}" for name in ("Name", "Value")),
        ),
        "ComparisonOperator": Only(frozenset(Comparison), _NO_ANOMALIES),
        f"{_QUERY}AccountId": _LINKED,
        "ThresholdMetricId": Refused(_NO_ANOMALIES),
        "EvaluationWindow": Refused("an alarm's periods slide with each evaluation"),
        "WarmUpConfiguration": Refused("alarms are evaluated from their beginning"),
        "EvaluationCriteria": Refused("PromQL does not exist here; give MetricName or Metrics"),
        "EvaluationInterval": Refused(
            "alarms are evaluated each minute, those of 10 to 30 s each 10 s"
        ),
    },
    "PutCompositeAlarm": {
        **_PUT,
        "AlarmRule": ACTS,
        **dict.fromkeys(
            (
                "ActionsSuppressor",
                "ActionsSuppressorWaitPeriod",
                "ActionsSuppressorExtensionPeriod",
            ),
            Refused("no alarm suppresses another's actions; say AND NOT ALARM(…) in the rule"),
        ),
    },
    "DescribeAlarms": _acting(
        *("AlarmNames[]", "AlarmNamePrefix", "ChildrenOfAlarmName", "ParentsOfAlarmName"),
        *("StateValue", "ActionPrefix", "MaxRecords", "NextToken"),
        **{"AlarmTypes[]": _KINDS},
    ),
    "DescribeAlarmsForMetric": _acting(
        *("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit"),
        *("Dimensions[].Name", "Dimensions[].Value"),
    ),
    "DescribeAlarmHistory": _acting(
        *("AlarmName", "StartDate", "EndDate", "MaxRecords", "NextToken", "ScanBy"),
        AlarmContributorId=Refused("alarms have no contributors"),
        HistoryItemType=Only(frozenset(HistoryType), "alarms have no contributors"),
        **{"AlarmTypes[]": _KINDS},
    ),
    "DeleteAlarms": _acting("AlarmNames[]"),
    "SetAlarmState": _acting("AlarmName", "StateValue", "StateReason", "StateReasonData"),
    "EnableAlarmActions": _acting("AlarmNames[]"),
    "DisableAlarmActions": _acting("AlarmNames[]"),
    "TagResource": _acting("ResourceARN", "Tags[].Key", "Tags[].Value"),
    "UntagResource": _acting("ResourceARN", "TagKeys[]"),
    "ListTagsForResource": _acting("ResourceARN"),
}
