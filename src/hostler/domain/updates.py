"""What became of an endpoint's deployments: each update with its events, as they are kept.

Invariant: pure values. An update is of one deployment, from when it was asked for; its last event
says how it ended, and nothing follows that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hostler.domain.alarm import AlarmState, Comparison
from hostler.domain.endpoint import RolloutStage
from hostler.domain.ids import DeploymentId

KEPT_MAX = 10
"""Updates of an endpoint; the oldest go first."""


class Outcome(StrEnum):
    """How an update ended."""

    COMPLETED = "Completed"
    ROLLED_BACK = "RolledBack"
    ROLLBACK_FAILED = "RollbackFailed"
    """Both deployments serve."""
    FAILED = "Failed"
    """A first deployment that did not come up: there was nothing to go back to."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked for; times in seconds, ``asked`` in epoch seconds."""

    deployment: DeploymentId
    config: str
    asked: float
    variants: tuple[str, ...] = ()
    """Those that get requests; a shadow is none."""
    before: str | None = None
    """The config that served; None for an endpoint's first deployment."""
    variants_before: tuple[str, ...] = ()
    policy: str = ""
    """ALL_AT_ONCE, CANARY, LINEAR or ROLLING."""
    shares: tuple[float, ...] = ()
    """Of the traffic that the new deployment is to have after each step."""
    wait_s: float = 0.0
    termination_wait_s: float = 0.0
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One of both deployments: its share (0 to 1) of the requests, its instances that are ready."""

    share: float = 0.0
    instances: int = 0


@dataclass(frozen=True, slots=True)
class Fired:
    """An alarm in ALARM, as it stood when a deployment was taken back."""

    name: str
    since: float
    """When it went into ALARM (epoch seconds)."""
    reason: str
    """Its StateReason."""
    value: float | None = None
    """Its newest data point; None where none is known (composite alarms, a state that was set)."""
    threshold: float | None = None
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """The row of an endpoint entered a stage of an update, or came to rest (``outcome``).

    ``at`` in epoch seconds; ``step`` and ``back`` as in ``Rollout``; both sides as they were told
    to the gateways with it.
    """

    at: float
    stage: RolloutStage | None
    step: int
    back: int
    blue: Side
    green: Side
    unsettled: Mapping[str, AlarmState] = field(default_factory=dict)
    """The alarms that watch the update and were not OK."""
    fired: tuple[Fired, ...] = ()
    outcome: Outcome | None = None
    reason: str | None = None
    """The FailureReason, from when it is known."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and which update it belongs to: its first event opens it by these terms."""

    terms: Terms
    event: Event


@dataclass(frozen=True, slots=True)
class Update:
    """An update of an endpoint, the ``number``-th; its events in their order."""

    number: int
    terms: Terms
    events: tuple[Event, ...]

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def outcome(self) -> Outcome | None:
        """None while it is under way."""
        return self.last.outcome
