"""Pieces for tests of plans: an endpoint, its deployments, and situations made of them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, Variant
from hostler.domain.ids import (
    DEFAULT_ACCOUNT,
    DEFAULT_REGION,
    DeploymentId,
    EndpointId,
    InstanceId,
    sagemaker_arn,
)
from hostler.domain.instance import Exit, FailureCause, InstanceRecord, Observation, Phase
from hostler.domain.instance_types import INSTANCE_TYPES
from hostler.domain.model import Container, Model
from hostler.planning.endpoint import plan
from hostler.planning.plan import Exposure, Plan, Situation
from hostler.planning.serverless import Demand
from hostler.planning.sizing import Wish, granted

if TYPE_CHECKING:
    from hostler.domain.alarm import AlarmState
    from hostler.domain.updates import Fired, Told

NOW = 1_700_000_000.0
OWNER = EndpointId("e-1")
ARN = sagemaker_arn(DEFAULT_REGION, DEFAULT_ACCOUNT, "endpoint", "demo")
ROLE = "arn:aws:iam::123456789012:role/r"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
DIGEST = "ab" * 32


def variant(name: str = "AllTraffic", count: int = 1, weight: float = 1.0) -> Variant:
    return Variant(
        name, Model("m", Container(IMAGE), ROLE), INSTANCE_TYPES["ml.m5.large"], count, weight
    )


def deployment(number: int, *variants: Variant) -> Deployment:
    made = DeploymentId(f"d-{number}")
    return Deployment(made, OWNER, f"config-{number}", variants or (variant(),), NOW + number)


def endpoint(status: EndpointStatus = EndpointStatus.CREATING, **changes: object) -> Endpoint:
    made = Endpoint(
        id=OWNER,
        account=DEFAULT_ACCOUNT,
        region=DEFAULT_REGION,
        name="Demo",
        arn=ARN,
        status=status,
        config_name="config-1",
        created=NOW,
        modified=NOW,
        version=1,
        target=DeploymentId("d-1"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def seen(record: InstanceRecord, phase: Phase, **changes: object) -> Observation:
    ready = phase is Phase.READY
    made = Observation(
        instance_id=record.id,
        owner=OWNER,
        phase=phase,
        variant_name=record.variant_name,
        sockets=(f"/i/{record.id}/s/w0.sock",) if ready else (),
        digest=DIGEST if ready else "",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def ended(cause: FailureCause, message: str = "why", at: float = NOW) -> Exit:
    return Exit(cause, message, at)


class Play:
    """An endpoint played forward by hand: its rows, its instances, and what gateways know."""

    def __init__(self, start: Endpoint, *deployments: Deployment) -> None:
        self.endpoint = start
        self.deployments = {each.id: each for each in deployments}
        self.records: dict[InstanceId, InstanceRecord] = {}
        self.observed: dict[InstanceId, Observation] = {}
        self.now = NOW
        self.known: frozenset[str] = frozenset()
        """What every gateway sends to."""
        self.published: frozenset[str] = frozenset()
        self.weights: dict[tuple[str, str], float] = {}
        self.known_weights: dict[tuple[str, str], float] = {}
        self.alarms: dict[str, AlarmState] = {}
        self.watching_since = 0.0
        """By which every gateway divides."""
        self.since = NOW
        self.last: Plan | None = None
        self.demand = Demand(heard=True)
        self.fired: tuple[Fired, ...] = ()
        self.told: list[Told] = []
        """What was written down of updates."""

    def plan(self) -> Plan:
        """One plan, written but not acted upon."""
        made = plan(
            Situation(
                endpoint=self.endpoint,
                deployments=self.deployments,
                records=tuple(self.records.values()),
                observations=tuple(self.observed.values()),
                exposure=Exposure(
                    certain=self.known & self.published,
                    possible=self.known | self.published,
                    published=self.published,
                    since=self.since,
                    weights=self.weights,
                    agreed=self.weights == self.known_weights,
                ),
                now=self.now,
                tags={"team": "rc"},
                alarms=self.alarms,
                fired=self.fired,
                watching_since=self.watching_since,
                demand=self.demand,
                view=self.last.view if self.last else None,
            )
        )
        self.endpoint = made.endpoint
        self.records |= {record.id: record for record in made.records}
        for gone in made.dropped:
            del self.records[gone]
        for forgotten in made.forgotten:
            del self.deployments[forgotten]
        ids, weights = frozenset(targets(made)), weighed(made)
        if (ids, weights) != (self.published, self.weights):
            self.published, self.weights, self.since = ids, weights, self.now
        self.last = made
        self.told += [made.told] if made.told else []
        return made

    def ack(self) -> None:
        """Every gateway uses the newest snapshot."""
        self.known, self.known_weights = self.published, self.weights

    def show(self, phase: Phase, *records: InstanceRecord, **changes: object) -> None:
        for record in records or tuple(self.standing()):
            self.observed[record.id] = seen(record, phase, **changes)

    def exit(self, record: InstanceRecord, cause: FailureCause, message: str = "why") -> None:
        self.show(Phase.EXITED, record, exit=ended(cause, message, self.now))

    def vanish(self, *records: InstanceRecord) -> None:
        for record in records:
            self.observed.pop(record.id, None)

    def standing(self, run: str | None = None) -> list[InstanceRecord]:
        return [
            record
            for record in self.records.values()
            if record.retired_at is None and run in (None, record.deployment_id)
        ]

    def retired(self) -> list[InstanceRecord]:
        return [record for record in self.records.values() if record.retired_at is not None]

    def settle(self) -> None:
        """Plan until nothing is left to do but to wait: everybody does at once what is asked."""
        for _ in range(20):
            for record in self.standing():
                if record.id not in self.observed:
                    self.show(Phase.READY, record)
            self.vanish(*self.retired())
            before = self.endpoint
            self.ack()
            self.plan()
            moving = self.retired() or [r for r in self.standing() if r.id not in self.observed]
            if self.endpoint == before and self.known_weights == self.weights and not moving:
                return

    def serve(self) -> "Play":
        """Bring the endpoint up."""
        self.plan()
        self.show(Phase.READY)
        self.plan()
        self.ack()
        self.plan()
        assert self.endpoint.status is EndpointStatus.IN_SERVICE
        return self

    def resize(self, **wishes: Wish) -> "Play":
        """What the API writes for UpdateEndpointWeightsAndCapacities."""
        current = self.endpoint.current
        assert current is not None
        asked = granted(self.deployments[current], self.endpoint.sizes, wishes)
        self.endpoint = replace(
            self.endpoint,
            status=EndpointStatus.UPDATING,
            asked=asked,
            update_started=self.now,
            failure_reason=None,
        )
        return self

    def update(self, wanted: Deployment) -> "Play":
        """What the API writes for UpdateEndpoint."""
        self.deployments[wanted.id] = wanted
        self.endpoint = replace(
            self.endpoint,
            status=EndpointStatus.UPDATING,
            target=wanted.id,
            update_started=self.now,
            failure_reason=None,
        )
        return self


def divided(made: Plan) -> dict[str, float]:
    """The weights by which a plan divides the traffic of one deployment, by variant."""
    return {name: weight for (_run, name), weight in weighed(made).items()}


def weighed(made: Plan) -> dict[tuple[str, str], float]:
    """The weights by which a plan divides, and copies, the traffic, by deployment and variant."""
    if made.route is None:
        return {}
    return {(each.deployment, each.name): each.weight for each in made.route.every_variant}


def targets(made: Plan) -> list[str]:
    """The instances that a plan sends traffic, or copies of it, to."""
    variants = made.route.every_variant if made.route else ()
    return [target.instance_id for variant in variants for target in variant.targets]
