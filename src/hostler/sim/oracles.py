"""What must hold at every step, whatever goes wrong.

Invariant: an oracle reads rows, gateways and instances and never asks a planner; what it finds is
collected, because the code under test would catch an exception.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, EndpointView
from hostler.domain.ids import DeploymentId, EndpointId, InstanceId
from hostler.domain.instance import InstanceSpec, Phase
from hostler.domain.reasons import REASON_LENGTH_MAX
from hostler.domain.snapshot import EndpointRoute, Snapshot
from hostler.sim.backend import FakeBackend
from hostler.sim.client import Client
from hostler.sim.faults import Faults
from hostler.sim.gateways import Fleet as Gateways
from hostler.sim.gateways import Gateway
from hostler.sim.sizes import counts, weighed, weights
from hostler.sim.steady import Row, all_rows
from hostler.store import endpoints
from hostler.store.database import Store

E = EndpointStatus
STATUSES: frozenset[tuple[E | None, E | None]] = frozenset(
    {
        (None, E.CREATING),
        (E.CREATING, E.IN_SERVICE),
        (E.CREATING, E.FAILED),
        (E.IN_SERVICE, E.UPDATING),
        (E.UPDATING, E.IN_SERVICE),
        (E.UPDATING, E.ROLLING_BACK),
        (E.ROLLING_BACK, E.IN_SERVICE),
        (E.IN_SERVICE, E.DELETING),
        (E.FAILED, E.DELETING),
        (E.DELETING, None),
    }
)
"""Every change of a status that there can be yet; None is «no such endpoint»."""
SERVING = (E.IN_SERVICE, E.UPDATING, E.ROLLING_BACK)

PING = "did not pass the ping health check"


@dataclass(slots=True)
class Oracles:
    """Watches one world; ``found`` holds what was wrong, in order."""

    store: Store
    backend: FakeBackend
    gateways: Gateways
    client: Client
    faults: Faults
    found: list[str] = field(default_factory=list)
    _rows: dict[EndpointId, Row] = field(default_factory=dict)
    _routed: set[DeploymentId] = field(default_factory=set)
    """The deployments that got traffic at some time."""
    on_finding: Callable[[], object] = lambda: None
    """Ends the world: after the first finding the others say little."""
    trace: list[tuple[float, str]] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Keep an event for the story of a failure."""
        self.trace.append((asyncio.get_running_loop().time(), what))

    def report(self, what: str) -> None:
        self.note(f"WRONG: {what}")
        self.found.append(what)
        self.on_finding()

    def written(self) -> None:
        """After a commit."""
        rows = {row.endpoint.id: row for row in self.store.run(all_rows)}
        for key in rows.keys() | self._rows.keys():
            before, after = self._rows.get(key), rows.get(key)
            if before == after:
                continue
            self.note(_story(after))
            was = before.endpoint.status if before else None
            is_now = after.endpoint.status if after else None
            if was is not is_now and (was, is_now) not in STATUSES:
                self.report(f"{key}: status went from {was} to {is_now}")
            if after is not None:
                for what in impossible(after, self.client.deployments):
                    self.report(f"{key} is {is_now}: {what}")
                if is_now is E.IN_SERVICE and was is not E.IN_SERVICE:
                    self._announced(after.endpoint)
        self._rows = rows

    def _announced(self, endpoint: Endpoint) -> None:
        """InService was written: whoever calls now must be served by the deployment it names."""
        sizes = self.client.in_service(endpoint)
        if self.faults.bends_deadlines:
            return
        for gateway in self.gateways.gateways:
            routes = [route for route in gateway.routes if route.arn == endpoint.arn]
            if not routes:
                self.report(f"{endpoint.id} is InService, but {gateway.name} does not serve it")
            elif self._deployment_of(routes[0]) not in (endpoint.current, None):
                self.report(f"{endpoint.id} is InService, but {gateway.name} serves another config")
            elif sizes and weights(routes[0]) != weighed(sizes):
                self.report(f"{endpoint.id} is InService, but {gateway.name} has other weights")

    def published(self, snapshot: Snapshot) -> None:
        """A snapshot leaves: a deployment is complete when traffic is first turned to it."""
        for route in snapshot.endpoints:
            deployment = self._deployment_of(route)
            if deployment is None or deployment in self._routed:
                continue
            self._routed.add(deployment)
            wanted, have = self.client.sizes.complete(deployment), counts(route)
            if any(have[name] < count for name, count in wanted.items()):
                self.report(f"{route.name} turned to {deployment} before it was complete: {route}")

    def used(self, gateway: Gateway) -> None:
        """A gateway put a snapshot to use."""
        for route in gateway.routes:
            self._judge_route(gateway, route)
        self._judge_absent(gateway)
        self.note(f"{gateway.name} uses {gateway.generation}: {_routes(gateway)}")
        self.changed()

    def _judge_absent(self, gateway: Gateway) -> None:
        """A snapshot takes no serving endpoint away, whatever the control plane went through."""
        if self.faults.bends_deadlines:
            return
        routed = {route.arn for route in gateway.routes}
        for row in self._rows.values():
            endpoint = row.endpoint
            serving = endpoint.status in SERVING
            if serving and endpoint.arn not in routed:
                self.report(f"{gateway.name} lost {endpoint.id}, which is {endpoint.status}")

    def _judge_route(self, gateway: Gateway, route: EndpointRoute) -> None:
        images = set()
        for variant in route.every_variant:
            for target in variant.targets:
                instance = self.backend.instances.get(InstanceId(target.instance_id))
                if instance is None:
                    continue
                images.add(instance.spec.container.image)
                if not instance.was_ready:
                    self.report(f"{gateway.name} sends to {target.instance_id}, never ready")
        if len(images) > 1:
            self.report(f"{gateway.name} sends {route.name} to two deployments at once: {images}")

    def _deployment_of(self, route: EndpointRoute) -> DeploymentId | None:
        """The deployment a route's instances run; None if none of them exists any more."""
        for variant in route.every_variant:
            for target in variant.targets:
                instance = self.backend.instances.get(InstanceId(target.instance_id))
                if instance is not None:
                    number = instance.spec.container.image.rpartition(":")[2]
                    return DeploymentId(f"d-{number}")
        return None

    def changed(self) -> None:
        """An instance or a gateway changed: without faults every gateway has its full capacity."""
        if not self.faults.none:
            return
        for gateway in self.gateways.gateways:
            for route in gateway.routes:
                for variant in route.every_variant:
                    for target in variant.targets:
                        instance = self.backend.instances.get(InstanceId(target.instance_id))
                        if instance is None or instance.phase is not Phase.READY:
                            self.report(f"{gateway.name} sends to {target.instance_id}, not ready")
                deployment = self._deployment_of(route)
                if deployment is None:
                    if not all(v.max_concurrency and not v.provisioned for v in route.variants):
                        self.report(f"{gateway.name} has no capacity for {route.name}")
                elif (what := self.client.sizes.wrong(deployment, route)) is not None:
                    self.report(f"{gateway.name} has {what} for {route.name}")

    def launching(self, spec: InstanceSpec) -> None:
        """Before a launch: its id must be on record."""
        self.note(f"launch {spec.instance_id} ({spec.container.image.rpartition('/')[2]})")
        records = self.store.run(lambda tx: endpoints.instances(tx, spec.owner))
        if spec.instance_id not in {record.id for record in records}:
            self.report(f"{spec.instance_id} is launched before it is recorded")
        if self.faults.none and self._asleep(spec):
            self._judge_wake(spec)

    def _asleep(self, spec: InstanceSpec) -> bool:
        """Whether no gateway has an environment of the serverless endpoint, which is in service."""
        row = self._rows.get(spec.owner)
        if row is None or row.endpoint.status is not E.IN_SERVICE:
            return False
        variants = [
            variant
            for gateway in self.gateways.gateways
            for route in gateway.routes
            if route.id == spec.owner
            for variant in route.variants
        ]
        return all(v.max_concurrency and not v.provisioned and not v.targets for v in variants)

    def _judge_wake(self, spec: InstanceSpec) -> None:
        """However many call at once: one start wakes what sleeps."""
        begun = [
            key
            for key, instance in self.backend.instances.items()
            if instance.spec.owner == spec.owner
            and key != spec.instance_id
            and instance.phase in (Phase.PREPARING, Phase.STARTING)
        ]
        if begun:
            self.report(f"{spec.instance_id} is started beside {begun} for one wake")

    def stopping(self, instance_id: InstanceId) -> None:
        """Before a stop: no gateway may still send to an instance that answers."""
        self.note(f"stop {instance_id}")
        instance = self.backend.instances.get(instance_id)
        if instance is None or instance.phase is not Phase.READY or self.faults.bends_deadlines:
            return
        for gateway in self.gateways.gateways:
            if instance_id in {
                t.instance_id for r in gateway.routes for v in r.every_variant for t in v.targets
            }:
                self.report(f"{instance_id} is stopped while {gateway.name} sends to it")


