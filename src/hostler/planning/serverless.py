"""How many environments a serverless variant is to have: none at rest, more while it is used.

Invariant: what stands to be used has a time in the endpoint's row until which it stands; only a
word of a gateway puts it off, and control, begun anew, lets no environment go before the gateways
had time to say what they use.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hostler.domain.endpoint import Deployment, Endpoint, Variant
from hostler.domain.errors import validation
from hostler.domain.serverless import Awake, Serverless

IDLE_S = 300.0
LOOK_S = 2.0
"""When to look again whether the gateways have spoken."""


@dataclass(frozen=True, slots=True)
class Need:
    """What the gateways last said of a variant; ``used`` in epoch seconds."""

    environments: int
    used: float


@dataclass(frozen=True, slots=True)
class Demand:
    """What is known of an endpoint's use, by its variants' names."""

    needs: Mapping[str, Need] = field(default_factory=dict)
    heard: bool = False
    """Whether the gateways had time to speak to this life of the control plane."""
    idle_s: float = IDLE_S
    """Unused for so long, environments go."""


def check(variant_name: str, asked: Serverless) -> None:
    """Raise ValidationException for more provisioned environments than there may be requests."""
    if asked.provisioned > asked.max_concurrency:
        raise validation(
            f"ProvisionedConcurrency {asked.provisioned} of the production variant "
            f'"{variant_name}" must be less than or equal to MaxConcurrency '
            f"{asked.max_concurrency}."
        )


def checked(deployment: Deployment) -> Deployment:
    """A deployment that has not served: one environment proves that the model loads."""
    return _counted(deployment, {v.name: 1 for v in deployment.variants if v.serverless})


def used(deployment: Deployment, awake: Mapping[str, Awake]) -> Deployment:
    """The deployment that serves, with the environments that are used."""
    least = {
        variant.name: min(awake[variant.name].count, variant.serverless.max_concurrency)
        for variant in deployment.variants
        if variant.serverless and variant.name in awake
    }
    return _counted(deployment, least)


def turned(endpoint: Endpoint, deployment: Deployment, idle_s: float) -> Endpoint:
    """The endpoint, to whose ``deployment`` the traffic was just turned: what was checked stays."""
    until = endpoint.modified + idle_s
    awake = {v.name: Awake(1, until) for v in deployment.variants if v.serverless}
    return replace(endpoint, awake=awake)


def stirred(endpoint: Endpoint, serving: Deployment | None, demand: Demand, now: float) -> Endpoint:
    """The endpoint, its serverless variants woken and put to sleep."""
    if endpoint.deleting or serving is None:
        return endpoint
    awake = {}
    for variant in serving.variants:
        if variant.serverless is None:
            continue
        after = _stirred(variant, endpoint.awake.get(variant.name), demand, now)
        if after is not None:
            awake[variant.name] = after
    return endpoint if awake == endpoint.awake else replace(endpoint, awake=awake)


def look_at(endpoint: Endpoint, now: float) -> float | None:
    """When something of this may change by itself (epoch s)."""
    times = [max(each.until, now) for each in endpoint.awake.values()]
    return min(times, default=None)


def _stirred(variant: Variant, before: Awake | None, demand: Demand, now: float) -> Awake | None:
    settings, need = variant.serverless, demand.needs.get(variant.name)
    assert settings is not None
    wanted = min(need.environments, settings.max_concurrency) if need else 0
    until = now + demand.idle_s
    if before is None:
        return Awake(wanted, until) if wanted > settings.provisioned else None
    if wanted > before.count:
        return Awake(wanted, until)
    if before.until > until:  # the clock was set back, or the setting is another
        return replace(before, until=until)
    if now < before.until:
        return before
    if not demand.heard:
        return replace(before, until=now + LOOK_S)
    if need is None or need.used + demand.idle_s <= now:
        return None
    return Awake(max(1, wanted), need.used + demand.idle_s)


def _counted(deployment: Deployment, least: Mapping[str, int]) -> Deployment:
    """The deployment with no fewer environments than these."""
    if not any(v.initial_instance_count < least.get(v.name, 0) for v in deployment.variants):
        return deployment
    return replace(
        deployment,
        variants=tuple(
            replace(v, initial_instance_count=max(v.initial_instance_count, least.get(v.name, 0)))
            for v in deployment.variants
        ),
    )
