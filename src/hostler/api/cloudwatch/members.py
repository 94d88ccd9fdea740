"""What becomes of each input member of the CloudWatch operations.

Invariant: as in ``api.sagemaker.members``: each leaf is here, or below a structure that is refused.
"""

from collections.abc import Mapping

from hostler.api.cloudwatch.alarms.members import BY_OPERATION as ALARMS
from hostler.api.members import ACTS, Members, Only, Refused

_LINKED = Refused("there are no linked accounts")

_METRIC: Members = {"Namespace": ACTS, "MetricName": ACTS}
_DIMENSIONS = ("Dimensions[].Name", "Dimensions[].Value")


def _below(path: str, *names: str) -> Members:
    return {f"{path}{name}": ACTS for name in names}


_QUERY = "MetricDataQueries[]."

BY_OPERATION: Mapping[str, Members] = {
    **ALARMS,
    "PutMetricData": {
        "Namespace": ACTS,
        **_below(
            "MetricData[].",
            *("MetricName", "Timestamp", "Value", "Values[]", "Counts[]", "Unit"),
            *("StorageResolution", *_DIMENSIONS),
        ),
        **_below("MetricData[].StatisticValues.", "SampleCount", "Sum", "Minimum", "Maximum"),
        "EntityMetricData": Refused("entities do not exist here"),
        "StrictEntityValidation": Only(frozenset({False}), "entities do not exist here"),
    },
    "ListMetrics": {
        **_METRIC,
        **_below("", *_DIMENSIONS),
        "NextToken": ACTS,
        "RecentlyActive": ACTS,
        "IncludeLinkedAccounts": Only(frozenset({False}), "there are no linked accounts"),
        "OwningAccount": _LINKED,
    },
    "GetMetricStatistics": {
        **_METRIC,
        **_below("", *_DIMENSIONS),
        "StartTime": ACTS,
        "EndTime": ACTS,
        "Period": ACTS,
        "Statistics[]": ACTS,
        "ExtendedStatistics[]": ACTS,
        "Unit": ACTS,
    },
    "GetMetricData": {
        **_below(_QUERY, "Id", "Expression", "Label", "ReturnData", "Period"),
        **_below(f"{_QUERY}MetricStat.", "Period", "Stat", "Unit"),
        **_below(f"{_QUERY}MetricStat.Metric.", "Namespace", "MetricName", *_DIMENSIONS),
        f"{_QUERY}AccountId": _LINKED,
        "StartTime": ACTS,
        "EndTime": ACTS,
        "NextToken": ACTS,
        "ScanBy": ACTS,
        "MaxDatapoints": ACTS,
        "LabelOptions": Refused("labels do not say times yet"),
    },
}
