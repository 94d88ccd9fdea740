"""What a planner is given and what it answers: a situation, and a plan of rows, routes and actions.

Invariant: both are values. A plan says everything that is to be written before anything is done, so
a crash between any two steps leaves rows from which the next plan goes on.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeAlias

from hostler.domain.alarm import States
from hostler.domain.endpoint import Deployment, Endpoint, EndpointView
from hostler.domain.ids import DeploymentId, InstanceId
from hostler.domain.instance import InstanceRecord, InstanceSpec, Observation
from hostler.domain.snapshot import EndpointRoute
from hostler.domain.updates import Fired, Told
from hostler.planning.deadlines import ACK_PATIENCE_S
from hostler.planning.serverless import Demand


@dataclass(frozen=True, slots=True)
class Exposure:
    """Which instances the gateways send to, as far as their acknowledgements tell.

    A gateway that does not acknowledge is waited for with patience, counted from ``since``: when
    this life of the control plane published the endpoint's present route (epoch seconds).
    """

    certain: frozenset[str]
    """Every gateway knows these."""
    possible: frozenset[str] | None
    """Some gateway may still send to these; None while nothing is acknowledged."""
    published: frozenset[str] | None
    """The newest snapshot holds these; None while there is none."""
    since: float
    weights: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """By deployment and variant, as the newest snapshot has them for the endpoint; none while it
    has no route."""
    agreed: bool = False
    """Whether every gateway uses the endpoint's route as the newest snapshot has it."""

    def weighs(self, weights: Mapping[tuple[str, str], float], now: float) -> bool:
        """Whether every gateway divides requests so, or had time enough to begin to."""
        return self.weights == weights and (self.agreed or now >= self.patience_ends)

    def includes(self, ids: AbstractSet[str], now: float) -> bool:
        """Whether every gateway sends to all of these, or had time enough to."""
        if ids <= self.certain:
            return True
        return self.published is not None and ids <= self.published and now >= self.patience_ends

    def excludes(self, instance_id: str, now: float) -> bool:
        """Whether no gateway sends to this one any more, or each had time enough to stop."""
        if self.possible is not None and instance_id not in self.possible:
            return True
        gone = self.published is not None and instance_id not in self.published
        return gone and now >= self.patience_ends

    @property
    def patience_ends(self) -> float:
        return self.since + ACK_PATIENCE_S


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a plan for an endpoint depends on; ``now`` in epoch seconds."""

    endpoint: Endpoint
    deployments: Mapping[DeploymentId, Deployment]
    records: Sequence[InstanceRecord]
    observations: Sequence[Observation]
    exposure: Exposure
    now: float
    tags: Mapping[str, str] = field(default_factory=dict)
    alarms: States = field(default_factory=dict)
    """How the alarms stand that the deployment is watched by; one that does not exist is not
    here."""
    fired: Sequence[Fired] = ()
    """What those of them saw that are in ALARM."""
    watching_since: float = 0.0
    """When this life of the control plane began (epoch seconds)."""
    demand: Demand = field(default_factory=Demand)
    view: EndpointView | None = None
    """What was last shown of it."""


@dataclass(frozen=True, slots=True)
class LaunchInstance:
    """Start an instance whose record is written."""

    spec: InstanceSpec


@dataclass(frozen=True, slots=True)
class StopInstance:
    """End an instance that no gateway sends to; killed after ``grace_s`` seconds."""

    instance_id: InstanceId
    grace_s: float


@dataclass(frozen=True, slots=True)
class RemoveInstance:
    """Delete what an ended instance left behind."""

    instance_id: InstanceId


Action: TypeAlias = LaunchInstance | StopInstance | RemoveInstance


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, then to publish, then to do; in this order.

    ``endpoint`` carries status, rollout, current, target and failure reason as they are to be; it
    equals the situation's when they stay. ``route`` is None where the endpoint takes no requests.
    """

    endpoint: Endpoint
    view: EndpointView
    route: EndpointRoute | None
    records: tuple[InstanceRecord, ...] = ()
    """New and changed records."""
    dropped: tuple[InstanceId, ...] = ()
    """Records of instances that are gone."""
    forgotten: tuple[DeploymentId, ...] = ()
    """Deployments that nothing needs any more."""
    gone: bool = False
    """Nothing is left of a deleted endpoint: its row goes too."""
    actions: tuple[Action, ...] = ()
    told: Told | None = None
    """What becomes of the endpoint's update with this plan; written with it."""
    awaits_gateways: bool = False
    """The next step waits for the gateways' acknowledgements."""
    requeue_after_s: float | None = None
