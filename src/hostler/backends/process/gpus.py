"""The machine's GPUs, as NVIDIA's driver tells of them.

Invariant: ``read`` is the one way to them, and finds none where there is no driver; nothing of CUDA
is loaded here.
"""

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from hostler.domain.usage import Extent, GpuUse
from hostler.planning.devices import Device

QUERY = ("nvidia-smi", "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits")
USES = (
    "nvidia-smi",
    "--query-gpu=uuid,utilization.gpu,memory.used,memory.total",
    "--format=csv,noheader,nounits",
)
ANSWER_WITHIN_S = 10.0
PROC = Path("/proc/driver/nvidia/gpus")
DEV = Path("/dev")
_LINE = re.compile(r"^(?P<name>[^:\n]+):[ \t]*(?P<value>.*?)[ \t]*$", re.MULTILINE)
_OF_ONE = re.compile(r"nvidia[0-9]+")


def ask(query: Sequence[str] = QUERY) -> str:
    """What nvidia-smi answers; empty where there is none, or it does not."""
    try:
        done = subprocess.run(
            query, capture_output=True, text=True, check=True, timeout=ANSWER_WITHIN_S
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def ask_uses() -> str:
    """The same, of how busy and how full each GPU is."""
    return ask(USES)


def uses(text: str) -> dict[str, GpuUse]:
    """What ``ask_uses`` answered, by UUID; GPUs that do not tell all of it are left out.

    Those that are divided (MIG) say [N/A] of how busy they are.
    """
    found = {}
    for line in text.splitlines():
        match [part.strip() for part in line.split(",")]:
            case [uuid, busy, used, whole] if all(each.isdecimal() for each in (busy, used, whole)):
                memory = Extent(int(used) << 20, int(whole) << 20)
                found[uuid] = GpuUse(uuid, float(busy), memory)
            case _:
                continue
    return found


def read(*, tool: Callable[[], str] = ask, proc: Path = PROC) -> tuple[Device, ...]:
    """Every GPU, by its number. Blocking: up to a second where there is a driver."""
    known = _from_proc(proc)
    if not known and not (DEV / "nvidiactl").exists():
        return ()
    minors = {device.uuid: device.minor for device in known}
    return tuple(sorted(_from_tool(tool(), minors) or known, key=lambda device: device.minor))


def nodes(devices: Sequence[Device], dev: Path = DEV) -> tuple[str, ...]:
    """The device files of these GPUs, and those that all of them share."""
    if not devices:
        return ()
    own = {f"nvidia{device.minor}" for device in devices}
    found = (path for path in dev.glob("nvidia*") if not path.is_dir())
    return tuple(
        sorted(str(path) for path in found if path.name in own or not _OF_ONE.fullmatch(path.name))
    )


def visible(devices: Sequence[Device]) -> str:
    """CUDA_VISIBLE_DEVICES: these and no other; empty hides them all."""
    return ",".join(device.uuid for device in devices)


def _from_tool(text: str, minors: dict[str, int]) -> list[Device]:
    devices = []
    for line in text.splitlines():
        match [part.strip() for part in line.split(",")]:
            case [index, uuid, name, memory] if index.isdecimal():
                size = int(memory) * 2**20 if memory.isdecimal() else 0
                devices.append(Device(uuid, minors.get(uuid, int(index)), name, size))
            case _:
                continue
    return devices


def _from_proc(proc: Path) -> list[Device]:
    """Without nvidia-smi: all but the memory."""
    devices = []
    for path in sorted(proc.glob("*/information")):
        told = {each["name"].strip(): each["value"] for each in _LINE.finditer(path.read_text())}
        uuid, minor = told.get("GPU UUID", ""), told.get("Device Minor", "")
        if uuid and minor.isdecimal():
            devices.append(Device(uuid, int(minor), told.get("Model", "GPU"), 0))
    return devices
