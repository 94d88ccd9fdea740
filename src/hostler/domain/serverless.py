"""Serverless variants: what is configured of them, and what one environment has of the machine.

An environment is an instance of a serverless variant: one worker, within the memory of the config.

Invariant: at rest a variant has its provisioned environments and no other.
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-create-config.html
"""

from dataclasses import dataclass

from hostler.domain.instance_types import InstanceType

MIB = 1024**2
MEMORY_STEP_MB = 1024
STARTUP_TIMEOUT_S = 180.0
"""How long a model may take until it answers its first ping."""
PAYLOAD_BYTES_MAX = 4 * MIB


@dataclass(frozen=True, slots=True)
class Serverless:
    """SageMaker's ServerlessConfig: memory in MB (2**20), and how many requests at once."""

    memory_mb: int
    max_concurrency: int
    provisioned: int = 0
    """Environments that always stand; 0 where none was asked for."""


@dataclass(frozen=True, slots=True)
class Awake:
    """Environments that stand because they are used; they may go from ``until`` (epoch s) on."""

    count: int
    until: float


def environment_type(memory_mb: int) -> InstanceType:
    """What one environment has: with the memory grow the processors, one for each GB."""
    vcpus = max(1, memory_mb // MEMORY_STEP_MB)
    return InstanceType(f"serverless.{memory_mb}MB", vcpus, memory_mb * MIB)
