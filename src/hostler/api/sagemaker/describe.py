"""What DescribeEndpoint shows: the endpoint's row, what the controller last saw, what is to come.

Invariant: an absent member is omitted, never empty or null: clients' parsers tell them apart.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hostler.api.sagemaker.members import PRODUCTION, SHADOWS
from hostler.domain.endpoint import (
    Deployment,
    Endpoint,
    EndpointStatus,
    EndpointView,
    Variant,
    VariantView,
)
from hostler.domain.reasons import REASON_LENGTH_MAX
from hostler.domain.serverless import Serverless

STATUSES_MAX = 5

_CHANGING = frozenset({EndpointStatus.CREATING, EndpointStatus.UPDATING})


def shape(
    endpoint: Endpoint,
    view: EndpointView | None,
    current: Deployment | None,
    target: Deployment | None,
) -> Mapping[str, Any]:
    """DescribeEndpoint's output."""
    shown: dict[str, Any] = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config_name,
        "EndpointStatus": endpoint.status.value,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
    }
    if view is not None:
        shown |= _by_kind((variant.shadow, _variant(variant)) for variant in view.variants)
    if endpoint.failure_reason:
        shown["FailureReason"] = endpoint.failure_reason[:REASON_LENGTH_MAX]
    coming = endpoint.status in _CHANGING and target is not None
    latest = target if coming or current is None else current
    if latest is not None and latest.deployment_config:
        shown["LastDeploymentConfig"] = latest.deployment_config
    if target is not None and endpoint.status in _CHANGING and endpoint.target != endpoint.current:
        shown["PendingDeploymentSummary"] = _coming(target, view)
    return shown


def _coming(target: Deployment, view: EndpointView | None) -> Mapping[str, Any]:
    seen: dict[str, VariantView] = {}
    if view is not None and view.pending_config == target.config_name:
        seen = {variant.name: variant for variant in view.pending}
    return {
        "EndpointConfigName": target.config_name,
        **_by_kind((each.shadow, _pending(each, seen.get(each.name))) for each in target.variants),
        "StartTime": target.created,
    }


def _by_kind(shown: Iterable[tuple[bool, Mapping[str, Any]]]) -> dict[str, Any]:
    """Summaries under the members they belong to, each with whether it is a shadow's."""
    members: dict[str, Any] = {}
    for shadow, summary in shown:
        members.setdefault(SHADOWS if shadow else PRODUCTION, []).append(summary)
    return members


def _variant(view: VariantView) -> Mapping[str, Any]:
    shown: dict[str, Any] = {
        "VariantName": view.name,
        "CurrentWeight": view.current_weight,
        "DesiredWeight": view.desired_weight,
    }
    if view.serverless is None:
        shown["CurrentInstanceCount"] = view.current_count
        shown["DesiredInstanceCount"] = view.desired_count
    else:
        shown["CurrentServerlessConfig"] = _serverless(view.serverless)
        shown["DesiredServerlessConfig"] = _serverless(view.desired_serverless or view.serverless)
    if view.images:
        shown["DeployedImages"] = [
            {
                "SpecifiedImage": image.specified,
                "ResolvedImage": image.resolved,
                "ResolutionTime": image.resolved_at,
            }
            for image in view.images
        ]
    if view.routing is not None:
        shown["RoutingConfig"] = {"RoutingStrategy": view.routing.value}
    if view.statuses:
        shown["VariantStatus"] = [
            {"Status": state.status, "StatusMessage": state.message, "StartTime": state.since}
            if state.message
            else {"Status": state.status, "StartTime": state.since}
            for state in view.statuses[:STATUSES_MAX]
        ]
    return shown


def _pending(variant: Variant, seen: VariantView | None) -> Mapping[str, Any]:
    """A variant that is to come: as asked for, and as far as the controller has brought it."""
    return {
        **(_variant(seen) if seen is not None else {}),
        "VariantName": variant.name,
        "DesiredWeight": variant.weight,
        **(
            {"DesiredServerlessConfig": _serverless(variant.serverless)}
            if variant.serverless
            else {
                "DesiredInstanceCount": variant.initial_instance_count,
                "InstanceType": variant.instance_type.name,
            }
        ),
        **(
            {"RoutingConfig": {"RoutingStrategy": variant.routing.value}} if variant.routing else {}
        ),
    }


def _serverless(settings: Serverless) -> Mapping[str, int]:
    shown = {"MemorySizeInMB": settings.memory_mb, "MaxConcurrency": settings.max_concurrency}
    if settings.provisioned:
        shown["ProvisionedConcurrency"] = settings.provisioned
    return shown
