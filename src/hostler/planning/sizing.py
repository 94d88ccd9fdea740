"""Weights and instance counts: what was asked for, and what a deployment is to have meanwhile.

Invariant: no variant has fewer instances, on the way, than the smaller of before and after, and the
weights turn only when every instance that was asked for is ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hostler.domain.endpoint import Deployment, Endpoint, RolloutStage, Size, Variant
from hostler.domain.serverless import Serverless
from hostler.planning import serverless


@dataclass(frozen=True, slots=True)
class Wish:
    """A variant's new weight and count; None keeps the one it has.

    Of a serverless one ``count`` is its provisioned environments.
    """

    weight: float | None = None
    count: int | None = None
    max_concurrency: int | None = None


def size(variant: Variant, sizes: Mapping[str, Size]) -> Size:
    """The variant's, by these sizes or by its config."""
    return sizes.get(variant.name) or Size(
        variant.weight, variant.initial_instance_count, variant.serverless
    )


def granted(
    deployment: Deployment, sizes: Mapping[str, Size], wishes: Mapping[str, Wish]
) -> dict[str, Size]:
    """The sizes of all of a deployment's variants once the wishes are fulfilled."""
    found = {}
    for variant in deployment.variants:
        now, wish = size(variant, sizes), wishes.get(variant.name, Wish())
        count = now.count if wish.count is None else wish.count
        found[variant.name] = Size(
            now.weight if wish.weight is None else wish.weight,
            count,
            _concurrent(now.serverless, wish, count),
        )
    return found


def _concurrent(now: Serverless | None, wish: Wish, provisioned: int) -> Serverless | None:
    if now is None:
        return None
    most = now.max_concurrency if wish.max_concurrency is None else wish.max_concurrency
    return replace(now, max_concurrency=most, provisioned=provisioned)


def retained(
    old: Deployment,
    sizes: Mapping[str, Size],
    new: Deployment,
    *,
    weights: bool = True,
    counts: bool = True,
) -> Deployment:
    """The new deployment, with the weights and counts that its variants of the old one have.

    How many environments a serverless variant has provisioned is a matter of its config.
    """
    kept = {variant.name: size(variant, sizes) for variant in old.variants}
    found = {}
    for variant in new.variants:
        own = size(variant, {})
        its = kept.get(variant.name, own)
        counted = counts and its.serverless is None and own.serverless is None
        found[variant.name] = Size(
            its.weight if weights else own.weight,
            its.count if counted else own.count,
            own.serverless,
        )
    return resized(new, found)


def mirrored(deployment: Deployment) -> float:
    """The share of requests that is copied: the shadow's weight to production's, at most all."""
    shadow = sum(variant.weight for variant in deployment.variants if variant.shadow)
    production = sum(variant.weight for variant in deployment.variants if not variant.shadow)
    if shadow <= 0:
        return 0.0
    return 1.0 if shadow >= production else shadow / production


def fitted(endpoint: Endpoint, deployment: Deployment) -> Deployment:
    """The deployment with the sizes that it is to have at this stage of the endpoint."""
    beside = endpoint.beside
    if beside is not None and deployment.id == beside.deployment:
        its = {v.name: Size(v.weight, beside.count) for v in deployment.variants}
        return resized(deployment, its)
    if deployment.id != endpoint.current:
        return serverless.checked(deployment)
    sizes = dict(endpoint.sizes)
    if endpoint.asked is not None and _stage(endpoint) is RolloutStage.GROWING:
        for variant in deployment.variants:
            now, asked = size(variant, endpoint.sizes), size(variant, endpoint.asked)
            sizes[variant.name] = replace(now, count=max(now.count, asked.count))
    return serverless.used(resized(deployment, sizes), endpoint.awake)


def resized(deployment: Deployment, sizes: Mapping[str, Size]) -> Deployment:
    """The deployment, its variants of these sizes where there is one."""
    if not sizes:
        return deployment
    variants = []
    for variant in deployment.variants:
        its = size(variant, sizes)
        variants.append(
            replace(
                variant,
                weight=its.weight,
                initial_instance_count=its.count,
                serverless=its.serverless,
            )
        )
    return replace(deployment, variants=tuple(variants))


def proven(endpoint: Endpoint, deployment: Deployment) -> dict[str, int]:
    """How many of each variant's instances of what serves proved themselves.

    Those are repaired for ever; what a change adds may turn out to be at fault.
    """
    if deployment.id == endpoint.current:
        serving = serverless.used(resized(deployment, endpoint.sizes), endpoint.awake)
    else:
        serving = fitted(endpoint, deployment)
    return {v.name: v.initial_instance_count for v in serving.variants}


def _stage(endpoint: Endpoint) -> RolloutStage | None:
    return None if endpoint.rollout is None else endpoint.rollout.stage
