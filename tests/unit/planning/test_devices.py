"""Which GPUs an instance gets, of made-up machines."""

import pytest

from hostler.planning.devices import Device, Need, allot

GIB = 1 << 30
T4 = [Device(f"GPU-{n}", n, "Tesla T4", 15 * GIB) for n in range(2)]
BIG = [Device("GPU-big", 0, "NVIDIA H200", 141 * GIB)]
UNKNOWN = [Device("GPU-dark", 0, "GPU", 0)]
ONE = Need("ml.g4dn.xlarge", 1, 15 * GIB)
A10G = Need("ml.g5.xlarge", 1, 24 * GIB)
FOUR = Need("ml.g5.12xlarge", 4, 24 * GIB)


@pytest.mark.parametrize(
    ("devices", "promised", "need", "minors", "said"),
    [
        (T4, {}, ONE, [0], ""),
        (T4, {"GPU-0": 15 * GIB}, ONE, [1], ""),
        (BIG, {"GPU-big": 24 * GIB}, A10G, [0], ""),
        (BIG, {"GPU-big": 120 * GIB}, A10G, [0], "GPU 0 (NVIDIA H200) has 21 GiB left"),
        (T4, {"GPU-0": 15 * GIB, "GPU-1": 30 * GIB}, ONE, [0], "none left and is shared"),
        (T4, {}, A10G, [0], "promises 24 GiB of GPU memory, GPU 0 (Tesla T4) has 15 GiB left"),
        (T4, {}, FOUR, [0, 1], "ml.g5.12xlarge promises 4 GPUs, this machine has 2"),
        ([], {}, ONE, [], "ml.g4dn.xlarge: no GPU on this machine; runs on CPU"),
        (UNKNOWN, {}, A10G, [0], ""),
        (UNKNOWN, {"GPU-dark": 24 * GIB}, A10G, [0], "none left and is shared"),
    ],
)
def test_allotments(
    devices: list[Device], promised: dict[str, int], need: Need, minors: list[int], said: str
) -> None:
    made = allot(devices, promised, need)
    assert [device.minor for device in made.devices] == minors
    assert said in made.short
    assert bool(made.short) == bool(said)
