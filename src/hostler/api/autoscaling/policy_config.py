"""A policy's configuration: read from the request, and refused where it cannot act.

Invariant: a policy that is stored can be decided by (``planning.scaling``) without further checks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostler.domain.errors import CallerError, validation
from hostler.domain.scaling import (
    COOLDOWN_S,
    AdjustmentType,
    Aggregation,
    Dimension,
    Policy,
    PolicyType,
    Step,
    StepScaling,
    TargetTracking,
)
from hostler.planning import adjustment, tracking
from hostler.planning.adjustment import StepsError
from hostler.telemetry import expressions, points
from hostler.telemetry.expressions import ExpressionError

MEMBERS: Mapping[PolicyType, str] = {
    PolicyType.STEP: "StepScalingPolicyConfiguration",
    PolicyType.TRACKING: "TargetTrackingScalingPolicyConfiguration",
}
TARGET_MIN, TARGET_MAX = 8.515920e-109, 1.174271e108
"""https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html"""
METRICS_MAX = 10

_COMPONENT = "inference components do not exist here"


def read(policy: Policy, kind: PolicyType, params: Mapping[str, Any], of: Dimension) -> Policy:
    """The policy with the configuration that a request gives.

    Args:
        policy: A new one, or the one that is to be replaced.
        kind: The type that was asked for.
        params: The request's.
        of: The dimension of the policy's target.

    Raises:
        CallerError: ValidationException, for whatever is wrong with it.
    """
    member = MEMBERS[kind]
    given: Mapping[str, Any] | None = params.get(member)
    for other, name in MEMBERS.items():
        if other is not kind and params.get(name):
            raise validation(f"{name} cannot be specified for a policy of type {kind}.")
    if not given:
        raise validation(f"{member} must be specified for a policy of type {kind}.")
    if kind is PolicyType.STEP:
        return replace(policy, request=given, step=_steps(given), tracking=None)
    return replace(policy, request=given, step=None, tracking=_tracking(given, of))


def _steps(given: Mapping[str, Any]) -> StepScaling:
    kind = given.get("AdjustmentType")
    if kind is None:
        raise validation("AdjustmentType must be specified for step scaling policies.")
    magnitude: int | None = given.get("MinAdjustmentMagnitude")
    if magnitude is not None:
        if kind != AdjustmentType.PERCENT:
            raise validation(
                f"MinAdjustmentMagnitude can only be specified with {AdjustmentType.PERCENT}."
            )
        if magnitude < 0:
            raise validation("MinAdjustmentMagnitude must not be negative.")
    steps = tuple(
        Step(
            each.get("MetricIntervalLowerBound"),
            each.get("MetricIntervalUpperBound"),
            each["ScalingAdjustment"],
        )
        for each in given.get("StepAdjustments") or ()
    )
    try:
        adjustment.check(steps)
    except StepsError as error:
        raise validation(str(error)) from None
    if kind == AdjustmentType.EXACT and any(step.adjustment < 0 for step in steps):
        raise validation(f"ScalingAdjustment must not be negative with {AdjustmentType.EXACT}.")
    return StepScaling(
        AdjustmentType(kind),
        steps,
        magnitude,
        _cooldown(given, "Cooldown"),
        Aggregation(given.get("MetricAggregationType", Aggregation.AVERAGE)),
    )


def _tracking(given: Mapping[str, Any], of: Dimension) -> TargetTracking:
    value: float = given["TargetValue"]
    if not (math.isfinite(value) and TARGET_MIN <= value <= TARGET_MAX):
        raise validation(
            f"TargetValue {value} is not valid: it must be between {TARGET_MIN} and {TARGET_MAX}."
        )
    predefined = given.get("PredefinedMetricSpecification")
    custom = given.get("CustomizedMetricSpecification")
    if (not predefined) == (not custom):
        raise validation(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must "
            "be specified."
        )
    if predefined:
        _check_predefined(predefined["PredefinedMetricType"], of)
    else:
        assert custom is not None
        _check_custom(custom)
    return TargetTracking(
        value,
        _cooldown(given, "ScaleOutCooldown"),
        _cooldown(given, "ScaleInCooldown"),
        given.get("DisableScaleIn", False),
    )


def _check_predefined(metric: str, of: Dimension) -> None:
    if metric.startswith("SageMakerInferenceComponent"):
        raise validation(f"PredefinedMetricType {metric} is not supported yet: {_COMPONENT}.")
    known = tracking.PREDEFINED.get(metric)
    if known is None or known.dimension is not of:
        fitting = sorted(n for n, each in tracking.PREDEFINED.items() if each.dimension is of)
        raise validation(
            f"Unsupported predefined metric type {metric} for scalable dimension {of}: use "
            f"{' or '.join(fitting)}."
        )


def _check_custom(custom: Mapping[str, Any]) -> None:
    queries: Sequence[Mapping[str, Any]] = custom.get("Metrics") or ()
    single = [name for name in ("MetricName", "Namespace", "Statistic") if custom.get(name)]
    if queries:
        if single or custom.get("Dimensions") or custom.get("Unit"):
            raise validation("Metrics cannot be specified together with a single metric.")
        _check_queries(queries)
    elif len(single) < 3:
        raise validation(
            "CustomizedMetricSpecification must have MetricName, Namespace and Statistic, or "
            "Metrics."
        )


def _check_queries(queries: Sequence[Mapping[str, Any]]) -> None:
    if len(queries) > METRICS_MAX:
        raise validation(f"Metrics must not have more than {METRICS_MAX} members.")
    ids = [each["Id"] for each in queries]
    if len({*ids}) < len(ids):
        raise validation("The Ids of Metrics must be unique.")
    returned = [each["Id"] for each in queries if each.get("ReturnData", True)]
    if len(returned) != 1:
        raise validation(
            "Exactly one of Metrics must have ReturnData true (it is, where it is left out)."
        )
    for each in queries:
        stat, expression = each.get("MetricStat"), each.get("Expression")
        if (not stat) == (not expression):
            raise validation(
                f"Exactly one of MetricStat and Expression must be specified for {each['Id']}."
            )
        if expression:
            _check_expression(each["Id"], expression, {*ids} - {each["Id"]})
        elif not points.is_statistic((stat or {})["Stat"]):
            raise validation(f"Stat of {each['Id']} is not one of CloudWatch's statistics.")
        else:
            _check_metric(each["Id"], (stat or {})["Metric"])


def _check_expression(query_id: str, expression: str, others: set[str]) -> None:
    try:
        used = expressions.names(expressions.parse(expression))
    except ExpressionError as error:
        raise validation(f"Error in expression '{query_id}': {error}.") from None
    for name in sorted(used - others):
        raise validation(f"Error in expression '{query_id}': {name} is not the Id of another.")


def _check_metric(query_id: str, metric: Mapping[str, Any]) -> None:
    for name in ("Namespace", "MetricName"):
        if not metric.get(name):
            raise validation(f"MetricStat.Metric of {query_id} must have {name}.")


def _cooldown(given: Mapping[str, Any], name: str) -> float:
    seconds: int = given.get(name, COOLDOWN_S)
    if seconds < 0:
        raise _negative(name)
    return float(seconds)


def _negative(name: str) -> CallerError:
    return validation(f"{name} must not be negative.")
