"""Application Auto Scaling's nouns: scalable targets, their policies, schedules and activities.

Invariant: pure values. A target's bounds are the caller's (or a scheduled action's); its cooldown
is that of its last change by a policy, and begins when the change is fulfilled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hostler.domain.ids import AccountId, Arn, Region, partition

NAMESPACE = "sagemaker"
KEY = "scalable-target/"
"""How the keys of targets begin, among all that can be woken (``domain.ports.Wake``)."""
COOLDOWN_S = 300
"""Of both directions, unless a policy says otherwise."""


class Dimension(StrEnum):
    """SageMaker's ScalableDimension values."""

    INSTANCE_COUNT = "sagemaker:variant:DesiredInstanceCount"
    PROVISIONED_CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
    COPY_COUNT = "sagemaker:inference-component:DesiredCopyCount"


class PolicyType(StrEnum):
    """PolicyType."""

    STEP = "StepScaling"
    TRACKING = "TargetTrackingScaling"


class AdjustmentType(StrEnum):
    """What a step's number means."""

    CHANGE = "ChangeInCapacity"
    PERCENT = "PercentChangeInCapacity"
    EXACT = "ExactCapacity"


class Aggregation(StrEnum):
    """How a step policy makes one value of an alarm's data points."""

    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"


class Direction(StrEnum):
    """Which way a change goes."""

    OUT = "out"
    IN = "in"


class ActivityStatus(StrEnum):
    """ScalingActivityStatusCode, but for two that nothing is here.

    What is decided is asked for in the same transaction, so nothing is Pending; what the endpoint
    takes back is Failed and says why, so nothing is Unfulfilled.
    """

    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"
    OVERRIDDEN = "Overridden"
    FAILED = "Failed"


class NotScaled(StrEnum):
    """NotScaledReason's codes."""

    FLAPPING = "AutoScalingAnticipatedFlapping"
    AT_MAX = "AlreadyAtMaxCapacity"
    AT_MIN = "AlreadyAtMinCapacity"
    AT_DESIRED = "AlreadyAtDesiredCapacity"


@dataclass(frozen=True, slots=True)
class Suspended:
    """SuspendedState: what does not happen for now."""

    scale_in: bool = False
    scale_out: bool = False
    scheduled: bool = False


@dataclass(frozen=True, slots=True)
class Cooldown:
    """What follows a change.

    ``base`` is the capacity before the change; ``seconds`` are counted from when it was fulfilled,
    so ``until`` (epoch seconds) is None while it is not. What was not a policy's has no seconds.
    """

    direction: Direction
    policy: str
    base: int
    seconds: float
    until: float | None = None

    def holds(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.until is None or now < self.until

    def precedes(self, moment: float) -> bool:
        """Whether the change was fulfilled by then, so that what was measured since shows it."""
        return self.until is not None and self.until - self.seconds <= moment


@dataclass(frozen=True, slots=True)
class Target:
    """A scalable target: a variant of an endpoint, and how far it may be scaled."""

    id: str
    account: AccountId
    region: Region
    endpoint: str
    variant: str
    dimension: Dimension
    min: int
    max: int
    created: float
    suspended: Suspended = Suspended()
    cooldown: Cooldown | None = None
    bounded: bool = False
    """The bounds were set and the capacity is not known to be within: it is pulled there."""

    @property
    def resource_id(self) -> str:
        return f"endpoint/{self.endpoint}/variant/{self.variant}"

    @property
    def arn(self) -> Arn:
        return target_arn(self.region, self.account, self.id)

    @property
    def key(self) -> str:
        """Under which its controller is woken."""
        return f"{KEY}{self.id}"

    def clamped(self, capacity: int) -> int:
        """The nearest capacity within the bounds."""
        return max(self.min, min(self.max, capacity))


@dataclass(frozen=True, slots=True)
class Step:
    """A step adjustment; bounds are offsets from the alarm's threshold, None is unbounded."""

    lower: float | None
    upper: float | None
    adjustment: int


@dataclass(frozen=True, slots=True)
class StepScaling:
    """StepScalingPolicyConfiguration."""

    adjustment_type: AdjustmentType
    steps: tuple[Step, ...]
    min_magnitude: int | None = None
    cooldown_s: float = COOLDOWN_S
    aggregation: Aggregation = Aggregation.AVERAGE


@dataclass(frozen=True, slots=True)
class TargetTracking:
    """TargetTrackingScalingPolicyConfiguration, but for the metric (in the policy's request)."""

    target_value: float
    scale_out_cooldown_s: float = COOLDOWN_S
    scale_in_cooldown_s: float = COOLDOWN_S
    disable_scale_in: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """A scaling policy of a target; exactly one of ``step`` and ``tracking`` is there."""

    target_id: str
    name: str
    arn: Arn
    created: float
    request: Mapping[str, Any]
    """The configuration as it was given."""
    step: StepScaling | None = None
    tracking: TargetTracking | None = None
    high_alarm: str | None = None
    low_alarm: str | None = None
    """The names of the alarms that a target tracking policy made."""

    @property
    def type(self) -> PolicyType:
        return PolicyType.STEP if self.step is not None else PolicyType.TRACKING


@dataclass(frozen=True, slots=True)
class ScheduledAction:
    """A scheduled action; ``due`` is when it happens next (epoch seconds; None: never again)."""

    target_id: str
    name: str
    arn: Arn
    created: float
    schedule: str
    timezone: str | None = None
    start: float | None = None
    end: float | None = None
    min: int | None = None
    max: int | None = None
    due: float | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """A NotScaledReason, with the one capacity that belongs to its code."""

    code: NotScaled
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """What was done, or was not and why; times in epoch seconds."""

    id: str
    account: AccountId
    region: Region
    resource_id: str
    dimension: Dimension
    description: str
    cause: str
    started: float
    status: ActivityStatus
    message: str
    ended: float | None = None
    capacity: int | None = None
    """The count that was asked for."""
    reasons: tuple[Reason, ...] = ()
    """Why nothing was scaled; empty where something was."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """What the decision was made of: metric, points, alarm, formula, cooldown."""


def is_target_key(key: str) -> bool:
    """Whether a key is a scalable target's."""
    return key.startswith(KEY)


def target_arn(region: str, account: str, target_id: str) -> Arn:
    """The ARN of a scalable target."""
    return Arn(
        f"arn:{partition(region)}:application-autoscaling:{region}:{account}:"
        f"scalable-target/{target_id}"
    )


def policy_arn(target: Target, policy_id: str, name: str) -> Arn:
    """The ARN of a scaling policy; ``policy_id`` is a UUID."""
    return Arn(
        f"arn:{partition(target.region)}:autoscaling:{target.region}:{target.account}:"
        f"scalingPolicy:{policy_id}:resource/{NAMESPACE}/{target.resource_id}:policyName/{name}"
    )


def scheduled_action_arn(target: Target, action_id: str, name: str) -> Arn:
    """The ARN of a scheduled action; ``action_id`` is a UUID."""
    return Arn(
        f"arn:{partition(target.region)}:autoscaling:{target.region}:{target.account}:"
        f"scheduledAction:{action_id}:resource/{NAMESPACE}/{target.resource_id}"
        f":scheduledActionName/{name}"
    )


def service_linked_role(region: str, account: str) -> Arn:
    """The role that AWS shows for every scalable target of SageMaker's endpoints."""
    return Arn(
        f"arn:{partition(region)}:iam::{account}:role/aws-service-role/"
        "sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    )
