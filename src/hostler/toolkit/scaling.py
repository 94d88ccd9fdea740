"""Why a variant has as many instances as it has: everything that bears on it, gathered.

Invariant: it only asks what any client of AWS may ask, so it explains a variant on AWS as well; the
evidence of decisions (``Details`` of activities) is told here alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hostler.planning.scaling import tracked
from hostler.toolkit.connection import Connection

NAMESPACE = "sagemaker"
DIMENSIONS = (
    "sagemaker:variant:DesiredInstanceCount",
    "sagemaker:variant:DesiredProvisionedConcurrency",
)
POINTS_MORE = 10
"""Data points shown beside those that an alarm is evaluated on."""
LATE_PERIODS = 2
"""The newest periods may not be complete."""


class NotScaledError(Exception):
    """There is nothing to explain: the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Watch:
    """An alarm of a policy, and what its metric was; times in epoch seconds."""

    alarm: str
    state: str
    reason: str
    metric: str
    comparison: str
    threshold: float
    period_s: int
    needed: int
    evaluated: int
    points: Sequence[tuple[float, float]]
    """(begin of a period, value), the oldest first; a period without a value is left out."""


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy, its alarms, and what its formula comes to now."""

    name: str
    type: str
    target_value: float | None
    formula: str | None
    watches: Sequence[Watch]
    gone: Sequence[str] = ()
    """Names of alarms that a target tracking policy made, and that are not there."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An activity: what was done, or not and why. ``evidence`` is what it was decided on."""

    at: float
    what: str
    status: str
    cause: str
    message: str
    reasons: Sequence[str]
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that bears on a variant's instance count."""

    endpoint: str
    variant: str
    status: str
    current: int
    desired: int
    is_serverless: bool
    """Its capacity is provisioned concurrency."""
    min: int
    max: int
    suspended: Sequence[str]
    policies: Sequence[PolicyView]
    decisions: Sequence[Decided]
    """The newest first."""


def explain(
    connection: Connection, endpoint: str, variant: str | None, *, decisions: int = 5
) -> Explanation:
    """Gather what bears on a variant; without a name, on the one that is scaled.

    Raises:
        NotScaledError: There is no such variant, or none (or several) is scaled.
        botocore.exceptions.ClientError: There is no such endpoint, or it may not be described.
    """
    shown = connection.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    variants = {each["VariantName"]: each for each in shown.get("ProductionVariants", ())}
    scaling = connection.client("application-autoscaling")
    wanted = [variant] if variant is not None else list(variants)
    ids = [f"endpoint/{endpoint}/variant/{name}" for name in wanted]
    found = scaling.describe_scalable_targets(ServiceNamespace=NAMESPACE, ResourceIds=ids or [""])
    targets = [t for t in found["ScalableTargets"] if t["ScalableDimension"] in DIMENSIONS]
    target = _one(targets, endpoint, variant)
    name = target["ResourceId"].rpartition("/")[2]
    of = {"ServiceNamespace": NAMESPACE, "ResourceId": target["ResourceId"]}
    pages = scaling.get_paginator("describe_scaling_policies").paginate(**of)
    policies = [each for page in pages for each in page["ScalingPolicies"]]
    activities = scaling.describe_scaling_activities(
        **of, IncludeNotScaledActivities=True, MaxResults=decisions
    )["ScalingActivities"]
    current, desired = _capacity(variants.get(name, {}))
    return Explanation(
        endpoint=endpoint,
        variant=name,
        status=shown["EndpointStatus"],
        current=current,
        desired=desired,
        is_serverless=target["ScalableDimension"] == DIMENSIONS[1],
        min=target["MinCapacity"],
        max=target["MaxCapacity"],
        suspended=[key for key, is_so in target.get("SuspendedState", {}).items() if is_so],
        policies=[_policy(connection, each, current) for each in policies],
        decisions=[_decided(each) for each in activities],
    )


def _capacity(variant: Mapping[str, Any]) -> tuple[int, int]:
    """A variant's capacity, current and desired."""
    now, then = variant.get("CurrentServerlessConfig"), variant.get("DesiredServerlessConfig")
    if now is not None:
        provisioned = now.get("ProvisionedConcurrency", 0)
        return provisioned, (then or now).get("ProvisionedConcurrency", 0)
    return variant.get("CurrentInstanceCount", 0), variant.get("DesiredInstanceCount", 0)


