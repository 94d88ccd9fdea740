"""Scalable targets: RegisterScalableTarget, DeregisterScalableTarget, DescribeScalableTargets.

Invariant: a handler writes the target's bounds and wakes its controller, which pulls the capacity
within them; it never changes an endpoint.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hostler.api.autoscaling import pages, resources
from hostler.api.autoscaling import tags as tagged
from hostler.api.registry import Call
from hostler.domain.endpoint import Variant
from hostler.domain.errors import validation
from hostler.domain.scaling import NAMESPACE, Suspended, Target, service_linked_role
from hostler.domain.serverless import Serverless
from hostler.planning.sizing import size
from hostler.store import scaling, tags, unscaling
from hostler.store.database import Transaction
from hostler.store.scaling import Resource

MIN_REAL_TIME = 1
_BURSTABLE = ("ml.t2.", "ml.t3.")


def register(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """RegisterScalableTarget: a new one, or other bounds for one that there is."""
    params = call.params
    resource = resources.resource_of(params)
    endpoint, variant = resources.variant_of(tx, call, resource)
    known = scaling.target(tx, call.account, call.region, resource)
    given_tags: Mapping[str, str] = params.get("Tags") or {}
    if known is None:
        _check_burstable(variant)
        found = replace(_new(call, resource), endpoint=endpoint.name)
        tagged.check(given_tags, given_tags)
    else:
        found = known
        if given_tags:
            raise validation(
                "Tags can only be given when a scalable target is registered for the first time: "
                "use TagResource."
            )
    bounds = params.get("MinCapacity", found.min), params.get("MaxCapacity", found.max)
    check_bounds(*bounds)
    _check_concurrency(size(variant, endpoint.sizes).serverless, bounds[1])
    changed = replace(
        found,
        min=bounds[0],
        max=bounds[1],
        suspended=_suspended(found.suspended, params.get("SuspendedState") or {}),
        bounded=found.bounded or bool(params.keys() & {"MinCapacity", "MaxCapacity"}),
    )
    scaling.put_target(tx, changed)
    if given_tags:
        tags.put(tx, changed.arn, given_tags)
    call.wakes.append(changed.key)
    return {"ScalableTargetARN": changed.arn}


def deregister(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DeregisterScalableTarget: its policies, their alarms and its scheduled actions go too."""
    unscaling.deregister(tx, resources.existing(tx, call), call.now)
    return {}


def described(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeScalableTargets, oldest first."""
    params = call.params
    resources.check_namespace(params)
    found: Sequence[Target] = scaling.targets_of(tx, call.account, call.region)
    ids: Sequence[str] | None = params.get("ResourceIds")
    dimension = params.get("ScalableDimension")
    if dimension is not None:
        resources.dimension_of(dimension)
        if not ids:
            raise validation("ResourceIds must be specified when ScalableDimension is.")
        found = [each for each in found if each.dimension == dimension]
    if ids:
        wanted = {scaling.resource_key(each) for each in ids}
        found = [each for each in found if scaling.resource_key(each.resource_id) in wanted]
    page, following = pages.cut(found, lambda each: (each.created, each.id), params)
    return {"ScalableTargets": [_shape(each) for each in page], **following}


def check_bounds(least: int, most: int) -> None:
    """Refuse bounds that cannot be; real-time variants have an instance at least."""
    if least < MIN_REAL_TIME:
        raise validation(
            f"Minimum capacity {least} is not valid: a variant of a real-time endpoint has at "
            f"least {MIN_REAL_TIME} instance, and provisioned concurrency is at least that."
        )
    if most < least:
        raise validation("Maximum capacity cannot be less than minimum capacity.")


def _new(call: Call, resource: Resource) -> Target:
    params = call.params
    if "MinCapacity" not in params or "MaxCapacity" not in params:
        raise validation(
            "MinCapacity and MaxCapacity must be specified when a scalable target is registered "
            "for the first time."
        )
    made = uuid.uuid5(uuid.NAMESPACE_OID, f"{call.request_id}|{resource}")
    return Target(
        id=f"{made.hex}",
        account=call.account,
        region=call.region,
        endpoint=resource.endpoint,
        variant=resource.variant,
        dimension=resource.dimension,
        min=params["MinCapacity"],
        max=params["MaxCapacity"],
        created=call.now,
    )


def _suspended(before: Suspended, given: Mapping[str, bool]) -> Suspended:
    """What a request leaves out stays as it was."""
    return Suspended(
        given.get("DynamicScalingInSuspended", before.scale_in),
        given.get("DynamicScalingOutSuspended", before.scale_out),
        given.get("ScheduledScalingSuspended", before.scheduled),
    )


def _check_burstable(variant: Variant) -> None:
    name = variant.instance_type.name
    if name.startswith(_BURSTABLE):
        raise validation(
            f"You cannot register a variant with {name} instance type as a scalable target. "
            "Burstable instances do not give steady capacity: use another instance type."
        )


def _check_concurrency(serverless: Serverless | None, most: int) -> None:
    if serverless is not None and most > serverless.max_concurrency:
        raise validation(
            f"Maximum capacity {most} is not valid: the variant's MaxConcurrency is "
            f"{serverless.max_concurrency}."
        )


def _shape(target: Target) -> Mapping[str, Any]:
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension.value,
        "MinCapacity": target.min,
        "MaxCapacity": target.max,
        "RoleARN": service_linked_role(target.region, target.account),
        "CreationTime": target.created,
        "SuspendedState": {
            "DynamicScalingInSuspended": target.suspended.scale_in,
            "DynamicScalingOutSuspended": target.suspended.scale_out,
            "ScheduledScalingSuspended": target.suspended.scheduled,
        },
        "ScalableTargetARN": target.arn,
    }
