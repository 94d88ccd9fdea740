"""What a call is about: a scalable target of an endpoint's variant, and AWS's words about it.

Invariant: a target is found within the caller's account and region alone; others do not exist.
"""

import re
from collections.abc import Mapping
from typing import Any

from hostler.api.registry import Call
from hostler.domain.endpoint import Deployment, Endpoint, Variant
from hostler.domain.errors import CallerError, validation
from hostler.domain.scaling import NAMESPACE, Dimension, Target
from hostler.domain.serverless import Serverless
from hostler.planning.sizing import size
from hostler.store import endpoints, scaling
from hostler.store.database import Transaction
from hostler.store.scaling import Resource

_VARIANT = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
_COMPONENT = re.compile(r"inference-component/[^/]+")


def check_namespace(params: Mapping[str, Any]) -> None:
    """Refuse the services that are not here."""
    if params["ServiceNamespace"] != NAMESPACE:
        raise validation(
            f"Service namespace {params['ServiceNamespace']} is not supported: only {NAMESPACE} "
            "is scaled here."
        )


def resource_of(params: Mapping[str, Any]) -> Resource:
    """The resource that a call names; ValidationException for one that cannot be."""
    check_namespace(params)
    resource_id: str = params["ResourceId"]
    dimension = dimension_of(params["ScalableDimension"])
    found = _VARIANT.fullmatch(resource_id)
    if dimension is Dimension.COPY_COUNT or _COMPONENT.fullmatch(resource_id):
        raise validation(
            f"Resource ID {resource_id} is not supported yet: inference components do not exist "
            "here. Scale a variant: endpoint/ENDPOINT/variant/VARIANT."
        )
    if found is None:
        raise validation(
            f"Unsupported service namespace, resource type or scalable dimension: resource ID "
            f"{resource_id} must be written as endpoint/ENDPOINT/variant/VARIANT."
        )
    return Resource(found[1], found[2], dimension)


def dimension_of(text: str) -> Dimension:
    """A scalable dimension of SageMaker's."""
    try:
        return Dimension(text)
    except ValueError:
        raise validation(
            f"Unsupported service namespace, resource type or scalable dimension: {text} is none "
            f"of {NAMESPACE}'s."
        ) from None


def missing(params: Mapping[str, Any]) -> CallerError:
    """No target is registered."""
    return CallerError(
        "ObjectNotFoundException", f"No scalable target registered for {_of(params)}"
    )


def missing_policy(params: Mapping[str, Any]) -> CallerError:
    """The target has no policy of the name."""
    return CallerError(
        "ObjectNotFoundException",
        f"No scaling policy found for {_of(params)}, policy name: {params['PolicyName']}",
    )


def missing_action(params: Mapping[str, Any]) -> CallerError:
    """The target has no scheduled action of the name."""
    return CallerError(
        "ObjectNotFoundException",
        f"No scheduled action found for {_of(params)}, "
        f"scheduled action name: {params['ScheduledActionName']}",
    )


def existing(tx: Transaction, call: Call) -> Target:
    """The target that a call names, or AWS's error that there is none."""
    found = scaling.target(tx, call.account, call.region, resource_of(call.params))
    if found is None:
        raise missing(call.params)
    return found


def listed(tx: Transaction, call: Call) -> list[Target]:
    """The targets that a list's ResourceId and ScalableDimension leave, the oldest first."""
    params = call.params
    check_namespace(params)
    resource_id, dimension = params.get("ResourceId"), params.get("ScalableDimension")
    found = scaling.targets_of(tx, call.account, call.region)
    if dimension is not None:
        dimension_of(dimension)
        if resource_id is None:
            raise validation("ResourceId must be specified when ScalableDimension is.")
        found = [each for each in found if each.dimension == dimension]
    if resource_id is not None:
        key = scaling.resource_key(resource_id)
        found = [each for each in found if scaling.resource_key(each.resource_id) == key]
    return list(found)


def variant_of(tx: Transaction, call: Call, resource: Resource) -> tuple[Endpoint, Variant]:
    """The variant that is to be scaled, with its endpoint; ValidationException without one."""
    endpoint = endpoints.get(tx, call.account, call.region, resource.endpoint)
    if endpoint is None or endpoint.deleting:
        raise validation(f"SageMaker endpoint doesn't exist: endpoint/{resource.endpoint}")
    run = _deployment(tx, endpoint)
    for variant in run.variants if run is not None else ():
        if variant.name == resource.variant:
            _check_dimension(size(variant, endpoint.sizes).serverless, resource)
            return endpoint, variant
    raise validation(
        f"SageMaker variant doesn't exist: endpoint/{resource.endpoint}/variant/{resource.variant}"
    )


def _check_dimension(serverless: Serverless | None, resource: Resource) -> None:
    """Refuse to scale instances where there are none, or provisioned environments likewise."""
    name = f"endpoint/{resource.endpoint}/variant/{resource.variant}"
    if resource.dimension is Dimension.PROVISIONED_CONCURRENCY:
        if serverless is None or not serverless.provisioned:
            raise validation(
                f"Scalable dimension {resource.dimension} is not supported for {name}: it has no "
                "ProvisionedConcurrency in its ServerlessConfig."
            )
    elif serverless is not None:
        raise validation(
            f"Scalable dimension {resource.dimension} is not supported for {name}: it is "
            f"serverless. Use {Dimension.PROVISIONED_CONCURRENCY}."
        )


def _deployment(tx: Transaction, endpoint: Endpoint) -> Deployment | None:
    """What serves; before anything does, what is to."""
    key = endpoint.current or endpoint.target
    return None if key is None else endpoints.deployment(tx, key)


def _of(params: Mapping[str, Any]) -> str:
    return (
        f"service namespace: {params['ServiceNamespace']}, resource ID: {params['ResourceId']}, "
        f"scalable dimension: {params['ScalableDimension']}"
    )
