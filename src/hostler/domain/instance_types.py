"""Instance types: what an ``ml.*`` name promises in vCPUs, memory and GPUs.

Invariant: a name that is not in ``INSTANCE_TYPES`` is refused when an endpoint config is made; an
instance never starts with a guessed size. Source: https://aws.amazon.com/sagemaker/ai/pricing/ and
https://docs.aws.amazon.com/ec2/latest/instancetypes/ (read 2025).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

GIB = 1024**3

_VCPUS = {
    "medium": 1,
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "9xlarge": 36,
    "12xlarge": 48,
    "16xlarge": 64,
    "18xlarge": 72,
    "24xlarge": 96,
    "32xlarge": 128,
    "48xlarge": 192,
}

_GRAVITON = "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"
_GRAVITON_4 = f"{_GRAVITON} 24xlarge 48xlarge"
_NITRO = "large xlarge 2xlarge 4xlarge 8xlarge 9xlarge 12xlarge 16xlarge 18xlarge 24xlarge"
_ICE_LAKE = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"
_SAPPHIRE = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"

# family → (GiB a vCPU, sizes)
_REGULAR: Mapping[str, tuple[int, str]] = {
    "m5": (4, _NITRO),
    "m5d": (4, _NITRO),
    "c5": (2, _NITRO),
    "c5d": (2, _NITRO),
    "r5": (8, _NITRO),
    "r5d": (8, _NITRO),
    "m6i": (4, _ICE_LAKE),
    "c6i": (2, _ICE_LAKE),
    "c6in": (2, _ICE_LAKE),
    "r6i": (8, _ICE_LAKE),
    "m7i": (4, _SAPPHIRE),
    "c7i": (2, _SAPPHIRE),
    "r7i": (8, _SAPPHIRE),
    "m6g": (4, _GRAVITON),
    "m6gd": (4, _GRAVITON),
    "c6g": (2, _GRAVITON),
    "c6gd": (2, _GRAVITON),
    "c6gn": (2, _GRAVITON),
    "r6g": (8, _GRAVITON),
    "r6gd": (8, _GRAVITON),
    "c7g": (2, _GRAVITON),
    "r7gd": (8, _GRAVITON),
    "m8g": (4, _GRAVITON_4),
    "c8g": (2, _GRAVITON_4),
    "r8g": (8, _GRAVITON_4),
    "inf2": (4, "xlarge 8xlarge 24xlarge 48xlarge"),
    "trn1": (4, "2xlarge 32xlarge"),
    "trn1n": (4, "32xlarge"),
}

# name → (vCPUs, GiB)
_ODD: Mapping[str, tuple[int, float]] = {
    "t2.medium": (2, 4),
    "t2.large": (2, 8),
    "t2.xlarge": (4, 16),
    "t2.2xlarge": (8, 32),
    "m4.xlarge": (4, 16),
    "m4.2xlarge": (8, 32),
    "m4.4xlarge": (16, 64),
    "m4.10xlarge": (40, 160),
    "m4.16xlarge": (64, 256),
    "c4.large": (2, 3.75),
    "c4.xlarge": (4, 7.5),
    "c4.2xlarge": (8, 15),
    "c4.4xlarge": (16, 30),
    "c4.8xlarge": (36, 60),
    "inf1.xlarge": (4, 8),
    "inf1.2xlarge": (8, 16),
    "inf1.6xlarge": (24, 48),
    "inf1.24xlarge": (96, 192),
    "dl1.24xlarge": (96, 768),
    "trn2.48xlarge": (192, 2048),
}

# family → (GPU, GiB a GPU, size → (vCPUs, GiB, GPUs))
_GPU: Mapping[str, tuple[str, int, Mapping[str, tuple[int, int, int]]]] = {
    "p2": ("K80", 12, {"xlarge": (4, 61, 1), "8xlarge": (32, 488, 8), "16xlarge": (64, 732, 16)}),
    "p3": ("V100", 16, {"2xlarge": (8, 61, 1), "8xlarge": (32, 244, 4), "16xlarge": (64, 488, 8)}),
    "g4dn": (
        "T4",
        16,
        {
            "xlarge": (4, 16, 1),
            "2xlarge": (8, 32, 1),
            "4xlarge": (16, 64, 1),
            "8xlarge": (32, 128, 1),
            "12xlarge": (48, 192, 4),
            "16xlarge": (64, 256, 1),
        },
    ),
    "g5": (
        "A10G",
        24,
        {
            "xlarge": (4, 16, 1),
            "2xlarge": (8, 32, 1),
            "4xlarge": (16, 64, 1),
            "8xlarge": (32, 128, 1),
            "12xlarge": (48, 192, 4),
            "16xlarge": (64, 256, 1),
            "24xlarge": (96, 384, 4),
            "48xlarge": (192, 768, 8),
        },
    ),
    "g6": (
        "L4",
        24,
        {
            "xlarge": (4, 16, 1),
            "2xlarge": (8, 32, 1),
            "4xlarge": (16, 64, 1),
            "8xlarge": (32, 128, 1),
            "12xlarge": (48, 192, 4),
            "16xlarge": (64, 256, 1),
            "24xlarge": (96, 384, 4),
            "48xlarge": (192, 768, 8),
        },
    ),
    "g6e": (
        "L40S",
        48,
        {
            "xlarge": (4, 32, 1),
            "2xlarge": (8, 64, 1),
            "4xlarge": (16, 128, 1),
            "8xlarge": (32, 256, 1),
            "12xlarge": (48, 384, 4),
            "16xlarge": (64, 512, 1),
            "24xlarge": (96, 768, 4),
            "48xlarge": (192, 1536, 8),
        },
    ),
    "p4d": ("A100", 40, {"24xlarge": (96, 1152, 8)}),
    "p4de": ("A100", 80, {"24xlarge": (96, 1152, 8)}),
    "p5": ("H100", 80, {"4xlarge": (16, 256, 1), "48xlarge": (192, 2048, 8)}),
    "p5e": ("H200", 141, {"48xlarge": (192, 2048, 8)}),
    "p5en": ("H200", 141, {"48xlarge": (192, 2048, 8)}),
    "p6-b200": ("B200", 179, {"48xlarge": (192, 2048, 8)}),
}


@dataclass(frozen=True, slots=True)
class InstanceType:
    """What one instance has. ``gpu`` is the GPU's name, empty without one."""

    name: str
    vcpus: int
    memory_bytes: int
    gpus: int = 0
    gpu: str = ""
    gpu_memory_bytes: int = 0
    """The memory of one GPU."""


def _all() -> Iterator[InstanceType]:
    for family, (ratio, sizes) in _REGULAR.items():
        for size in sizes.split():
            vcpus = _VCPUS[size]
            yield InstanceType(f"ml.{family}.{size}", vcpus, vcpus * ratio * GIB)
    for name, (vcpus, gib) in _ODD.items():
        yield InstanceType(f"ml.{name}", vcpus, int(gib * GIB))
    for family, (gpu, gpu_gib, by_size) in _GPU.items():
        for size, (vcpus, gib, gpus) in by_size.items():
            yield InstanceType(f"ml.{family}.{size}", vcpus, gib * GIB, gpus, gpu, gpu_gib * GIB)


INSTANCE_TYPES: Mapping[str, InstanceType] = {kind.name: kind for kind in _all()}
