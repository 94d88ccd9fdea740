"""The machine's GPUs from what a driver would tell."""

from pathlib import Path

from hostler.backends.process import gpus
from hostler.planning.devices import Device

TOLD = """0, GPU-aaaa, NVIDIA H200, 143771
1, GPU-bbbb, Tesla T4, [N/A]
"""
INFORMATION = """Model: \t\t {model}
IRQ:   \t\t 107
GPU UUID: \t {uuid}
Bus Location: \t 0000:{minor}b:00.0
Device Minor: \t {minor}
"""


def driver(root: Path, **minors: int) -> Path:
    """The driver's folder with a GPU of each UUID's end and minor number."""
    for end, minor in minors.items():
        path = root / f"0000:{minor}b:00.0"
        path.mkdir(parents=True)
        text = INFORMATION.format(model="NVIDIA H200", uuid=f"GPU-{end}", minor=minor)
        (path / "information").write_text(text)
    return root


def test_both_sources_together(tmp_path: Path) -> None:
    """nvidia-smi numbers by bus, the device files by minor: the driver's folder tells which."""
    proc = driver(tmp_path / "gpus", aaaa=1, bbbb=0)
    assert gpus.read(tool=lambda: TOLD, proc=proc) == (
        Device("GPU-bbbb", 0, "Tesla T4", 0),
        Device("GPU-aaaa", 1, "NVIDIA H200", 143771 << 20),
    )


def test_without_the_tool_all_but_the_memory_is_known(tmp_path: Path) -> None:
    proc = driver(tmp_path / "gpus", aaaa=0)
    for text in ("", "No devices were found\n", "garbage, that, has\n"):
        assert gpus.read(tool=lambda text=text: text, proc=proc) == (
            Device("GPU-aaaa", 0, "NVIDIA H200", 0),
        )


def test_an_instance_sees_its_own_devices_and_what_all_share(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    (tmp_path / "nvidia-caps").mkdir()
    own = Device("GPU-bbbb", 1, "GPU", 0)
    shown = [Path(path).name for path in gpus.nodes([own], tmp_path)]
    assert shown == ["nvidia-uvm", "nvidia1", "nvidiactl"]
    assert gpus.nodes([], tmp_path) == ()
    assert gpus.visible([own, Device("GPU-cccc", 2, "GPU", 0)]) == "GPU-bbbb,GPU-cccc"
    assert gpus.visible([]) == ""
