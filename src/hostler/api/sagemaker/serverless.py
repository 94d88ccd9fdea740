"""ServerlessConfig as it is asked for: its bounds, and what AWS refuses beside it.

Invariant: what passes here can be served; a config that asks for serverless inference together with
what that cannot do is refused when it is made.
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html (feature exclusions)
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hostler.domain.errors import CallerError, validation
from hostler.domain.serverless import MEMORY_STEP_MB, Serverless
from hostler.planning import serverless as planning

INSTANCE_MEMBERS = (
    "InstanceType",
    "InitialInstanceCount",
    "AcceleratorType",
    "VolumeSizeInGB",
    "ManagedInstanceScaling",
    "RoutingConfig",
)
"""What a variant says of instances."""
CONFIG_FEATURES: Mapping[str, str] = {
    "ShadowProductionVariants": "shadow variants",
    "DataCaptureConfig": "data capture",
    "AsyncInferenceConfig": "asynchronous inference",
    "ExplainerConfig": "explanations",
    "VpcConfig": "VPC configuration",
    "EnableNetworkIsolation": "network isolation",
}
GPU_MARKS = ("-gpu", "gpu-", "-cu1", "-neuron")
"""In the tags of AWS's images for accelerators."""


def settings(given: Mapping[str, Any]) -> Serverless | None:
    """A variant's serverless settings, checked; None where it has instances."""
    config = given.get("ServerlessConfig")
    if not config:
        return None
    name = given["VariantName"]
    for member in INSTANCE_MEMBERS:
        if given.get(member) not in (None, {}):
            raise validation(
                f"{member} cannot be specified together with ServerlessConfig for the production "
                f'variant "{name}".'
            )
    if config["MemorySizeInMB"] % MEMORY_STEP_MB:
        raise validation(
            f'MemorySizeInMB {config["MemorySizeInMB"]} of the production variant "{name}" is '
            "not supported. Specify one of 1024, 2048, 3072, 4096, 5120, 6144."
        )
    found = Serverless(
        config["MemorySizeInMB"],
        config["MaxConcurrency"],
        config.get("ProvisionedConcurrency") or 0,
    )
    planning.check(name, found)
    return found


def check_config(request: Mapping[str, Any]) -> None:
    """Refuse a config that asks for serverless inference and for what excludes it."""
    variants: Sequence[Mapping[str, Any]] = request["ProductionVariants"]
    if not any(variant.get("ServerlessConfig") for variant in variants):
        return
    if len(variants) > 1:
        raise validation(
            "Endpoint configurations with ServerlessConfig must have exactly one production "
            "variant."
        )
    for member, what in CONFIG_FEATURES.items():
        if request.get(member):
            raise _excluded(what, member)


def check_model(request: Mapping[str, Any]) -> None:
    """Refuse the model (a CreateModel request) of a serverless variant that cannot be served."""
    name = request["ModelName"]
    containers = request.get("Containers") or [request.get("PrimaryContainer") or {}]
    if request.get("VpcConfig"):
        raise _excluded("VPC configuration", f"VpcConfig of model {name}")
    if request.get("EnableNetworkIsolation"):
        raise _excluded("network isolation", f"EnableNetworkIsolation of model {name}")
    if len(containers) > 1:
        raise _excluded("several containers", f"Containers of model {name}")
    for container in containers:
        if container.get("Mode") == "MultiModel":
            raise _excluded("multi-model endpoints", f"Mode of model {name}")
        image = container.get("Image", "")
        if any(mark in image.rpartition(":")[2] for mark in GPU_MARKS):
            raise _excluded("GPUs", f"image {image} of model {name}")


def check_change(endpoint_arn: str, *, serves: bool, asked: bool) -> None:
    """Refuse to make a serverless endpoint of one that has instances."""
    if asked and not serves:
        raise validation(
            f'Cannot update endpoint "{endpoint_arn}" from a real-time to a serverless endpoint '
            "configuration. Create a new endpoint instead."
        )


def _excluded(what: str, where: str) -> CallerError:
    return validation(f"Serverless inference does not support {what} ({where}).")
