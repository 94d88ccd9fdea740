"""What an account may have: whether a request fits its quotas, and AWS's refusal if it does not.

Invariant: nothing is counted here; whoever asks has counted within one account and region, in the
transaction that goes on to create. During a replacement both fleets count, as on AWS.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from hostler.domain.config import Quotas
from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, Size
from hostler.domain.errors import CallerError
from hostler.domain.ids import DeploymentId
from hostler.planning.sizing import size


def check(limit_name: str, unit: str, limit: int | None, used: int, delta: int) -> None:
    """Raise ResourceLimitExceeded if ``delta`` more are too many; no limit is None."""
    if limit is not None and delta > 0 and used + delta > limit:
        raise CallerError(
            "ResourceLimitExceeded",
            f"The account-level service limit '{limit_name}' is {limit} {unit}, with current "
            f"utilization of {used} {unit} and a request delta of {delta} {unit}. Please contact "
            "AWS support to request an increase for this limit. (Here: [quotas] in hostler.toml.)",
        )


def asked(deployment: Deployment, sizes: Mapping[str, Size]) -> Counter[str]:
    """By instance type: what a deployment of these sizes runs; environments are no instances."""
    counts: Counter[str] = Counter()
    for variant in deployment.variants:
        if variant.serverless is None:
            counts[variant.instance_type.name] += size(variant, sizes).count
    return counts


def used(known: Iterable[tuple[Endpoint, Mapping[DeploymentId, Deployment]]]) -> Counter[str]:
    """By instance type: what endpoints run, or are about to."""
    counts: Counter[str] = Counter()
    for endpoint, deployments in known:
        if endpoint.status is EndpointStatus.FAILED:
            continue
        for deployment_id in {endpoint.current, endpoint.target} - {None}:
            deployment = deployments[DeploymentId(deployment_id or "")]
            serving = deployment_id == endpoint.current
            counts += asked(deployment, (endpoint.asked or endpoint.sizes) if serving else {})
    return counts


def counts_instances(quotas: Quotas) -> bool:
    """Whether instances in use have to be counted at all."""
    return quotas.instances is not None or bool(quotas.instances_by_type)


def check_instances(
    quotas: Quotas, before: Mapping[str, int], delta: Mapping[str, int], whole: Mapping[str, int]
) -> None:
    """Whether ``delta`` more instances fit beside those in use, and their endpoint is not absurd.

    All by instance type: ``before`` what the account has in use, ``whole`` what the endpoint's new
    fleet comes to.
    """
    for name, count in whole.items():
        limit = quotas.instances_per_endpoint
        if limit is not None and count > limit:
            raise CallerError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{name} for endpoint usage' is {limit} "
                "Instances, with current utilization of 0 Instances and a request delta of "
                f"{count} Instances. Hostler holds this limit for each endpoint; ask for fewer "
                "instances, or raise instances_per_endpoint under [quotas] in hostler.toml.",
            )
    for name, count in delta.items():
        limit = quotas.instances_by_type.get(name)
        check(f"{name} for endpoint usage", "Instances", limit, before.get(name, 0), count)
    check(
        "Number of instances across active endpoints",
        "Instances",
        quotas.instances,
        sum(before.values()),
        sum(delta.values()),
    )
