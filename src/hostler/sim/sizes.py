"""The weights and counts that each deployment was asked to have, as the client remembers them.

Invariant: a deployment has one size at rest, and two while it changes: between them anything may be
seen of its counts, but of its weights only one or the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from hostler.domain.endpoint import Deployment, Size
from hostler.domain.ids import DeploymentId
from hostler.domain.snapshot import EndpointRoute

BySize: TypeAlias = Mapping[str, Size]
"""Sizes by variant."""


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

    def wrong(self, deployment: DeploymentId, route: EndpointRoute) -> str | None:
        """What a route without any fault around should never show of this deployment."""
        before = self._at_rest[deployment]
        after = self._coming.get(deployment, before)
        have, by = counts(route), weights(route)
        if any(have[name] < min(before[name].count, after[name].count) for name in before):
            return "less capacity than asked"
        if any(have[name] > max(most(before[name]), most(after[name])) for name in before):
            return "more capacity than asked"
        turned = by == weighed(after) != weighed(before)
        if turned and any(have[name] < after[name].count for name in before):
            return "the new weights before the instances they are for"
        return None if by in (weighed(before), weighed(after)) else "weights that nobody asked for"


def most(size: Size) -> int:
    """The instances that there may be of it; of a serverless variant one for each request."""
    return size.count if size.serverless is None else size.serverless.max_concurrency


def counts(route: EndpointRoute) -> dict[str, int]:
    """Targets by variant."""
    return {variant.name: len(variant.targets) for variant in route.every_variant}


def weights(route: EndpointRoute) -> dict[str, float]:
    """Weights by variant."""
    return {variant.name: variant.weight for variant in route.every_variant}


def counted(sizes: BySize) -> dict[str, int]:
    """The instances that these sizes mean where nobody calls; only variants that have any."""
    return {name: size.count for name, size in sizes.items() if size.count}


def weighed(sizes: BySize) -> dict[str, float]:
    """The weights that these sizes mean."""
    return {name: size.weight for name, size in sizes.items()}
