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
from hostler.sim.alarms import Alarms
from hostler.sim.backend import FakeBackend
from hostler.sim.client import Client
from hostler.sim.faults import Faults
from hostler.sim.gateways import Fleet as Gateways
from hostler.sim.gateways import Gateway
from hostler.sim.histories import Histories
from hostler.sim.sizes import EPSILON, Served, served, weighed, weights
from hostler.sim.steady import Row, all_rows
from hostler.sim.turning import Turns
from hostler.store import endpoint_updates, endpoints
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
        (E.UPDATING, E.UPDATE_ROLLBACK_FAILED),
        (E.UPDATE_ROLLBACK_FAILED, E.UPDATING),
        (E.UPDATE_ROLLBACK_FAILED, E.DELETING),
        (E.IN_SERVICE, E.DELETING),
        (E.FAILED, E.DELETING),
        (E.DELETING, None),
    }
)
"""Every change of a status that there can be yet; None is «no such endpoint»."""
SERVING = (E.IN_SERVICE, E.UPDATING, E.ROLLING_BACK, E.UPDATE_ROLLBACK_FAILED)

PARTS_MAX = 3
"""What serves, what is to follow, and what may serve beside it since a rollback failed."""
REASONS = (
    "did not pass the ping health check",
    "The deployment was rolled back because",
    "The deployment was stopped before it began because",
)


