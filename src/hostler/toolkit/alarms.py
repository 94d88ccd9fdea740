"""The alarms of an endpoint that every team wants: latencies, errors, and what instances use.

Invariant: the same names and thresholds each time, so that setting up again changes nothing but
what was asked to change. Everything goes through the public API.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

ENDPOINTS, INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
PERIOD_S = 60


class Watch(NamedTuple):
    """One alarm of a variant.

    ``rate`` is the metric of which ``metric`` is a percentage; without it the average is compared.
    """

    metric: str
    threshold: float
    means: str
    namespace: str = ENDPOINTS
    rate: str = ""
    missing: str = "notBreaching"


WATCHES: Sequence[Watch] = (
    Watch("ModelLatency", 1_000_000.0, "the model takes longer than 1 s (µs)"),
    Watch("OverheadLatency", 200_000.0, "Hostler takes longer than 200 ms (µs)"),
    Watch("Invocation4XXErrors", 1.0, "more than 1 % of calls are refused", rate="Invocations"),
    Watch("Invocation5XXErrors", 0.1, "more than 0.1 % of calls fail", rate="Invocations"),
    Watch("CPUUtilization", 80.0, "instances use more than 80 % CPU", INSTANCES, missing="missing"),
    Watch(
        "MemoryUtilization",
        80.0,
        "instances use more than 80 % of their memory",
        INSTANCES,
        missing="missing",
    ),
)
PERIODS, BREACHING = 5, 3
"""Three of the last five minutes: one slow minute is nobody's alarm."""


def alarm_name(endpoint: str, variant: str, metric: str) -> str:
    """The name of one of the alarms."""
    return f"{endpoint}/{variant}/{metric}"


def alarms(endpoint: str, variant: str, actions: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """PutMetricAlarm's parameters for each alarm of a variant.

    Args:
        endpoint: The endpoint's name.
        variant: The variant's.
        actions: ARNs of what is told when one goes off, and when it is over.
    """
    for watch in WATCHES:
        yield {
            "AlarmName": alarm_name(endpoint, variant, watch.metric),
            "AlarmDescription": f"{endpoint}, {variant}: {watch.means}",
            "AlarmActions": list(actions),
            "OKActions": list(actions),
            "EvaluationPeriods": PERIODS,
            "DatapointsToAlarm": BREACHING,
            "Threshold": watch.threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": watch.missing,
            **_watched(watch, endpoint, variant),
        }


def _watched(watch: Watch, endpoint: str, variant: str) -> Mapping[str, Any]:
    dimensions = [
        {"Name": "EndpointName", "Value": endpoint},
        {"Name": "VariantName", "Value": variant},
    ]
    if not watch.rate:
        return {
            "Namespace": watch.namespace,
            "MetricName": watch.metric,
            "Dimensions": dimensions,
            "Statistic": "Average",
            "Period": PERIOD_S,
        }

    def total(query_id: str, metric: str) -> Mapping[str, Any]:
        of = {"Namespace": watch.namespace, "MetricName": metric, "Dimensions": dimensions}
        stat = {"Metric": of, "Period": PERIOD_S, "Stat": "Sum"}
        return {"Id": query_id, "MetricStat": stat, "ReturnData": False}

    rate = {
        "Id": "rate",
        "Expression": "IF(calls > 0, 100 * errors / calls, 0)",
        "Label": f"{watch.metric} in %",
        "ReturnData": True,
    }
    return {"Metrics": [rate, total("errors", watch.metric), total("calls", watch.rate)]}
