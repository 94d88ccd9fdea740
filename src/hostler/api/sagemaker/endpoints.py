"""CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, DeleteEndpoint.

Invariant: a handler writes a wish (a new endpoint, a target, ``deleting``) and wakes the
controller; it never says what became of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hostler.api.registry import Call
from hostler.api.sagemaker import deploy, describe, guardrails, lists, serverless
from hostler.api.sagemaker import tags as tagged
from hostler.api.sagemaker.operations import deletes, on, on_everything, reads, writes
from hostler.api.sagemaker.resources import CONFIG, ENDPOINT
from hostler.domain import lifecycle
from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, Variant
from hostler.domain.errors import validation
from hostler.domain.ids import EndpointId
from hostler.planning import quotas, sizing
from hostler.store import endpoint_pages, endpoints, scaling, tags, unscaling
from hostler.store.database import Transaction
from hostler.store.endpoint_pages import EndpointFilter, SortBy


def create(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """CreateEndpoint."""
    name: str = call.params["EndpointName"]
    arn = ENDPOINT.arn(call, name)
    given_tags = tagged.requested(call.params)
    if endpoints.get(tx, call.account, call.region, name) is not None:
        raise ENDPOINT.taken(arn)
    endpoint_id = EndpointId(deploy.identify(call, arn, "e"))
    deployment = deploy.freeze(tx, call, endpoint_id, arn, call.params["EndpointConfigName"])
    guardrails.check_form(deployment.deployment_config or {})
    _check_quotas(tx, call, deployment)
    endpoint = Endpoint(
        id=endpoint_id,
        account=call.account,
        region=call.region,
        name=name,
        arn=arn,
        status=EndpointStatus.CREATING,
        config_name=deployment.config_name,
        created=call.now,
        modified=call.now,
        version=1,
        target=deployment.id,
    )
    endpoints.create(tx, endpoint, deployment)
    tags.replace(tx, arn, given_tags)
    call.wakes.append(endpoint_id)
    return {"EndpointArn": arn}


def described(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeEndpoint."""
    endpoint = _existing(tx, call)
    return describe.shape(
        endpoint,
        endpoints.view(tx, endpoint.id),
        endpoints.deployment(tx, endpoint.current) if endpoint.current else None,
        endpoints.deployment(tx, endpoint.target) if endpoint.target else None,
    )


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListEndpoints."""
    found, following = endpoint_pages.page(
        tx,
        call.account,
        call.region,
        EndpointFilter(
            name_contains=call.params.get("NameContains"),
            created_after=call.params.get("CreationTimeAfter"),
            created_before=call.params.get("CreationTimeBefore"),
            modified_after=call.params.get("LastModifiedTimeAfter"),
            modified_before=call.params.get("LastModifiedTimeBefore"),
            status=call.params.get("StatusEquals"),
        ),
        sort_by=SortBy(call.params.get("SortBy", SortBy.CREATION_TIME)),
        window=lists.window(call),
    )
    summaries = [
        {
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn,
            "CreationTime": endpoint.created,
            "LastModifiedTime": endpoint.modified,
            "EndpointStatus": endpoint.status.value,
        }
        for endpoint in found
    ]
    return lists.result(call, "Endpoints", summaries, following)


def update(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """UpdateEndpoint: asks for another deployment; the controller puts it in place by its policy.

    Without one, and unless the last one is to be used again, all traffic turns at once.
    """
    endpoint = changeable(tx, call)
    serving = endpoints.deployment(tx, endpoint.current) if endpoint.current else None
    deployment = deploy.freeze(
        tx, call, endpoint.id, endpoint.arn, call.params["EndpointConfigName"]
    )
    if call.params.get("RetainAllVariantProperties", False):
        deployment = _retaining(call, endpoint, serving, deployment)
    if call.params.get("RetainDeploymentConfig", False):
        kept = guardrails.retained(call, serving)
        deployment = replace(deployment, deployment_config=kept)
    _check_scaled(tx, endpoint, deployment)
    serverless.check_change(
        endpoint.arn, serves=_is_serverless(serving), asked=_is_serverless(deployment)
    )
    guardrails.check(tx, call, deployment, serving)
    run = quotas.asked(deployment, {})
    deploy.check_instances(tx, call, delta=run, whole=run)
    endpoints.request_update(tx, endpoint, deployment, call.now)
    call.wakes.append(endpoint.id)
    return {"EndpointArn": endpoint.arn}


def delete(tx: Transaction, call: Call) -> None:
    """DeleteEndpoint: asynchronous; Describe is a ValidationException once it is gone.

    Its variants' scalable targets are deregistered.
    """
    endpoint = _existing(tx, call)
    _check_idle(endpoint)
    unscaling.deregister_endpoint(tx, endpoint, call.now)
    endpoints.request_delete(tx, endpoint, call.now)
    call.wakes.append(endpoint.id)


def changeable(tx: Transaction, call: Call) -> Endpoint:
    """The endpoint of the call's name, if its status allows a change."""
    endpoint = _existing(tx, call)
    _check_idle(endpoint)
    if EndpointStatus.UPDATING not in lifecycle.ENDPOINT[endpoint.status]:
        raise validation(
            f'Cannot update endpoint "{endpoint.arn}" with status {endpoint.status}: '
            "only DeleteEndpoint is allowed."
        )
    return endpoint


