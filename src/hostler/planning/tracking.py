"""What a target tracking policy watches: its metric, and the two alarms that it makes.

Invariant: pure. An alarm's definition follows from the policy, the target and the alarm's name
alone, so that putting the same policy again changes nothing.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hostler.domain.alarm import (
    FINE_S,
    MINUTE_S,
    Actions,
    AlarmQuery,
    Comparison,
    MetricAlarm,
    MetricStatistic,
)
from hostler.domain.scaling import Dimension, Policy, Target
from hostler.planning import alarm_queries, alarm_transitions

HIGH_POINTS, LOW_POINTS = 3, 15
LOW_SHARE = 0.9
"""The low alarm's threshold, as a share of the target value."""

_ENDPOINTS = "AWS/SageMaker"


@dataclass(frozen=True, slots=True)
class Predefined:
    """A predefined metric of endpoints' variants."""

    metric_name: str
    statistic: str
    dimension: Dimension
    period_s: int = MINUTE_S
    """Of the high alarm; the low one always looks at minutes."""


PREDEFINED: Mapping[str, Predefined] = {
    "SageMakerVariantInvocationsPerInstance": Predefined(
        "InvocationsPerInstance", "Sum", Dimension.INSTANCE_COUNT
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": Predefined(
        "ConcurrentRequestsPerModel", "Average", Dimension.INSTANCE_COUNT, FINE_S
    ),
    "SageMakerVariantProvisionedConcurrencyUtilization": Predefined(
        "ServerlessProvisionedConcurrencyUtilization", "Average", Dimension.PROVISIONED_CONCURRENCY
    ),
}
"""By PredefinedMetricType: those of variants."""


def alarm_name(target: Target, which: str, alarm_id: str) -> str:
    """An alarm's name; ``which`` is AlarmHigh or AlarmLow, ``alarm_id`` a UUID."""
    return f"TargetTracking-{target.resource_id}-{which}-{alarm_id}"


def alarms(target: Target, policy: Policy, now: float) -> list[MetricAlarm]:
    """The alarms of a target tracking policy, as new ones; the low one unless it may not scale in.

    The policy has their names.
    """
    tracking = policy.tracking
    assert tracking is not None, "a step policy's alarms are the user's"
    found = []
    if policy.high_alarm is not None:
        found.append(
            _alarm(target, policy, policy.high_alarm, now, high=True, goal=tracking.target_value)
        )
    if policy.low_alarm is not None:
        found.append(
            _alarm(target, policy, policy.low_alarm, now, high=False, goal=tracking.target_value)
        )
    return found


def _alarm(
    target: Target, policy: Policy, name: str, now: float, *, high: bool, goal: float
) -> MetricAlarm:
    return MetricAlarm(
        account=target.account,
        region=target.region,
        name=name,
        actions=Actions(alarm=(policy.arn,)),
        comparison=Comparison.GREATER if high else Comparison.LESS,
        threshold=goal if high else goal * LOW_SHARE,
        evaluation_periods=HIGH_POINTS if high else LOW_POINTS,
        configured=now,
        standing=alarm_transitions.initial(now),
        description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
        metric=_statistic(target, policy.request, high=high),
        queries=_queries(policy.request),
    )


def _statistic(target: Target, request: Mapping[str, Any], *, high: bool) -> MetricStatistic | None:
    """The one metric that a policy watches; None where it watches an expression."""
    given = request.get("PredefinedMetricSpecification")
    if given is not None:
        known = PREDEFINED[given["PredefinedMetricType"]]
        return MetricStatistic(
            _ENDPOINTS,
            known.metric_name,
            (("EndpointName", target.endpoint), ("VariantName", target.variant)),
            known.statistic,
            known.period_s if high else MINUTE_S,
        )
    custom = request["CustomizedMetricSpecification"]
    if custom.get("Metrics"):
        return None
    return MetricStatistic(
        custom["Namespace"],
        custom["MetricName"],
        alarm_queries.dimensions(custom),
        custom["Statistic"],
        MINUTE_S,
        custom.get("Unit"),
    )


def _queries(request: Mapping[str, Any]) -> tuple[AlarmQuery, ...]:
    custom = request.get("CustomizedMetricSpecification") or {}
    return tuple(alarm_queries.query(each, MINUTE_S) for each in custom.get("Metrics") or ())