def impossible(row: Row, deployments: Mapping[DeploymentId, Deployment]) -> Iterator[str]:
    """Combinations that DescribeEndpoint must never show."""
    endpoint, view = row.endpoint, row.view or EndpointView()
    status, reason = endpoint.status, endpoint.failure_reason
    changing = status in (E.CREATING, E.UPDATING, E.ROLLING_BACK)
    if reason is not None and (changing or PING not in reason or len(reason) > REASON_LENGTH_MAX):
        yield f"FailureReason {reason!r}"
    if status is E.FAILED and reason is None:
        yield "no FailureReason"
    if view.pending and not changing:
        yield "a pending deployment"
    if (status is E.CREATING or status is E.FAILED) and (view.variants or endpoint.current):
        yield "production variants before any came up"
    if status in SERVING:
        if endpoint.current is None:
            yield "nothing that serves"
            return
        current = deployments[endpoint.current]
        if [v.name for v in view.variants] != [v.name for v in current.variants]:
            yield f"variants {[v.name for v in view.variants]} of {current.id}"
        if endpoint.config_name != current.config_name:
            yield f"the config {endpoint.config_name} with {current.id}"
    if status is E.IN_SERVICE:
        unfinished = endpoint.rollout or endpoint.update_started or endpoint.asked is not None
        if endpoint.target != endpoint.current or unfinished:
            yield "an unfinished update"
        standing = [
            v for v in view.variants if v.current_count >= v.desired_count and v.serverless is None
        ]
        weighed = all(v.current_weight == v.desired_weight for v in view.variants)
        if not weighed or any(v.statuses for v in standing):
            yield "variants that still change"
    if endpoint.target == endpoint.current and changing:
        return  # on the way between two sizes
    for variant in (*view.variants, *view.pending):
        if not 0 <= variant.current_count <= variant.desired_count:
            yield f"{variant.current_count} instances of {variant.desired_count}"
        if variant.current_weight not in (0.0, variant.desired_weight):
            yield f"weight {variant.current_weight} on the way to {variant.desired_weight}"


def _story(row: Row | None) -> str:
    if row is None:
        return "an endpoint is gone"
    end = row.endpoint
    stage = end.rollout.stage if end.rollout else ""
    return f"{end.id} {end.status} {stage} {end.current}>{end.target} {end.failure_reason or ''}"


def _routes(gateway: Gateway) -> str:
    return "; ".join(
        f"{route.name} {[t.instance_id for v in route.every_variant for t in v.targets]}"
        for route in gateway.routes
    )
