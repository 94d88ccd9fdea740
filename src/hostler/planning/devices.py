"""Which GPUs an instance gets: those with the memory its type promises, or the emptiest there are.

Invariant: a device's memory is promised once, as far as it reaches; whatever falls short of the
promise is said in words, and who asks decides whether that is a warning or a refusal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU of the machine; ``minor`` is the number in ``/dev/nvidia0``.

    Where its memory is not known (0) it holds one instance.
    """

    uuid: str
    minor: int
    name: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Need:
    """What an instance type promises: so many GPUs of so much memory each."""

    instance_type: str
    count: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Allotment:
    """The GPUs an instance gets, and how that is less than promised (empty if it is not)."""

    devices: tuple[Device, ...]
    short: str = ""


def allot(devices: Sequence[Device], promised: Mapping[str, int], need: Need) -> Allotment:
    """Choose devices; ``promised`` is the memory that others were promised, by UUID, in bytes."""
    if not devices:
        return Allotment((), f"{need.instance_type}: no GPU on this machine; runs on CPU")

    def left(device: Device) -> int:
        """What is not promised to anybody yet; as if all were, where nobody knows."""
        if device.memory_bytes:
            return device.memory_bytes - promised.get(device.uuid, 0)
        return -1 if device.uuid in promised else need.memory_bytes

    emptiest = sorted(devices, key=lambda device: (-left(device), device.minor))
    chosen = tuple(emptiest[: need.count])
    if len(chosen) < need.count:
        short = f"promises {need.count} GPUs, this machine has {len(devices)}"
    elif any(left(device) < need.memory_bytes for device in chosen):
        short = f"promises {_gib(need.memory_bytes)} of GPU memory, " + ", ".join(
            f"GPU {each.minor} ({each.name}) has {_left(left(each))}" for each in chosen
        )
    else:
        return Allotment(chosen)
    return Allotment(chosen, f"{need.instance_type} {short}")


def _left(size: int) -> str:
    return f"{_gib(size)} left" if size > 0 else "none left and is shared"


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"
