"""The weights and counts that each deployment was asked to have, as the client remembers them.

Invariant: a deployment has one size at rest, and two while it changes: between them anything may be
seen of its counts, but of its weights only one or the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TypeAlias

from hostler.domain.endpoint import Deployment, Size
from hostler.domain.ids import DeploymentId
from hostler.domain.snapshot import EndpointRoute, VariantRoute

BySize: TypeAlias = Mapping[str, Size]
"""Sizes by variant."""
EPSILON = 1e-9
"""Shares are sums of fractions."""


@dataclass(slots=True)
class Sizes:
    """Of every deployment that there ever was."""

    _at_rest: dict[DeploymentId, BySize] = field(default_factory=dict)
    _coming: dict[DeploymentId, BySize] = field(default_factory=dict)

    def begin(self, deployment: Deployment) -> None:
        """A new deployment: of the sizes in its config."""
        self._at_rest[deployment.id] = {
            v.name: Size(v.weight, v.initial_instance_count, v.serverless)
            for v in deployment.variants
        }

    def ask(self, deployment: DeploymentId, sizes: BySize) -> None:
        """It is asked to have others."""
        self._coming[deployment] = sizes

    def settle(self, deployment: DeploymentId, sizes: BySize) -> None:
        """It is told to have these."""
        self._at_rest[deployment] = sizes
        self._coming.pop(deployment, None)

    def at_rest(self, deployment: DeploymentId) -> BySize:
        return self._at_rest[deployment]

    def complete(self, deployment: DeploymentId) -> Mapping[str, int]:
        """The instances that it must have had at least when traffic is first turned to it."""
        sizes = self._at_rest[deployment]
        return {name: max(size.count, 1 if size.serverless else 0) for name, size in sizes.items()}

    def wrong(self, part: "Served") -> str | None:
        """What a part of a route without any fault around should never show of its deployment."""
        before = self._at_rest[part.deployment]
        after = self._coming.get(part.deployment, before)
        have, by = counts(part.variants), weights(part.variants)
        if any(have[name] > max(most(before[name]), most(after[name])) for name in have):
            return "more capacity than asked"
        if part.beside:
            return _wrong_beside(part, before)
        if any(have[name] < min(before[name].count, after[name].count) for name in before):
            return "less capacity than asked"
        turned = by == weighed(after) != weighed(before)
        if turned and any(have[name] < after[name].count for name in before):
            return "the new weights before the instances they are for"
        return None if by in (weighed(before), weighed(after)) else "weights that nobody asked for"


@dataclass(frozen=True, slots=True)
class Served:
    """What a route has of one deployment; ``beside``: and it has another one as well."""

    deployment: DeploymentId
    variants: tuple[VariantRoute, ...]
    share: float
    beside: bool
    shadows: frozenset[str]
    """Names of those that get copies alone: of two deployments one has its shadow in the route."""

    @property
    def is_dead(self) -> bool:
        """Whether it is given nothing, and lacks instances of a variant that would get requests."""
        asked = [v for v in self.variants if v.name not in self.shadows and not v.max_concurrency]
        return not self.share and not all(variant.targets for variant in asked)


def served(route: EndpointRoute) -> list[Served]:
    """A route's parts, as its variants tell whose they are."""
    runs: dict[str, list[VariantRoute]] = {}
    for variant in route.every_variant:
        runs.setdefault(variant.deployment, []).append(variant)
    copied = {(variant.deployment, variant.name) for variant in route.shadows}
    return [
        Served(
            DeploymentId(run),
            tuple(variants),
            variants[0].share,
            beside=len(runs) > 1,
            shadows=frozenset(v.name for v in variants if (run, v.name) in copied),
        )
        for run, variants in runs.items()
    ]


def _wrong_beside(part: Served, asked: BySize) -> str | None:
    """Of two deployments each has the instances and the weights of its share."""
    have, by = counts(part.variants), weights(part.variants)
    names = [name for name in asked if name in have and name not in part.shadows]
    if any(have[name] < ceil(asked[name].count * part.share - EPSILON) for name in names):
        return "less capacity than its share"
    total = sum(asked[name].weight for name in names)
    for index, name in enumerate(names):
        weight = asked[name].weight / total if total else float(index == 0)
        if abs(by[name] - weight * part.share) > EPSILON:
            return "weights that are not its share"
    return None


def most(size: Size) -> int:
    """The instances that there may be of it; of a serverless variant one for each request."""
    return size.count if size.serverless is None else size.serverless.max_concurrency


def counts(variants: Iterable[VariantRoute]) -> dict[str, int]:
    """Targets by variant."""
    return {variant.name: len(variant.targets) for variant in variants}


def weights(variants: Iterable[VariantRoute]) -> dict[str, float]:
    """Weights by variant."""
    return {variant.name: variant.weight for variant in variants}


def counted(sizes: BySize) -> dict[str, int]:
    """The instances that these sizes mean where nobody calls; only variants that have any."""
    return {name: size.count for name, size in sizes.items() if size.count}


def weighed(sizes: BySize) -> dict[str, float]:
    """The weights that these sizes mean."""
    return {name: size.weight for name, size in sizes.items()}
