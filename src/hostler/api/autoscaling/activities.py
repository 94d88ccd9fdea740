"""DescribeScalingActivities, and the forecast that does not exist.

Invariant: newest first, six weeks back; what scaled nothing is shown only to who asks for it.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from hostler.api.autoscaling import pages, resources
from hostler.api.registry import Call
from hostler.domain.errors import validation
from hostler.domain.scaling import NAMESPACE, Activity, NotScaled, Reason
from hostler.store import scaling_activities
from hostler.store.database import Transaction

_CAPACITIES = {
    NotScaled.AT_MAX: "MaxCapacity",
    NotScaled.AT_MIN: "MinCapacity",
    NotScaled.AT_DESIRED: "CurrentCapacity",
}


def described(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeScalingActivities."""
    params = call.params
    resources.check_namespace(params)
    given = params.get("ScalableDimension")
    dimension = None if given is None else resources.dimension_of(given)
    if dimension is not None and params.get("ResourceId") is None:
        raise validation("ResourceId must be specified when ScalableDimension is.")
    found = scaling_activities.listed(
        tx,
        call.account,
        call.region,
        resource_id=params.get("ResourceId"),
        dimension=dimension,
        since=call.now - scaling_activities.KEPT_S,
        not_scaled=params.get("IncludeNotScaledActivities", False),
    )
    page, following = pages.cut(found, lambda each: (-each.started, each.id), params)
    return {"ScalingActivities": [_shape(each) for each in page], **following}


def forecast(_tx: Transaction, _call: Call) -> Mapping[str, Any]:
    """GetPredictiveScalingForecast."""
    raise validation(
        "GetPredictiveScalingForecast is not supported: predictive scaling does not exist here. "
        "Use target tracking or steps, or PutScheduledAction for load that comes by the clock."
    )


def _shape(activity: Activity) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        "ActivityId": activity.id,
        "ServiceNamespace": NAMESPACE,
        "ResourceId": activity.resource_id,
        "ScalableDimension": activity.dimension.value,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started,
        "StatusCode": activity.status.value,
        "StatusMessage": activity.message,
    }
    if activity.ended is not None:
        shown["EndTime"] = activity.ended
    if activity.evidence:
        shown["Details"] = orjson.dumps(activity.evidence).decode()
    if activity.reasons:
        shown["NotScaledReasons"] = [_reason(each) for each in activity.reasons]
    return shown


def _reason(reason: Reason) -> Mapping[str, Any]:
    capacity = _CAPACITIES.get(reason.code)
    if capacity is None or reason.capacity is None:
        return {"Code": reason.code.value}
    return {"Code": reason.code.value, capacity: reason.capacity}
