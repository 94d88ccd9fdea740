"""Weights and instance counts: what was asked for, and what a deployment is to have meanwhile.

Invariant: no variant has fewer instances, on the way, than the smaller of before and after, and the
weights turn only when every instance that was asked for is ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hostler.domain.endpoint import Deployment, Endpoint, RolloutStage, Size, Variant


@dataclass(frozen=True, slots=True)
class Wish:
    """A variant's new weight and count; None keeps the one it has."""

    weight: float | None = None
    count: int | None = None


def size(variant: Variant, sizes: Mapping[str, Size]) -> Size:
    """The variant's, by these sizes or by its config."""
    return sizes.get(variant.name) or Size(variant.weight, variant.initial_instance_count)


def granted(
    deployment: Deployment, sizes: Mapping[str, Size], wishes: Mapping[str, Wish]
) -> dict[str, Size]:
    """The sizes of all of a deployment's variants once the wishes are fulfilled."""
    found = {}
    for variant in deployment.variants:
        now, wish = size(variant, sizes), wishes.get(variant.name, Wish())
        found[variant.name] = Size(
            now.weight if wish.weight is None else wish.weight,
            now.count if wish.count is None else wish.count,
        )
    return found


def retained(
    old: Deployment,
    sizes: Mapping[str, Size],
    new: Deployment,
    *,
    weights: bool = True,
    counts: bool = True,
) -> Deployment:
    """The new deployment, with the weights and counts that its variants of the old one have."""
    kept = {variant.name: size(variant, sizes) for variant in old.variants}
    found = {}
    for variant in new.variants:
        own = size(variant, {})
        its = kept.get(variant.name, own)
        found[variant.name] = Size(
            its.weight if weights else own.weight, its.count if counts else own.count
        )
    return resized(new, found)


def fitted(endpoint: Endpoint, deployment: Deployment) -> Deployment:
    """The deployment with the sizes that it is to have at this stage of the endpoint."""
    beside = endpoint.beside
    if beside is not None and deployment.id == beside.deployment:
        its = {v.name: Size(v.weight, beside.count) for v in deployment.variants}
        return resized(deployment, its)
    if deployment.id != endpoint.current:
        return deployment
    sizes = dict(endpoint.sizes)
    if endpoint.asked is not None and _stage(endpoint) is RolloutStage.GROWING:
        for variant in deployment.variants:
            now, asked = size(variant, endpoint.sizes), size(variant, endpoint.asked)
            sizes[variant.name] = replace(now, count=max(now.count, asked.count))
    return resized(deployment, sizes)


def resized(deployment: Deployment, sizes: Mapping[str, Size]) -> Deployment:
    """The deployment, its variants of these sizes where there is one."""
    if not sizes:
        return deployment
    variants = []
    for variant in deployment.variants:
        its = size(variant, sizes)
        variants.append(replace(variant, weight=its.weight, initial_instance_count=its.count))
    return replace(deployment, variants=tuple(variants))


def proven(endpoint: Endpoint, deployment: Deployment) -> dict[str, int]:
    """How many of each variant's instances of what serves proved themselves.

    Those are repaired for ever; what a change adds may turn out to be at fault.
    """
    if deployment.id != endpoint.current:
        return {v.name: v.initial_instance_count for v in fitted(endpoint, deployment).variants}
    return {v.name: size(v, endpoint.sizes).count for v in deployment.variants}


def _stage(endpoint: Endpoint) -> RolloutStage | None:
    return None if endpoint.rollout is None else endpoint.rollout.stage
