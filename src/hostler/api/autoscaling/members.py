"""What becomes of each input member of the Application Auto Scaling operations.

Invariant: as in ``api.sagemaker.members``: each leaf is here, or below a structure that is refused.
"""

from collections.abc import Mapping

from hostler.api.members import ACTS, Echoed, Members, Refused

_RESOURCE: Members = {"ServiceNamespace": ACTS, "ResourceId": ACTS, "ScalableDimension": ACTS}
_PAGE: Members = {"MaxResults": ACTS, "NextToken": ACTS}
_PREDICTIVE = Refused("predictive scaling does not exist here: use target tracking or steps")


def _below(path: str, *names: str) -> Members:
    return {f"{path}{name}": ACTS for name in names}


_TRACKING = "TargetTrackingScalingPolicyConfiguration."
_STEP = "StepScalingPolicyConfiguration."
_CUSTOM = f"{_TRACKING}CustomizedMetricSpecification."
_QUERY = f"{_CUSTOM}Metrics[]."
_DIMENSIONS = ("Dimensions[].Name", "Dimensions[].Value")

BY_OPERATION: Mapping[str, Members] = {
    "RegisterScalableTarget": {
        **_RESOURCE,
        "MinCapacity": ACTS,
        "MaxCapacity": ACTS,
        "RoleARN": Echoed("as on AWS the service-linked role is shown instead, and needs nothing"),
        **_below(
            "SuspendedState.",
            *("DynamicScalingInSuspended", "DynamicScalingOutSuspended"),
            "ScheduledScalingSuspended",
        ),
        "Tags": ACTS,
    },
    "DeregisterScalableTarget": _RESOURCE,
    "DescribeScalableTargets": {
        "ServiceNamespace": ACTS,
        "ResourceIds[]": ACTS,
        "ScalableDimension": ACTS,
        **_PAGE,
    },
    "PutScalingPolicy": {
        "PolicyName": ACTS,
        **_RESOURCE,
        "PolicyType": ACTS,
        **_below(_STEP, "AdjustmentType", "MinAdjustmentMagnitude", "Cooldown"),
        **_below(_STEP, "MetricAggregationType"),
        **_below(
            f"{_STEP}StepAdjustments[].",
            *("MetricIntervalLowerBound", "MetricIntervalUpperBound", "ScalingAdjustment"),
        ),
        **_below(_TRACKING, "TargetValue", "ScaleOutCooldown", "ScaleInCooldown"),
        **_below(_TRACKING, "DisableScaleIn"),
        f"{_TRACKING}PredefinedMetricSpecification.PredefinedMetricType": ACTS,
        f"{_TRACKING}PredefinedMetricSpecification.ResourceLabel": Refused(
            "it belongs to load balancers, and SageMaker's metrics have none"
        ),
        **_below(_CUSTOM, "MetricName", "Namespace", *_DIMENSIONS, "Statistic", "Unit"),
        **_below(_QUERY, "Expression", "Id", "Label", "ReturnData"),
        **_below(f"{_QUERY}MetricStat.", "Stat", "Unit"),
        **_below(f"{_QUERY}MetricStat.Metric.", "MetricName", "Namespace", *_DIMENSIONS),
        "PredictiveScalingPolicyConfiguration": _PREDICTIVE,
    },
    "DeleteScalingPolicy": {"PolicyName": ACTS, **_RESOURCE},
    "DescribeScalingPolicies": {"PolicyNames[]": ACTS, **_RESOURCE, **_PAGE},
    "PutScheduledAction": {
        **_RESOURCE,
        "Schedule": ACTS,
        "Timezone": ACTS,
        "ScheduledActionName": ACTS,
        "StartTime": ACTS,
        "EndTime": ACTS,
        **_below("ScalableTargetAction.", "MinCapacity", "MaxCapacity"),
    },
    "DeleteScheduledAction": {"ScheduledActionName": ACTS, **_RESOURCE},
    "DescribeScheduledActions": {"ScheduledActionNames[]": ACTS, **_RESOURCE, **_PAGE},
    "DescribeScalingActivities": {**_RESOURCE, **_PAGE, "IncludeNotScaledActivities": ACTS},
    "GetPredictiveScalingForecast": {
        **_RESOURCE,
        "PolicyName": ACTS,
        "StartTime": ACTS,
        "EndTime": ACTS,
    },
    "TagResource": {"ResourceARN": ACTS, "Tags": ACTS},
    "UntagResource": {"ResourceARN": ACTS, "TagKeys[]": ACTS},
    "ListTagsForResource": {"ResourceARN": ACTS},
}
