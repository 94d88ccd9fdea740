"""Scheduled actions: PutScheduledAction, DeleteScheduledAction, DescribeScheduledActions.

Invariant: when an action happens next is computed when it is put, and kept in its row; a put that
leaves out a member keeps the one that was given before, as on AWS.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostler.api.autoscaling import pages, resources
from hostler.api.autoscaling.targets import MIN_REAL_TIME
from hostler.api.registry import Call
from hostler.domain.errors import CallerError, validation
from hostler.domain.scaling import NAMESPACE, ScheduledAction, Target, scheduled_action_arn
from hostler.planning import schedule
from hostler.planning.schedule import ScheduleError
from hostler.store import scaling
from hostler.store.database import Transaction

ACTIONS_MAX = 200
"""Of one target."""


def put(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """PutScheduledAction: makes an action, or changes the one of its name."""
    target = resources.existing(tx, call)
    name: str = call.params["ScheduledActionName"]
    others = {each.name: each for each in scaling.actions(tx, target.id)}
    known = others.pop(name, None)
    if len(others) >= ACTIONS_MAX:
        raise CallerError(
            "LimitExceededException",
            f"A scalable target has at most {ACTIONS_MAX} scheduled actions.",
        )
    changed = _changed(known or _new(call, target, name), call.params)
    if not changed.schedule:
        raise validation("Schedule must be specified for a new scheduled action.")
    _check(changed, target, call.now)
    try:
        due = schedule.next_fire(
            changed.schedule,
            changed.timezone,
            call.now,
            created=changed.created,
            start=changed.start,
            end=changed.end,
        )
    except ScheduleError as error:
        raise validation(str(error)) from None
    if due is None:
        raise validation(f"Schedule {changed.schedule} never comes.")
    scaling.put_action(tx, replace(changed, due=due))
    call.wakes.append(target.key)
    return {}


def delete(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DeleteScheduledAction."""
    target = scaling.target(tx, call.account, call.region, resources.resource_of(call.params))
    name: str = call.params["ScheduledActionName"]
    known = [each.name for each in scaling.actions(tx, target.id)] if target is not None else []
    if target is None or name not in known:
        raise resources.missing_action(call.params)
    scaling.remove_action(tx, target.id, name)
    return {}


def described(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeScheduledActions: in the order of their targets, and of their names."""
    params = call.params
    names: Sequence[str] | None = params.get("ScheduledActionNames")
    found = [
        (target, action)
        for target in resources.listed(tx, call)
        for action in scaling.actions(tx, target.id)
        if not names or action.name in names
    ]
    page, following = pages.cut(found, _place, params)
    return {"ScheduledActions": [_shape(*each) for each in page], **following}


def _place(one: tuple[Target, ScheduledAction]) -> pages.Place:
    target, action = one
    return target.created, target.id, action.name


def _new(call: Call, target: Target, name: str) -> ScheduledAction:
    made = uuid.uuid5(uuid.NAMESPACE_OID, f"{call.request_id}|{name}")
    arn = scheduled_action_arn(target, str(made), name)
    return ScheduledAction(target.id, name, arn, call.now, "")


def _changed(action: ScheduledAction, params: Mapping[str, Any]) -> ScheduledAction:
    bounds: Mapping[str, int] = params.get("ScalableTargetAction") or {}
    if bounds:
        action = replace(action, min=bounds.get("MinCapacity"), max=bounds.get("MaxCapacity"))
    return replace(
        action,
        schedule=params.get("Schedule", action.schedule),
        timezone=params.get("Timezone", action.timezone),
        start=params.get("StartTime", action.start),
        end=params.get("EndTime", action.end),
    )


def _check(action: ScheduledAction, target: Target, now: float) -> None:
    if action.min is None and action.max is None:
        raise validation("ScalableTargetAction must have MinCapacity, MaxCapacity or both.")
    for name, value in (("MinCapacity", action.min), ("MaxCapacity", action.max)):
        if value is not None and value < MIN_REAL_TIME:
            raise validation(
                f"{name} {value} is not valid: a variant of a real-time endpoint has at least "
                f"{MIN_REAL_TIME} instance."
            )
    least = target.min if action.min is None else action.min
    most = target.max if action.max is None else action.max
    if action.min is not None and action.max is not None and most < least:
        raise validation("Maximum capacity cannot be less than minimum capacity.")
    if action.end is not None and action.end <= max(now, action.start or 0.0):
        raise validation("EndTime must be in the future, and after StartTime.")


def _shape(target: Target, action: ScheduledAction) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "ServiceNamespace": NAMESPACE,
        "Schedule": action.schedule,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension.value,
        "CreationTime": action.created,
        "ScalableTargetAction": {
            name: value
            for name, value in (("MinCapacity", action.min), ("MaxCapacity", action.max))
            if value is not None
        },
    }
    times = {"Timezone": action.timezone, "StartTime": action.start, "EndTime": action.end}
    return {**shown, **{name: given for name, given in times.items() if given is not None}}
