"""The instance types as they were when a deployment began to hold their sizes (control, 1 to 2).

Invariant: never changed: a released step reads it, so that one old database becomes the same new
one with every later Hostler. Today's instance types are ``domain.instance_types``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_GIB = 1024**3

# name, vCPUs, GiB; with GPUs also their number, name and GiB each
_TABLE = """
ml.m5.large 2 8
ml.m5.xlarge 4 16
ml.m5.2xlarge 8 32
ml.m5.4xlarge 16 64
ml.m5.8xlarge 32 128
ml.m5.9xlarge 36 144
ml.m5.12xlarge 48 192
ml.m5.16xlarge 64 256
ml.m5.18xlarge 72 288
ml.m5.24xlarge 96 384
ml.m5d.large 2 8
ml.m5d.xlarge 4 16
ml.m5d.2xlarge 8 32
ml.m5d.4xlarge 16 64
ml.m5d.8xlarge 32 128
ml.m5d.9xlarge 36 144
ml.m5d.12xlarge 48 192
ml.m5d.16xlarge 64 256
ml.m5d.18xlarge 72 288
ml.m5d.24xlarge 96 384
ml.c5.large 2 4
ml.c5.xlarge 4 8
ml.c5.2xlarge 8 16
ml.c5.4xlarge 16 32
ml.c5.8xlarge 32 64
ml.c5.9xlarge 36 72
ml.c5.12xlarge 48 96
ml.c5.16xlarge 64 128
ml.c5.18xlarge 72 144
ml.c5.24xlarge 96 192
ml.c5d.large 2 4
ml.c5d.xlarge 4 8
ml.c5d.2xlarge 8 16
ml.c5d.4xlarge 16 32
ml.c5d.8xlarge 32 64
ml.c5d.9xlarge 36 72
ml.c5d.12xlarge 48 96
ml.c5d.16xlarge 64 128
ml.c5d.18xlarge 72 144
ml.c5d.24xlarge 96 192
ml.r5.large 2 16
ml.r5.xlarge 4 32
ml.r5.2xlarge 8 64
ml.r5.4xlarge 16 128
ml.r5.8xlarge 32 256
ml.r5.9xlarge 36 288
ml.r5.12xlarge 48 384
ml.r5.16xlarge 64 512
ml.r5.18xlarge 72 576
ml.r5.24xlarge 96 768
ml.r5d.large 2 16
ml.r5d.xlarge 4 32
ml.r5d.2xlarge 8 64
ml.r5d.4xlarge 16 128
ml.r5d.8xlarge 32 256
ml.r5d.9xlarge 36 288
ml.r5d.12xlarge 48 384
ml.r5d.16xlarge 64 512
ml.r5d.18xlarge 72 576
ml.r5d.24xlarge 96 768
ml.m6i.large 2 8
ml.m6i.xlarge 4 16
ml.m6i.2xlarge 8 32
ml.m6i.4xlarge 16 64
ml.m6i.8xlarge 32 128
ml.m6i.12xlarge 48 192
ml.m6i.16xlarge 64 256
ml.m6i.24xlarge 96 384
ml.m6i.32xlarge 128 512
ml.c6i.large 2 4
ml.c6i.xlarge 4 8
ml.c6i.2xlarge 8 16
ml.c6i.4xlarge 16 32
ml.c6i.8xlarge 32 64
ml.c6i.12xlarge 48 96
ml.c6i.16xlarge 64 128
ml.c6i.24xlarge 96 192
ml.c6i.32xlarge 128 256
ml.c6in.large 2 4
ml.c6in.xlarge 4 8
ml.c6in.2xlarge 8 16
ml.c6in.4xlarge 16 32
ml.c6in.8xlarge 32 64
ml.c6in.12xlarge 48 96
ml.c6in.16xlarge 64 128
ml.c6in.24xlarge 96 192
ml.c6in.32xlarge 128 256
ml.r6i.large 2 16
ml.r6i.xlarge 4 32
ml.r6i.2xlarge 8 64
ml.r6i.4xlarge 16 128
ml.r6i.8xlarge 32 256
ml.r6i.12xlarge 48 384
ml.r6i.16xlarge 64 512
ml.r6i.24xlarge 96 768
ml.r6i.32xlarge 128 1024
ml.m7i.large 2 8
ml.m7i.xlarge 4 16
ml.m7i.2xlarge 8 32
ml.m7i.4xlarge 16 64
ml.m7i.8xlarge 32 128
ml.m7i.12xlarge 48 192
ml.m7i.16xlarge 64 256
ml.m7i.24xlarge 96 384
ml.m7i.48xlarge 192 768
ml.c7i.large 2 4
ml.c7i.xlarge 4 8
ml.c7i.2xlarge 8 16
ml.c7i.4xlarge 16 32
ml.c7i.8xlarge 32 64
ml.c7i.12xlarge 48 96
ml.c7i.16xlarge 64 128
ml.c7i.24xlarge 96 192
ml.c7i.48xlarge 192 384
ml.r7i.large 2 16
ml.r7i.xlarge 4 32
ml.r7i.2xlarge 8 64
ml.r7i.4xlarge 16 128
ml.r7i.8xlarge 32 256
ml.r7i.12xlarge 48 384
ml.r7i.16xlarge 64 512
ml.r7i.24xlarge 96 768
ml.r7i.48xlarge 192 1536
ml.m6g.medium 1 4
ml.m6g.large 2 8
ml.m6g.xlarge 4 16
ml.m6g.2xlarge 8 32
ml.m6g.4xlarge 16 64
ml.m6g.8xlarge 32 128
ml.m6g.12xlarge 48 192
ml.m6g.16xlarge 64 256
ml.m6gd.medium 1 4
ml.m6gd.large 2 8
ml.m6gd.xlarge 4 16
ml.m6gd.2xlarge 8 32
ml.m6gd.4xlarge 16 64
ml.m6gd.8xlarge 32 128
ml.m6gd.12xlarge 48 192
ml.m6gd.16xlarge 64 256
ml.c6g.medium 1 2
ml.c6g.large 2 4
ml.c6g.xlarge 4 8
ml.c6g.2xlarge 8 16
ml.c6g.4xlarge 16 32
ml.c6g.8xlarge 32 64
ml.c6g.12xlarge 48 96
ml.c6g.16xlarge 64 128
ml.c6gd.medium 1 2
ml.c6gd.large 2 4
ml.c6gd.xlarge 4 8
ml.c6gd.2xlarge 8 16
ml.c6gd.4xlarge 16 32
ml.c6gd.8xlarge 32 64
ml.c6gd.12xlarge 48 96
ml.c6gd.16xlarge 64 128
ml.c6gn.medium 1 2
ml.c6gn.large 2 4
ml.c6gn.xlarge 4 8
ml.c6gn.2xlarge 8 16
ml.c6gn.4xlarge 16 32
ml.c6gn.8xlarge 32 64
ml.c6gn.12xlarge 48 96
ml.c6gn.16xlarge 64 128
ml.r6g.medium 1 8
ml.r6g.large 2 16
ml.r6g.xlarge 4 32
ml.r6g.2xlarge 8 64
ml.r6g.4xlarge 16 128
ml.r6g.8xlarge 32 256
ml.r6g.12xlarge 48 384
ml.r6g.16xlarge 64 512
ml.r6gd.medium 1 8
ml.r6gd.large 2 16
ml.r6gd.xlarge 4 32
ml.r6gd.2xlarge 8 64
ml.r6gd.4xlarge 16 128
ml.r6gd.8xlarge 32 256
ml.r6gd.12xlarge 48 384
ml.r6gd.16xlarge 64 512
ml.c7g.medium 1 2
ml.c7g.large 2 4
ml.c7g.xlarge 4 8
ml.c7g.2xlarge 8 16
ml.c7g.4xlarge 16 32
ml.c7g.8xlarge 32 64
ml.c7g.12xlarge 48 96
ml.c7g.16xlarge 64 128
ml.r7gd.medium 1 8
ml.r7gd.large 2 16
ml.r7gd.xlarge 4 32
ml.r7gd.2xlarge 8 64
ml.r7gd.4xlarge 16 128
ml.r7gd.8xlarge 32 256
ml.r7gd.12xlarge 48 384
ml.r7gd.16xlarge 64 512
ml.m8g.medium 1 4
ml.m8g.large 2 8
ml.m8g.xlarge 4 16
ml.m8g.2xlarge 8 32
ml.m8g.4xlarge 16 64
ml.m8g.8xlarge 32 128
ml.m8g.12xlarge 48 192
ml.m8g.16xlarge 64 256
ml.m8g.24xlarge 96 384
ml.m8g.48xlarge 192 768
ml.c8g.medium 1 2
ml.c8g.large 2 4
ml.c8g.xlarge 4 8
ml.c8g.2xlarge 8 16
ml.c8g.4xlarge 16 32
ml.c8g.8xlarge 32 64
ml.c8g.12xlarge 48 96
ml.c8g.16xlarge 64 128
ml.c8g.24xlarge 96 192
ml.c8g.48xlarge 192 384
ml.r8g.medium 1 8
ml.r8g.large 2 16
ml.r8g.xlarge 4 32
ml.r8g.2xlarge 8 64
ml.r8g.4xlarge 16 128
ml.r8g.8xlarge 32 256
ml.r8g.12xlarge 48 384
ml.r8g.16xlarge 64 512
ml.r8g.24xlarge 96 768
ml.r8g.48xlarge 192 1536
ml.inf2.xlarge 4 16
ml.inf2.8xlarge 32 128
ml.inf2.24xlarge 96 384
ml.inf2.48xlarge 192 768
ml.trn1.2xlarge 8 32
ml.trn1.32xlarge 128 512
ml.trn1n.32xlarge 128 512
ml.t2.medium 2 4
ml.t2.large 2 8
ml.t2.xlarge 4 16
ml.t2.2xlarge 8 32
ml.m4.xlarge 4 16
ml.m4.2xlarge 8 32
ml.m4.4xlarge 16 64
ml.m4.10xlarge 40 160
ml.m4.16xlarge 64 256
ml.c4.large 2 3.75
ml.c4.xlarge 4 7.5
ml.c4.2xlarge 8 15
ml.c4.4xlarge 16 30
ml.c4.8xlarge 36 60
ml.inf1.xlarge 4 8
ml.inf1.2xlarge 8 16
ml.inf1.6xlarge 24 48
ml.inf1.24xlarge 96 192
ml.dl1.24xlarge 96 768
ml.trn2.48xlarge 192 2048
ml.p2.xlarge 4 61 1 K80 12
ml.p2.8xlarge 32 488 8 K80 12
ml.p2.16xlarge 64 732 16 K80 12
ml.p3.2xlarge 8 61 1 V100 16
ml.p3.8xlarge 32 244 4 V100 16
ml.p3.16xlarge 64 488 8 V100 16
ml.g4dn.xlarge 4 16 1 T4 16
ml.g4dn.2xlarge 8 32 1 T4 16
ml.g4dn.4xlarge 16 64 1 T4 16
ml.g4dn.8xlarge 32 128 1 T4 16
ml.g4dn.12xlarge 48 192 4 T4 16
ml.g4dn.16xlarge 64 256 1 T4 16
ml.g5.xlarge 4 16 1 A10G 24
ml.g5.2xlarge 8 32 1 A10G 24
ml.g5.4xlarge 16 64 1 A10G 24
ml.g5.8xlarge 32 128 1 A10G 24
ml.g5.12xlarge 48 192 4 A10G 24
ml.g5.16xlarge 64 256 1 A10G 24
ml.g5.24xlarge 96 384 4 A10G 24
ml.g5.48xlarge 192 768 8 A10G 24
ml.g6.xlarge 4 16 1 L4 24
ml.g6.2xlarge 8 32 1 L4 24
ml.g6.4xlarge 16 64 1 L4 24
ml.g6.8xlarge 32 128 1 L4 24
ml.g6.12xlarge 48 192 4 L4 24
ml.g6.16xlarge 64 256 1 L4 24
ml.g6.24xlarge 96 384 4 L4 24
ml.g6.48xlarge 192 768 8 L4 24
ml.g6e.xlarge 4 32 1 L40S 48
ml.g6e.2xlarge 8 64 1 L40S 48
ml.g6e.4xlarge 16 128 1 L40S 48
ml.g6e.8xlarge 32 256 1 L40S 48
ml.g6e.12xlarge 48 384 4 L40S 48
ml.g6e.16xlarge 64 512 1 L40S 48
ml.g6e.24xlarge 96 768 4 L40S 48
ml.g6e.48xlarge 192 1536 8 L40S 48
ml.p4d.24xlarge 96 1152 8 A100 40
ml.p4de.24xlarge 96 1152 8 A100 80
ml.p5.4xlarge 16 256 1 H100 80
ml.p5.48xlarge 192 2048 8 H100 80
ml.p5e.48xlarge 192 2048 8 H200 141
ml.p5en.48xlarge 192 2048 8 H200 141
ml.p6-b200.48xlarge 192 2048 8 B200 179
"""


def _size(words: Sequence[str]) -> dict[str, Any]:
    name, vcpus, gib, gpus, gpu, gpu_gib = words if len(words) > 3 else (*words, "0", "", "0")
    return {
        "name": name,
        "vcpus": int(vcpus),
        "memory_bytes": int(float(gib) * _GIB),
        "gpus": int(gpus),
        "gpu": gpu,
        "gpu_memory_bytes": int(float(gpu_gib) * _GIB),
    }


SIZES: Mapping[str, Mapping[str, Any]] = {
    words[0]: _size(words) for words in map(str.split, _TABLE.strip().splitlines())
}