def _is_serverless(deployment: Deployment | None) -> bool:
    return deployment is not None and any(v.serverless for v in deployment.variants)


def _retaining(
    call: Call, endpoint: Endpoint, serving: Deployment | None, deployment: Deployment
) -> Deployment:
    """The deployment with the sizes of what serves, but for properties that are excluded."""
    if serving is None:
        return deployment
    given = call.params.get("ExcludeRetainedVariantProperties") or ()
    excluded = {each["VariantPropertyType"] for each in given}
    return sizing.retained(
        serving,
        endpoint.sizes,
        deployment,
        weights="DesiredWeight" not in excluded,
        counts="DesiredInstanceCount" not in excluded,
    )


def _check_scaled(tx: Transaction, endpoint: Endpoint, deployment: Deployment) -> None:
    """Refuse a config without a variant that is scaled, or with another instance type for it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-policy.html
    """
    scaled = scaling.targets_of_endpoint(tx, endpoint.account, endpoint.region, endpoint.name)
    serving = endpoints.deployment(tx, endpoint.current) if scaled and endpoint.current else None
    if serving is None:
        return
    before = {variant.name: _served_by(variant) for variant in serving.variants}
    after = {variant.name: _served_by(variant) for variant in deployment.variants}
    for target in scaled:
        name = target.variant
        if name not in after:
            what = "removes it"
        elif after[name] != before.get(name, after[name]):
            what = f"changes it from {before[name]} to {after[name]}"
        else:
            continue
        raise validation(
            f'Cannot update endpoint "{endpoint.arn}": variant {name} is registered as a '
            f'scalable target, and endpoint configuration "{deployment.config_name}" {what}. '
            "Deregister it with DeregisterScalableTarget first, and register it again afterwards."
        )


def _served_by(variant: Variant) -> str:
    """What a scaled variant may not change: its instance type, or that it has none."""
    if variant.serverless is not None:
        return "serverless inference"
    return f"instance type {variant.instance_type.name}"


def _check_quotas(tx: Transaction, call: Call, deployment: Deployment) -> None:
    limit = call.quotas.endpoints
    if limit is not None:
        used = endpoint_pages.count(tx, call.account, call.region)
        quotas.check("Number of endpoints", "Endpoints", limit, used, 1)
    run = quotas.asked(deployment, {})
    deploy.check_instances(tx, call, delta=run, whole=run)


def _check_idle(endpoint: Endpoint) -> None:
    if endpoint.status in lifecycle.BUSY:
        raise validation(f'Cannot update in-progress endpoint "{endpoint.arn}".')


def _existing(tx: Transaction, call: Call) -> Endpoint:
    name: str = call.params["EndpointName"]
    endpoint = endpoints.get(tx, call.account, call.region, name)
    if endpoint is None:
        raise ENDPOINT.missing(ENDPOINT.arn(call, name))
    return endpoint


on_endpoint = on((ENDPOINT, "EndpointName"))
_on_both = on((ENDPOINT, "EndpointName"), (CONFIG, "EndpointConfigName"))

OPERATIONS = (
    writes("CreateEndpoint", create, _on_both),
    reads("DescribeEndpoint", described, on_endpoint),
    reads("ListEndpoints", listed, on_everything),
    writes("UpdateEndpoint", update, _on_both),
    deletes("DeleteEndpoint", delete, on_endpoint),
)
