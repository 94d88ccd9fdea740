"""What Application Auto Scaling says of what it does: activities, in AWS's words.

Invariant: pure; the texts are AWS's, as users' tools search in them.
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hostler.domain.endpoint import Endpoint
from hostler.domain.scaling import (
    NAMESPACE,
    Activity,
    ActivityStatus,
    Dimension,
    ScheduledAction,
    Target,
)
from hostler.planning.scaling import Decision, Signal

_NOUNS = {
    Dimension.INSTANCE_COUNT: "instance count",
    Dimension.PROVISIONED_CONCURRENCY: "provisioned concurrency",
    Dimension.COPY_COUNT: "copy count",
}
_ATTEMPT = "Attempting to scale due to alarm triggered"


def begun(
    target: Target,
    activity_id: str,
    capacity: int,
    cause: str,
    now: float,
    *,
    evidence: Mapping[str, Any],
) -> Activity:
    """A change that was asked for and is not fulfilled yet."""
    noun = _NOUNS[target.dimension]
    return _of(
        target,
        activity_id,
        now,
        description=f"Setting desired {noun} to {capacity}.",
        cause=cause,
        status=ActivityStatus.IN_PROGRESS,
        message=f"Successfully set desired {noun} to {capacity}. Waiting for change to be "
        f"fulfilled by {NAMESPACE}.",
        capacity=capacity,
        evidence=evidence,
    )


def refused(activity: Activity, why: str, now: float) -> Activity:
    """A change that could not be asked for."""
    noun = _NOUNS[activity.dimension]
    message = f"Failed to set desired {noun} to {activity.capacity}. Reason: {why}"
    return replace(activity, status=ActivityStatus.FAILED, message=message, ended=now)


def concluded(activity: Activity, endpoint: Endpoint | None, count: int, now: float) -> Activity:
    """What became of a change, once its endpoint is at rest with ``count``."""
    noun = _NOUNS[activity.dimension]
    done = f"Successfully set desired {noun} to {activity.capacity}."
    if endpoint is None:
        why = "the endpoint was deleted."
    elif count == activity.capacity:
        message = f"{done} Change successfully fulfilled by {NAMESPACE}."
        return replace(activity, status=ActivityStatus.SUCCESSFUL, message=message, ended=now)
    elif endpoint.failure_reason:
        why = endpoint.failure_reason
    else:
        message = f"{done} Change was overridden: the desired {noun} is {count}."
        return replace(activity, status=ActivityStatus.OVERRIDDEN, message=message, ended=now)
    return refused(activity, why, now)


def not_scaled(
    target: Target, activity_id: str, decision: Decision, now: float, evidence: Mapping[str, Any]
) -> Activity:
    """An alarm that led to no change, and why."""
    assert decision.signal is not None, "without a proposal there is nothing to tell"
    return _of(
        target,
        activity_id,
        now,
        description=_ATTEMPT,
        cause=caused_by(decision.signal),
        status=ActivityStatus.FAILED,
        message=f"Not scaled. {decision.why}",
        ended=now,
        reasons=decision.reasons,
        evidence=evidence,
    )


def bounds_set(
    target: Target, activity_id: str, action: ScheduledAction, why_not: str | None, now: float
) -> Activity:
    """A scheduled action that changed the target's bounds, or why it could not."""
    parts = []
    if action.min is not None:
        parts.append(f"min capacity to {action.min}")
    if action.max is not None:
        parts.append(f"max capacity to {action.max}")
    what = " and ".join(parts)
    status, message = ActivityStatus.SUCCESSFUL, f"Successfully set {what}"
    if why_not is not None:
        status, message = ActivityStatus.FAILED, f"Failed to set {what}. Reason: {why_not}"
    return _of(
        target,
        activity_id,
        now,
        description=f"Setting {what}",
        cause=f"scheduled action name {action.name} was triggered",
        status=status,
        message=message,
        ended=now,
    )


def caused_by(signal: Signal) -> str:
    """An alarm as the cause of an activity."""
    return (
        f"monitor alarm {signal.alarm} in state {signal.state} triggered policy "
        f"{signal.policy.name}"
    )


def bounded_by(target: Target, capacity: int) -> str:
    """The bound that a capacity is beyond, as the cause of an activity."""
    if capacity < target.min:
        return f"minimum capacity was set to {target.min}"
    return f"maximum capacity was set to {target.max}"


def evidence(
    target: Target, current: int, decision: Decision, signals: list[Signal], now: float
) -> Mapping[str, Any]:
    """All that a decision was made of, as it is kept with its activity."""
    cooling = target.cooldown
    return {
        "at": now,
        "current": current,
        "bounds": [target.min, target.max],
        "alarms": [
            {
                "name": signal.alarm,
                "state": signal.state,
                "policy": signal.policy.name,
                "metric": signal.metric,
                "threshold": signal.threshold,
                "values": list(signal.values),
            }
            for signal in signals
        ],
        "proposals": [
            {
                "policy": each.policy,
                "alarm": each.alarm,
                "formula": each.formula,
                "capacity": each.capacity,
            }
            for each in decision.proposals
        ],
        "cooldown": None
        if cooling is None
        else {
            "direction": cooling.direction.value,
            "policy": cooling.policy,
            "until": cooling.until,
            "holds": cooling.holds(now),
        },
        "decision": decision.why,
        "capacity": decision.capacity,
    }


def _of(target: Target, activity_id: str, now: float, **members: Any) -> Activity:
    return Activity(
        id=activity_id,
        account=target.account,
        region=target.region,
        resource_id=target.resource_id,
        dimension=target.dimension,
        started=now,
        **members,
    )
