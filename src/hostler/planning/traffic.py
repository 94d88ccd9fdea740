"""How an endpoint's traffic is divided between the deployments that have instances.

Invariant: a fleet that has not all its instances is given no more than it had, and one that cannot
answer gives what it has to one that can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hostler.domain.endpoint import Endpoint, EndpointStatus, RolloutStage
from hostler.domain.ids import DeploymentId
from hostler.planning.course import Course
from hostler.planning.fleet import Fleet, desired_count
from hostler.planning.plan import Exposure

Weights: TypeAlias = Mapping[tuple[str, str], float]
"""By deployment and variant, as a route has them."""
EPSILON = 1e-9
"""Shares that differ by less are the same, computed in two ways."""


@dataclass(frozen=True, slots=True)
class Part:
    """A fleet in an endpoint's route, and its share (0 to 1) of the requests."""

    fleet: Fleet
    share: float


def parts(
    endpoint: Endpoint,
    course: Course | None,
    fleets: Mapping[DeploymentId, Fleet],
    exposure: Exposure,
) -> tuple[Part, ...]:
    """What the gateways are to be told; nothing of an endpoint that takes no requests."""
    if endpoint.deleting or endpoint.status is EndpointStatus.FAILED:
        return ()
    rollout, current = endpoint.rollout, endpoint.current
    if course is None or rollout is None or rollout.stage is RolloutStage.ROLLING_BACK:
        return () if current is None else _able(serving(endpoint, fleets, 1.0))
    lingers, share = course.lingers(rollout), float(course.share(rollout))
    wanted = _divided(endpoint, course, fleets, share, lingers=lingers)
    green = fleets[course.green.id]
    if rollout.stage is not RolloutStage.SWITCHING or green.complete:
        return _able(wanted)
    if _given(exposure.weights, course.green.id, fleets) >= share - EPSILON:
        return _able(wanted)
    share = float(course.share_before(rollout))
    return _able(_divided(endpoint, course, fleets, share, lingers=False))


def _given(shown: Weights, run: DeploymentId, fleets: Mapping[DeploymentId, Fleet]) -> float:
    """The share of the requests that the gateways were told to give a deployment."""
    shadows = {
        (key, variant.name)
        for key, fleet in fleets.items()
        for variant in fleet.deployment.variants
        if variant.shadow
    }
    taking = {key: weight for key, weight in shown.items() if key not in shadows}
    total = sum(taking.values())
    if not total:  # nothing is told, or of one deployment that has no weights
        return float({key for key, _ in taking} == {run})
    return sum(weight for (key, _), weight in taking.items() if key == run) / total


def mainly(shown: Sequence[Part]) -> Part:
    """The part that has most of the requests, whose shadow gets copies of them."""
    return max(shown, key=lambda part: part.share)


def weights(shown: Sequence[Part]) -> Weights:
    """What each variant of each part weighs; as its config has it where there is one part."""
    if not shown:
        return {}
    main = mainly(shown).fleet.deployment
    found: dict[tuple[str, str], float] = {
        (main.id, variant.name): variant.weight for variant in main.variants if variant.shadow
    }
    for part in shown:
        run = part.fleet.deployment
        variants = [variant for variant in run.variants if not variant.shadow]
        total = sum(variant.weight for variant in variants)
        for index, variant in enumerate(variants):
            # Where nothing has a weight the first has all, as in the gateways.
            weight = variant.weight / total if total else float(index == 0)
            alone = len(shown) == 1
            found[run.id, variant.name] = variant.weight if alone else weight * part.share
    return found


def serving(
    endpoint: Endpoint, fleets: Mapping[DeploymentId, Fleet], share: float
) -> tuple[Part, ...]:
    """What serves with a share of the traffic: one fleet, or each of two by its instances."""
    current, beside = endpoint.current, endpoint.beside
    assert current is not None
    if beside is None:
        return (Part(fleets[current], share),)
    both = fleets[current], fleets[beside.deployment]
    counts = list(map(_size, both))
    return tuple(
        Part(fleet, share * count / max(1, sum(counts)))
        for fleet, count in zip(both, counts, strict=True)
    )


def _divided(
    endpoint: Endpoint,
    course: Course,
    fleets: Mapping[DeploymentId, Fleet],
    share: float,
    *,
    lingers: bool,
) -> tuple[Part, ...]:
    """Blue first; one without any share is left out unless it lingers."""
    divided: list[Part] = []
    if course.blue is not None and (share < 1.0 or lingers):
        # Of two that serve side by side each stands in for the other: green for neither alone.
        divided += _able(serving(endpoint, fleets, 1.0 - share))
    if share > 0.0:
        divided.append(Part(fleets[course.green.id], share))
    return tuple(divided)


def _able(divided: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts; those that cannot answer give their shares away to those that can."""
    able = [_answers(part.fleet) for part in divided]
    gives = any(part.share for part, can in zip(divided, able, strict=True) if not can)
    if not gives or not any(able):
        return divided
    whole = sum(part.share for part in divided)
    claims = [part.share * can for part, can in zip(divided, able, strict=True)]
    if not any(claims):
        claims = [max(1, _size(part.fleet)) * can for part, can in zip(divided, able, strict=True)]
    return tuple(
        Part(part.fleet, whole * claim / sum(claims))
        for part, claim in zip(divided, claims, strict=True)
    )


def _size(fleet: Fleet) -> int:
    return sum(map(desired_count, fleet.deployment.variants))


def _answers(fleet: Fleet) -> bool:
    """Whether every variant that gets requests has an instance for them, or wakes one."""
    variants = [variant for variant in fleet.deployment.variants if not variant.shadow]
    named = [variant for variant in variants if variant.weight > 0] or variants[:1]
    return all(variant.serverless or fleet.ready(variant) for variant in named)
