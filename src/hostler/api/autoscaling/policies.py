"""Scaling policies: PutScalingPolicy, DeleteScalingPolicy, DescribeScalingPolicies.

Invariant: a target tracking policy and its alarms are written and deleted together; a policy that
is put again keeps its ARN, and its alarms their names.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostler.api.autoscaling import pages, policy_config, resources
from hostler.api.cloudwatch.alarms import keeping
from hostler.api.registry import Call
from hostler.domain.alarm import alarm_arn
from hostler.domain.errors import CallerError, validation
from hostler.domain.scaling import NAMESPACE, Policy, PolicyType, Target, policy_arn
from hostler.planning import tracking
from hostler.store import alarms, scaling, unscaling
from hostler.store.alarms import Wanted
from hostler.store.database import Transaction

POLICIES_MAX = 50
"""Of one target."""
PAGE_MAX = 10


def put(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """PutScalingPolicy: makes a policy, or replaces the one of its name."""
    target = resources.existing(tx, call)
    name: str = call.params["PolicyName"]
    others = {each.name: each for each in scaling.policies(tx, target.id)}
    known = others.pop(name, None)
    kind = _kind(call.params, known)
    if known is not None and known.type is not kind:
        raise validation(
            f"The type of policy {name} cannot be changed from {known.type} to {kind}: delete it "
            "first."
        )
    if len(others) >= POLICIES_MAX:
        raise CallerError(
            "LimitExceededException",
            f"A scalable target has at most {POLICIES_MAX} scaling policies.",
        )
    policy = policy_config.read(
        known or _new(call, target, name), kind, call.params, target.dimension
    )
    policy = _with_alarms(call, target, policy)
    scaling.put_policy(tx, policy)
    if policy.tracking is not None:
        _put_alarms(tx, call, target, policy, known)
    return {"PolicyARN": policy.arn, "Alarms": _alarms(target, _made(policy))}


def delete(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DeleteScalingPolicy: with the alarms that the policy made."""
    target = scaling.target(tx, call.account, call.region, resources.resource_of(call.params))
    named: str = call.params["PolicyName"]
    for policy in scaling.policies(tx, target.id) if target is not None else ():
        if target is not None and policy.name == named:
            unscaling.forget_policy(tx, target, policy)
            return {}
    raise resources.missing_policy(call.params)


def described(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeScalingPolicies: in the order of their targets, and of their names."""
    params = call.params
    names: Sequence[str] | None = params.get("PolicyNames")
    found = [
        (target, policy)
        for target in resources.listed(tx, call)
        for policy in scaling.policies(tx, target.id)
        if not names or policy.name in names or policy.arn in names
    ]
    page, following = pages.cut(found, _place, params, most=PAGE_MAX)
    return {"ScalingPolicies": [_shape(tx, *each) for each in page], **following}


def _place(one: tuple[Target, Policy]) -> pages.Place:
    target, policy = one
    return target.created, target.id, policy.name


def _kind(params: Mapping[str, Any], known: Policy | None) -> PolicyType:
    """The type asked for; without one a policy keeps its own, and a new one has steps."""
    given = params.get("PolicyType")
    if given is None:
        return known.type if known is not None else PolicyType.STEP
    try:
        return PolicyType(given)
    except ValueError:
        raise validation(
            f"PolicyType {given} is not supported: predictive scaling does not exist here. Use "
            f"{PolicyType.TRACKING} or {PolicyType.STEP}."
        ) from None


def _new(call: Call, target: Target, name: str) -> Policy:
    arn = policy_arn(target, _uuid(call, name), name)
    return Policy(target.id, name, arn, call.now, {})


def _with_alarms(call: Call, target: Target, policy: Policy) -> Policy:
    """The policy with the names of the alarms that it is to have; those that it has stay."""
    if policy.tracking is None:
        return policy
    high, low = policy.high_alarm, policy.low_alarm
    if high is None:
        high = tracking.alarm_name(target, "AlarmHigh", _uuid(call, f"{policy.name}|high"))
    if policy.tracking.disable_scale_in:
        low = None
    elif low is None:
        low = tracking.alarm_name(target, "AlarmLow", _uuid(call, f"{policy.name}|low"))
    return replace(policy, high_alarm=high, low_alarm=low)


def _put_alarms(
    tx: Transaction, call: Call, target: Target, policy: Policy, before: Policy | None
) -> None:
    """Make the policy's alarms; one that is there keeps its state, and one too many goes."""
    for alarm in tracking.alarms(target, policy, call.now):
        keeping.keep(tx, call, alarm)
    gone = {*_made(before)} - {*_made(policy)} if before is not None else set()
    alarms.remove(tx, target.account, target.region, sorted(gone))


def _made(policy: Policy) -> list[str]:
    return [name for name in (policy.high_alarm, policy.low_alarm) if name is not None]


def _shape(tx: Transaction, target: Target, policy: Policy) -> Mapping[str, Any]:
    names = _made(policy)
    if policy.step is not None:  # whose alarms are those that name it among their actions
        wanted = Wanted(action_prefix=policy.arn)
        found = alarms.listed(tx, target.account, target.region, wanted)
        names = [alarm.name for alarm in found]
    config = policy_config.MEMBERS[policy.type]
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "ServiceNamespace": NAMESPACE,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension.value,
        "PolicyType": policy.type.value,
        config: policy.request,
        "Alarms": _alarms(target, names),
        "CreationTime": policy.created,
    }


def _alarms(target: Target, names: Sequence[str]) -> list[Mapping[str, str]]:
    return [
        {"AlarmName": name, "AlarmARN": alarm_arn(target.region, target.account, name)}
        for name in names
    ]


def _uuid(call: Call, what: str) -> str:
    """A UUID that one request makes once, however often its transaction is tried."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{call.request_id}|{what}"))