def _one(
    targets: Sequence[Mapping[str, Any]], endpoint: str, variant: str | None
) -> Mapping[str, Any]:
    if len(targets) == 1:
        return targets[0]
    if targets:
        names = ", ".join(each["ResourceId"].rpartition("/")[2] for each in targets)
        raise NotScaledError(f"several variants of {endpoint} are scaled: choose --variant {names}")
    of = f"variant {variant} of {endpoint}" if variant else f"no variant of {endpoint}"
    verb = "is not scaled" if variant else "is scaled"
    raise NotScaledError(
        f"{of} {verb}: register one with `aws application-autoscaling register-scalable-target`"
    )


def _policy(connection: Connection, policy: Mapping[str, Any], current: int) -> PolicyView:
    names = [each["AlarmName"] for each in policy.get("Alarms", ())]
    alarms: Sequence[Mapping[str, Any]] = ()
    client = connection.client("cloudwatch")
    if names:
        alarms = client.describe_alarms(AlarmNames=names)["MetricAlarms"]
    watches = [_watch(client, alarm) for alarm in alarms]
    config = policy.get("TargetTrackingScalingPolicyConfiguration")
    goal = config["TargetValue"] if config else None
    formula = None
    newest = [watch.points[-1][1] for watch in watches if watch.points]
    if goal is not None and newest:
        wanted = tracked(current, newest[0], goal)
        formula = f"ceil({current} * {newest[0]:g} / {goal:g}) = {wanted}"
    there = {watch.alarm for watch in watches}
    gone = [name for name in names if name not in there] if config else []
    return PolicyView(policy["PolicyName"], policy["PolicyType"], goal, formula, watches, gone)


def _watch(client: Any, alarm: Mapping[str, Any]) -> Watch:
    queries = alarm.get("Metrics") or [_query(alarm)]
    periods = [each["MetricStat"]["Period"] for each in queries if "MetricStat" in each]
    period_s = max(periods, default=60)
    evaluated = alarm["EvaluationPeriods"]
    end = datetime.now(UTC)
    start = end - timedelta(seconds=period_s * (evaluated + POINTS_MORE + LATE_PERIODS))
    results = client.get_metric_data(
        MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
    )["MetricDataResults"]
    points: Sequence[tuple[float, float]] = ()
    if results:
        times = [at.timestamp() for at in results[0]["Timestamps"]]
        points = list(zip(times, results[0]["Values"], strict=True))
    return Watch(
        alarm=alarm["AlarmName"],
        state=alarm["StateValue"],
        reason=alarm.get("StateReason", ""),
        metric=_metric(alarm),
        comparison=alarm["ComparisonOperator"],
        threshold=alarm["Threshold"],
        period_s=period_s,
        needed=alarm.get("DatapointsToAlarm", evaluated),
        evaluated=evaluated,
        points=points,
    )


def _query(alarm: Mapping[str, Any]) -> Mapping[str, Any]:
    """The query that reads an alarm's one metric."""
    metric = {
        "Namespace": alarm["Namespace"],
        "MetricName": alarm["MetricName"],
        "Dimensions": alarm.get("Dimensions", []),
    }
    stat = {
        "Metric": metric,
        "Period": alarm["Period"],
        "Stat": alarm.get("Statistic") or alarm["ExtendedStatistic"],
    }
    return {"Id": "metric", "MetricStat": stat}


def _metric(alarm: Mapping[str, Any]) -> str:
    if alarm.get("Metrics"):
        expressions = [each["Expression"] for each in alarm["Metrics"] if "Expression" in each]
        return " ".join(expressions) or "metric math"
    statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
    return f"{statistic} of {alarm['Namespace']} {alarm['MetricName']}"


def _decided(activity: Mapping[str, Any]) -> Decided:
    reasons = [each["Code"] for each in activity.get("NotScaledReasons", ())]
    try:
        evidence = json.loads(activity.get("Details") or "{}")
    except ValueError:
        evidence = {}
    return Decided(
        activity["StartTime"].timestamp(),
        activity["Description"],
        activity["StatusCode"],
        activity["Cause"],
        activity.get("StatusMessage", ""),
        reasons,
        evidence if isinstance(evidence, dict) else {},
    )
