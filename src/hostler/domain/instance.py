"""Instances: what a backend is asked to run, and what it reports of it.

Invariant: an observation is read from the world (processes, files, sockets), never from memory, so
a restarted control plane sees the same as the one before it.
"""

from dataclasses import dataclass
from enum import StrEnum

from hostler.domain.ids import AccountId, DeploymentId, EndpointId, InstanceId, Region
from hostler.domain.model import DOWNLOAD_TIMEOUT_S, STARTUP_TIMEOUT_S, Container


class Phase(StrEnum):
    """How far an instance has come."""

    ABSENT = "absent"
    """Not launched, or removed; one that is still observed left something on disk."""
    PREPARING = "preparing"
    """Its runtime is built or its model downloaded; does not count as start-up time."""
    STARTING = "starting"
    """Its process runs and loads the model."""
    READY = "ready"
    STOPPING = "stopping"
    """It was asked to, or has said how it ends (``exit``) and is about to be gone."""
    EXITED = "exited"
    """It will not answer again; ``exit`` says why. Its folder is kept until ``remove``."""


class FailureCause(StrEnum):
    """Why an instance ended or never began; each has a sentence in ``domain.reasons``."""

    IMPORT_ERROR = "ImportError"
    MODEL_LOAD = "ModelLoad"
    NO_HANDLER = "NoHandler"
    BAD_SCRIPT = "BadScript"
    CORRUPT_ARCHIVE = "CorruptArchive"
    HOSTILE_ARCHIVE = "HostileArchive"
    MISSING_OBJECT = "MissingObject"
    ROLE_NOT_ALLOWED = "RoleNotAllowed"
    ENVIRONMENT = "Environment"
    REQUIREMENTS = "Requirements"
    UNKNOWN_IMAGE = "UnknownImage"
    CAPACITY = "Capacity"
    """The machine has no room for the instance type (where overcommitting is refused)."""
    OUT_OF_MEMORY = "OutOfMemory"
    HEALTH_TIMEOUT = "HealthTimeout"
    DOWNLOAD_TIMEOUT = "DownloadTimeout"
    KILLED = "Killed"
    EXITED = "Exited"
    PLATFORM = "Platform"
    """Ours: a full disk, a zygote that would not answer. Worth trying again."""


DETERMINISTIC = frozenset(
    {
        FailureCause.NO_HANDLER,
        FailureCause.BAD_SCRIPT,
        FailureCause.CORRUPT_ARCHIVE,
        FailureCause.HOSTILE_ARCHIVE,
        FailureCause.MISSING_OBJECT,
        FailureCause.ROLE_NOT_ALLOWED,
        FailureCause.ENVIRONMENT,
        FailureCause.REQUIREMENTS,
        FailureCause.UNKNOWN_IMAGE,
        FailureCause.IMPORT_ERROR,
    }
)
"""Causes that the same inputs give again: no second attempt is owed while starting."""

TRANSIENT = frozenset({FailureCause.PLATFORM, FailureCause.KILLED})
"""Causes that lie outside the model: seeing one twice proves nothing."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How an instance ended; ``message`` names the cause in one line (file and line if known)."""

    cause: FailureCause
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """Everything needed to run one instance. Times are seconds, memory bytes."""

    instance_id: InstanceId
    owner: EndpointId
    account: AccountId
    region: Region
    endpoint_name: str
    variant_name: str
    container: Container
    role_arn: str
    instance_type: str
    vcpus: int
    memory_bytes: int
    gpus: int = 0
    gpu_memory_bytes: int = 0
    """Of each of them."""
    network_isolation: bool = False
    startup_timeout_s: float = STARTUP_TIMEOUT_S
    download_timeout_s: float = DOWNLOAD_TIMEOUT_S
    one_worker: bool = False
    """One worker unless the model asks for more; else one for each processor."""
    background: bool = False
    """Others' work comes first: nobody waits for what it computes."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One instance as the backend sees it now.

    ``sockets`` are absolute paths of the model server's worker sockets (frames), complete when
    READY. ``starting_since`` is when STARTING began (epoch seconds, the age read from the world and
    taken from the clock's now): start-up time-outs count from it. ``runtime`` names what really
    serves, e.g. ``scikit-learn 1.8.0 (Python 3.11.7)``; ``digest`` is the sha256 of its lock.
    ``pid`` is the shim's, in the host's numbering.
    """

    instance_id: InstanceId
    owner: EndpointId
    phase: Phase
    variant_name: str = ""
    pid: int | None = None
    sockets: tuple[str, ...] = ()
    starting_since: float | None = None
    exit: Exit | None = None
    runtime: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """One instance as the controller means it to be, written before the backend is called.

    An endpoint's variant has ``slot`` 0, 1, … up to its desired count; a dead instance is followed
    in its slot by a new record with the next ``attempt``. Times are epoch seconds.
    """

    id: InstanceId
    endpoint_id: EndpointId
    deployment_id: DeploymentId
    variant_name: str
    slot: int
    created: float
    launch_at: float
    """Not before then: the back-off after a predecessor's death."""
    attempt: int = 1
    """1 for the first in its slot; grows with each death that follows shortly on the last."""
    previous: Exit | None = None
    """How the predecessor in the slot ended."""
    spent_s: float = 0.0
    """Start-up time that predecessors used in vain, their back-offs included."""
    ready_at: float | None = None
    """When it was first seen READY."""
    digest: str = ""
    """The lock's digest that it was seen to run."""
    retired_at: float | None = None
    """When it left the routes for good: it is drained, stopped and removed."""
    stop_deadline: float | None = None
    """When its stop turns into a kill; set with the first request to stop."""
