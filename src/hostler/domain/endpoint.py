"""Endpoints: the desired side (a deployment), the status side, and their variants.

Invariant: a ``Deployment`` is frozen when an endpoint is asked to run a config. Deleting the config
or the model afterwards takes nothing from a running endpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hostler.domain.ids import AccountId, Arn, DeploymentId, EndpointId, Region
from hostler.domain.instance_types import InstanceType
from hostler.domain.model import DOWNLOAD_TIMEOUT_S, STARTUP_TIMEOUT_S, Model
from hostler.domain.serverless import Awake, Serverless


class EndpointStatus(StrEnum):
    """SageMaker's EndpointStatus values."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    SYSTEM_UPDATING = "SystemUpdating"
    ROLLING_BACK = "RollingBack"
    UPDATE_ROLLBACK_FAILED = "UpdateRollbackFailed"
    OUT_OF_SERVICE = "OutOfService"
    DELETING = "Deleting"
    FAILED = "Failed"


class Routing(StrEnum):
    """How a variant's requests are spread over its instances: SageMaker's RoutingStrategy."""

    LEAST_OUTSTANDING = "LEAST_OUTSTANDING_REQUESTS"
    RANDOM = "RANDOM"


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant of a deployment: of production, or the shadow that gets copies of its requests.

    ``weight`` is the share's numerator as the caller wrote it (a float32 on the wire, echoed
    exactly). Times are seconds.
    """

    name: str
    model: Model
    instance_type: InstanceType
    """With the sizes that it had when the endpoint was asked to run it."""
    initial_instance_count: int
    """Of a serverless variant: its provisioned environments."""
    weight: float = 1.0
    startup_timeout_s: float = STARTUP_TIMEOUT_S
    download_timeout_s: float = DOWNLOAD_TIMEOUT_S
    routing: Routing | None = None
    """As asked for; None is the least outstanding requests."""
    serverless: Serverless | None = None
    """None: it has the instances that its config says."""
    shadow: bool = False
    """Whether it gets copies of requests, whose answers nobody is given."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A config frozen with its models for one endpoint; ``created`` in epoch seconds."""

    id: DeploymentId
    endpoint_id: EndpointId
    config_name: str
    variants: tuple[Variant, ...]
    created: float
    deployment_config: Mapping[str, Any] | None = None
    """How to deploy, as the caller wrote it: DescribeEndpoint's LastDeploymentConfig."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a variant there is: its share's numerator, and its instances.

    Of a serverless one ``count`` is its provisioned environments.
    """

    weight: float
    count: int
    serverless: Serverless | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What serves beside ``current`` since neither an update nor its rollback could be finished."""

    deployment: DeploymentId
    count: int
    """Of its instances."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint's row.

    The API writes ``status`` once, at creation (Creating), and the request for a change
    (``target``, ``asked`` and ``deleting``); the endpoint controller writes everything else.
    ``version`` increases with each write and guards it.
    """

    id: EndpointId
    account: AccountId
    region: Region
    name: str
    arn: Arn
    status: EndpointStatus
    config_name: str
    created: float
    modified: float
    version: int
    current: DeploymentId | None = None
    """What serves now; None until the first deployment came up."""
    target: DeploymentId | None = None
    """What should serve; equal to ``current`` when nothing is asked for."""
    deleting: bool = False
    failure_reason: str | None = None
    rollout: "Rollout | None" = None
    update_started: float | None = None
    sizes: Mapping[str, Size] = field(default_factory=dict)
    """What the variants of ``current`` came to since its config, by name; others are as there."""
    asked: Mapping[str, Size] | None = None
    """What ``sizes`` are to become; None when nothing is asked for."""
    beside: Beside | None = None
    """Only since UpdateRollbackFailed, until another update is done."""
    awake: Mapping[str, Awake] = field(default_factory=dict)
    """The serverless variants of ``current`` that have environments to be used, by name."""


class RolloutStage(StrEnum):
    """Where a change stands; the order is in ``lifecycle.ROLLOUT``.

    The last three are a change of weights and counts, the others a replacement.
    """

    PROVISIONING = "Provisioning"
    SWITCHING = "Switching"
    BAKING = "Baking"
    TERMINATING = "Terminating"
    """The new instances serve, and the old ones are kept for a while."""
    DRAINING = "Draining"
    RETREATING = "Retreating"
    """A rolling update is taken back: old instances are started, batch by batch."""
    ROLLING_BACK = "RollingBack"
    GROWING = "Growing"
    SHRINKING = "Shrinking"
    RESTORING = "Restoring"


@dataclass(frozen=True, slots=True)
class Rollout:
    """The progress of a change, as data; ``since`` in epoch seconds."""

    stage: RolloutStage
    since: float
    reason: str | None = None
    step: int = 0
    """Of the traffic's steps to the new deployment, from 0 (``planning.course``)."""
    back: int = 0
    """Of a retreat's batches, from 0."""


@dataclass(frozen=True, slots=True)
class VariantView:
    """What DescribeEndpoint tells of a variant (filled by the controller)."""

    name: str
    current_weight: float
    desired_weight: float
    current_count: int
    desired_count: int
    images: tuple["DeployedImage", ...] = ()
    statuses: tuple["VariantState", ...] = ()
    routing: Routing | None = None
    """As asked for, if it was."""
    serverless: Serverless | None = None
    desired_serverless: Serverless | None = None
    """Both of a serverless variant alone, whose counts are 0: nobody is told of environments."""
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class DeployedImage:
    """The image asked for, the digest that serves, and when it was resolved (epoch seconds)."""

    specified: str
    resolved: str
    resolved_at: float


@dataclass(frozen=True, slots=True)
class VariantState:
    """A line of ProductionVariantSummary.VariantStatus."""

    status: str
    message: str
    since: float


@dataclass(frozen=True, slots=True)
class EndpointView:
    """What the controller last saw of an endpoint, for Describe.

    ``variants`` are those of the deployment that serves (ProductionVariants and
    ShadowProductionVariants; none before the first came up), ``pending`` those of the one that is
    to follow it (PendingDeploymentSummary).
    """

    variants: tuple[VariantView, ...] = field(default_factory=tuple)
    pending: tuple[VariantView, ...] = field(default_factory=tuple)
    pending_config: str | None = None
    """The config that ``pending`` belongs to; its start is the endpoint's ``update_started``."""