@dataclass(slots=True)
class Oracles:
    """Watches one world; ``found`` holds what was wrong, in order."""

    store: Store
    backend: FakeBackend
    gateways: Gateways
    client: Client
    faults: Faults
    alarms: Alarms
    found: list[str] = field(default_factory=list)
    _rows: dict[EndpointId, Row] = field(default_factory=dict)
    _turns: Turns = field(init=False)
    _histories: Histories = field(default_factory=Histories)
    on_finding: Callable[[], object] = lambda: None
    """Ends the world: after the first finding the others say little."""
    on_written: Callable[[EndpointId, Endpoint | None], object] = lambda _key, _endpoint: None
    """Told of each row that a commit changed; None is one that is gone."""
    trace: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        client = self.client
        self._turns = Turns(client.policies, client.asked_at, self.alarms, self.faults)
        self.alarms.on_lasting = self.alarm_lasts

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
            self.on_written(key, after.endpoint if after else None)
            if after is not None:
                for what in impossible(after, self.client.deployments):
                    self.report(f"{key} is {is_now}: {what}")
                was_row = before.endpoint if before else None
                for what in self._turns.written(was_row, after.endpoint):
                    self.report(what)
                self._told(was_row, after.endpoint)
                if is_now is E.IN_SERVICE and was is not E.IN_SERVICE:
                    self._announced(after.endpoint)
                    self._explained(before, after.endpoint)
                stuck = is_now is E.UPDATE_ROLLBACK_FAILED and was is not is_now
                if stuck and not self.client.stuck(after.endpoint):
                    self.report(f"{key} is {is_now}, which nobody had reason to expect")
        self._rows = rows

    def _told(self, before: Endpoint | None, after: Endpoint) -> None:
        """The history that is kept of its updates is what its rows went through."""
        kept = self.store.run(lambda tx: endpoint_updates.listed(tx, after.id))
        for what in self._histories.written(before, after, kept):
            self.report(what)

    def alarm_lasts(self) -> None:
        """An alarm has been bad for a while: where nothing delays decisions, one was made."""
        if self.faults.delays_decisions:
            return
        for what in self._turns.overlooked():
            self.report(what)

    def _explained(self, before: Row | None, endpoint: Endpoint) -> None:
        """A replacement that is over was taken back for what its FailureReason says."""
        if before is None or endpoint.failure_reason is None:
            return
        target = before.endpoint.target
        if target is not None and target != endpoint.current:
            for what in self._turns.taken_back(endpoint, target):
                self.report(what)

    def _announced(self, endpoint: Endpoint) -> None:
        """InService was written: whoever calls now must be served by the deployment it names."""
        sizes = self.client.in_service(endpoint)
        if self.faults.bends_deadlines:
            return
        for gateway in self.gateways.gateways:
            routes = [route for route in gateway.routes if route.arn == endpoint.arn]
            if not routes:
                self.report(f"{endpoint.id} is InService, but {gateway.name} does not serve it")
            elif {part.deployment for part in served(routes[0])} != {endpoint.current}:
                self.report(f"{endpoint.id} is InService, but {gateway.name} serves another config")
            elif sizes and weights(routes[0].every_variant) != weighed(sizes):
                self.report(f"{endpoint.id} is InService, but {gateway.name} has other weights")

    def published(self, snapshot: Snapshot) -> None:
        """A snapshot leaves: traffic is turned to a deployment step by step."""
        for route in snapshot.endpoints:
            parts = served(route)
            for part in parts:
                least = self.client.sizes.complete(part.deployment)
                instead = any(other.is_dead for other in parts if other is not part)
                what = self._turns.published(part, least, instead=instead)
                if what is not None:
                    self.report(f"{route.name}: {what}")

    def used(self, gateway: Gateway) -> None:
        """A gateway put a snapshot to use."""
        for route in gateway.routes:
            self._judge_route(gateway, route)
            self._agreed(route)
        self._judge_absent(gateway)
        self.note(f"{gateway.name} uses {gateway.generation}: {_routes(gateway)}")
        self.changed()

    def _agreed(self, route: EndpointRoute) -> None:
        """Note what every gateway gives each deployment."""
        others = [
            {(part.deployment, part.share) for part in served(other)}
            for gateway in self.gateways.gateways
            for other in gateway.routes
            if other.arn == route.arn
        ]
        for part in served(route):
            if all((part.deployment, part.share) in each for each in others):
                self._turns.used(part)

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
        parts = served(route)
        if len(parts) > PARTS_MAX or abs(sum(part.share for part in parts) - 1.0) > EPSILON:
            self.report(f"{gateway.name} divides {route.name} wrongly: {parts}")
        for part in parts:
            for target in (target for each in part.variants for target in each.targets):
                instance = self.backend.instances.get(InstanceId(target.instance_id))
                if instance is None:
                    continue
                number = instance.spec.container.image.rpartition(":")[2]
                if part.deployment != f"d-{number}":
                    self.report(f"{gateway.name} takes {target.instance_id} for {part.deployment}")
                if not instance.was_ready:
                    self.report(f"{gateway.name} sends to {target.instance_id}, never ready")

    def changed(self) -> None:
        """An instance or a gateway changed: without faults every gateway has its full capacity."""
        if not self.faults.none:
            return
        for gateway in self.gateways.gateways:
            for route in gateway.routes:
                for part in served(route):
                    self._judge_part(f"{gateway.name}, {route.name}:", part)

    def _judge_part(self, where: str, part: Served) -> None:
        for target in (target for each in part.variants for target in each.targets):
            instance = self.backend.instances.get(InstanceId(target.instance_id))
            if instance is None or instance.phase is not Phase.READY:
                self.report(f"{where} sends to {target.instance_id}, not ready")
        if (what := self.client.sizes.wrong(part)) is not None:
            self.report(f"{where} has {what} for {part.deployment}")

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
    known = reason is not None and any(each in reason for each in REASONS)
    if reason is not None and (changing or not known or len(reason) > REASON_LENGTH_MAX):
        yield f"FailureReason {reason!r}"
    if status in (E.FAILED, E.UPDATE_ROLLBACK_FAILED) and reason is None:
        yield "no FailureReason"
    at_rest = status in (E.IN_SERVICE, E.UPDATE_ROLLBACK_FAILED)
    if at_rest and (endpoint.beside is not None) != (status is E.UPDATE_ROLLBACK_FAILED):
        yield f"{endpoint.beside} beside what serves"
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
        if not 0.0 <= variant.current_weight <= variant.desired_weight:
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
