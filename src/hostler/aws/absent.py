"""What to do instead of an operation of AWS's that does not exist here.

Invariant: text alone; whether an operation exists is known to the dispatch tables, not to this one.
"""

from collections.abc import Mapping
from typing import Final

_INSIGHTS: Final = "Logs Insights does not exist here: give FilterLogEvents a filterPattern."
_NOT_SENT: Final = (
    "Logs are neither sent on nor brought in: read them by FilterLogEvents, write them by "
    "PutLogEvents."
)
_NO_CHARTS: Final = (
    "Nothing is drawn here: read metrics by GetMetricData, or have Prometheus scrape /metrics."
)
_BY_THRESHOLD: Final = (
    "Anomaly detection does not exist here: give PutMetricAlarm a fixed Threshold."
)
_SUBSCRIBE: Final = (
    "Nothing is sent to telephones here: Subscribe with the protocol http, https or file."
)

_INSTEAD: Final[Mapping[str, Mapping[str, str]]] = {
    "sagemaker": {
        "InferenceExperiment": "Give CreateEndpointConfig ShadowProductionVariants, and change "
        "their share by UpdateEndpointWeightsAndCapacities.",
    },
    "logs": {
        "KmsKey": "There is no KMS here: encrypt the disk that the data directory lies on.",
        "Quer": _INSIGHTS,
        "Field": _INSIGHTS,
        "Index": _INSIGHTS,
        "Lookup": _INSIGHTS,
        "LogRecord": _INSIGHTS,
        "LogObject": _INSIGHTS,
        "LiveTail": "Ask FilterLogEvents for what is new, as `aws logs tail --follow` does.",
        "MetricFilter": "Have the model write its metric by PutMetricData, or find the events by "
        "FilterLogEvents, which takes the same patterns.",
        "LogGroups": "Call DescribeLogGroups.",
        "LogGroupSummaries": "Call DescribeLogGroups.",
        "DeletionProtection": "Deny logs:DeleteLogGroup in a policy.",
        "StorageTier": "All events are kept alike: PutRetentionPolicy says for how long.",
        "Transformer": "Events stay as they were printed: print JSON, which filter patterns read.",
        "DataProtection": "Events stay as they were printed: print nothing that is to be masked.",
        "Anomal": _BY_THRESHOLD,
        "AccountPolic": "Each log group is set by itself: PutRetentionPolicy, PutResourcePolicy.",
        "": _NOT_SENT,
    },
    "cloudwatch": {
        "Dashboard": _NO_CHARTS,
        "WidgetImage": _NO_CHARTS,
        "MetricStream": "Metrics are not sent on: read them by GetMetricData, or have Prometheus "
        "scrape /metrics.",
        "Anomaly": _BY_THRESHOLD,
        "MuteRule": "Call DisableAlarmActions, and EnableAlarmActions afterwards.",
        "LogAlarm": "Have PutMetricAlarm watch a metric that the model writes by PutMetricData.",
        "Contributors": "An alarm watches one series: DescribeAlarms says how it stands.",
        "InsightRule": "Give GetMetricData an expression with SEARCH.",
        "": "Metrics are written by PutMetricData and read by GetMetricData.",
    },
    "sns": {
        "PublishBatch": "Call Publish for each message.",
        "Permission": "Topics have no policies of their own: allow sns:Publish and sns:Subscribe "
        "in the policies of identities.",
        "DataProtection": "Messages are not inspected: publish nothing that is to be masked.",
        "": _SUBSCRIBE,
    },
}
"""By service, and a part of the operation's name; the first that is in it counts."""


def instead(service: str, operation: str) -> str:
    """A sentence that says what to do; empty where there is nothing to say."""
    families = _INSTEAD.get(service, {})
    return next((do for part, do in families.items() if part in operation), "")
