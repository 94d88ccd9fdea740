"""``[quotas]``, ``[instances]`` and ``[serverless]``: how much there may be, and how it runs.

Invariant: pure data with defaults, as all of ``domain.config``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hostler.domain.setting import setting


class Overcommit(StrEnum):
    """What becomes of instances that the machine has no memory for."""

    WARN = "warn"
    REFUSE = "refuse"


class WithoutGpu(StrEnum):
    """What becomes of instances of a GPU type where there is no device left for them."""

    CPU = "cpu"
    REFUSE = "refuse"


class Batching(StrEnum):
    """Whether a model answers several requests at once."""

    AUTO = "auto"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Quotas:
    """How much an account may have in a region; beyond it ResourceLimitExceeded, as on AWS.

    AWS's own defaults follow an account's history and are raised on request: here there is no limit
    but the one for a slip of the keyboard, and a test of refusals sets what it needs.
    """

    models: int | None = setting(None, "models", low=0)
    endpoint_configs: int | None = setting(None, "endpoint configurations", low=0)
    endpoints: int | None = setting(None, "endpoints", low=0)
    instances: int | None = setting(None, "instances of all endpoints together", low=0)
    instances_per_endpoint: int | None = setting(
        400, "instances of one type for one endpoint, against slips of the keyboard", low=0
    )
    instances_by_type: Mapping[str, int] = setting(
        {},
        'instances of one type over all endpoints (AWS: "ml.m5.xlarge for endpoint usage"): '
        '{ "ml.m5.xlarge" = 2 }',
        low=0,
        pattern=r"ml\.[a-z0-9-]+\.[a-z0-9]+",
        wants="an instance type like ml.m5.xlarge",
    )


@dataclass(frozen=True, slots=True)
class Instances:
    """How instances get their share of the machine."""

    overcommit: Overcommit = setting(
        Overcommit.WARN,
        "instances that the machine has no memory for: started with a warning, or refused "
        "(InsufficientInstanceCapacity)",
    )
    gpu: WithoutGpu = setting(
        WithoutGpu.CPU,
        "instances of a GPU type without a device: they run on the CPU and say so, or are refused",
    )
    batching: Batching = setting(
        Batching.AUTO,
        "requests in line for a model that answers each row apart: predicted together, or "
        '("exact") one by one, so that no last bit depends on who else asks',
    )
    spares: bool = setting(
        True,
        "a runtime in use keeps one process ready for its next instance, which then starts sooner",
    )


@dataclass(frozen=True, slots=True)
class Serverless:
    """Serverless endpoints, which have no instance while nobody calls them."""

    idle_timeout_s: int = setting(
        300, "seconds without a call after which an environment ends", low=1, high=86_400
    )
