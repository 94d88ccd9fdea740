"""Whether the machine has room for one more instance, and what becomes of it where it has not.

Invariant: counted from the instances' folders, so that a restart counts the same. Memory goes to
who came first, GPUs to who asked first: what an instance got is written into its folder.
"""

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostler.backends.process import folders, observing
from hostler.backends.process.gpus import read as read_gpus
from hostler.domain.config import Instances, Overcommit, WithoutGpu
from hostler.domain.ids import InstanceId
from hostler.domain.instance import InstanceSpec
from hostler.domain.layout import Layout
from hostler.modelserver import folder
from hostler.planning.devices import Allotment, Device, Need, allot

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class NoRoomError(Exception):
    """The machine has no room, and the settings say to refuse."""


@dataclass(frozen=True, slots=True)
class Share:
    """What an instance gets of the machine: its GPUs, and warnings for its log."""

    gpus: tuple[Device, ...] = ()
    warnings: tuple[str, ...] = ()


def memory_bytes() -> int:
    """What instances may have: the machine's memory, or the part that we were given of it."""
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in _LIMITS:
        try:
            least = min(least, int(Path(name).read_text()))
        except (OSError, ValueError):
            continue  # no such controller, or "max"
    return least


class Room:
    """The room of one data directory's machine.

    Args:
        layout: Where the instances' folders are.
        settings: What to do without room.
        memory: How much memory there is.
        gpus: Which GPUs there are.
    """

    def __init__(
        self,
        layout: Layout,
        settings: Instances,
        *,
        memory: Callable[[], int] = memory_bytes,
        gpus: Callable[[], Sequence[Device]] = read_gpus,
    ) -> None:
        self._layout = layout
        self._settings = settings
        self._memory = memory
        self._gpus = gpus
        self._one_at_a_time = threading.Lock()
        self._placed: dict[InstanceId, _Placed] = {}
        """What was read of instances' folders."""

    def admit(self, spec: InstanceSpec) -> Share:
        """The share of an instance that has its folder; blocking.

        Raises:
            NoRoomError: it is to be refused.
        """
        crowded = self._memory_for(spec)
        if not spec.gpus:
            return Share(warnings=crowded)
        with self._one_at_a_time:
            allotment = self._gpus_for(spec)
        short = (allotment.short,) if allotment.short else ()
        return Share(allotment.devices, (*crowded, *short))

    def _gpus_for(self, spec: InstanceSpec) -> Allotment:
        need = Need(spec.instance_type, spec.gpus, spec.gpu_memory_bytes)
        allotment = allot(self._gpus(), self._promised(spec), need)
        if allotment.short and self._settings.gpu is WithoutGpu.REFUSE:
            raise NoRoomError(
                f"{allotment.short}. Take another type, delete an endpoint, or allow it with "
                'gpu = "cpu" under [instances] in hostler.toml'
            )
        with folders.opened(self._layout.instance(spec.instance_id)) as directory:
            got = {"devices": [device.uuid for device in allotment.devices]}
            folder.write_json(directory, folder.GPUS, got)
        return allotment

    def _promised(self, spec: InstanceSpec) -> dict[str, int]:
        """By GPU: what other instances that have not ended were promised of its memory."""
        promised: Counter[str] = Counter()
        for other in self._others(spec):
            with contextlib.suppress(OSError), folders.opened(other.path) as directory:
                got = folder.read_json(directory, folder.GPUS) or {}
                for uuid in got.get("devices", ()):
                    promised[str(uuid)] += other.spec.gpu_memory_bytes
        return dict(promised)

    def _memory_for(self, spec: InstanceSpec) -> tuple[str, ...]:
        taken, memory = self._taken_before(spec), self._memory()
        if taken + spec.memory_bytes <= memory:
            return ()
        text = (
            f"{spec.instance_type} has {_gib(spec.memory_bytes)} of memory, other instances have "
            f"{_gib(taken)}, the machine {_gib(memory)}"
        )
        if self._settings.overcommit is Overcommit.REFUSE:
            raise NoRoomError(
                f"{text}. Take a smaller type, delete an endpoint, or allow it with "
                'overcommit = "warn" under [instances] in hostler.toml'
            )
        return (f"more memory is promised than there is: {text}",)

    def _taken_before(self, spec: InstanceSpec) -> int:
        """The memory of instances that came before and have not ended."""
        mine = _Placed.read(self._layout.instance(spec.instance_id), spec).order
        return sum(each.spec.memory_bytes for each in self._others(spec) if each.order < mine)

    def _others(self, spec: InstanceSpec) -> Iterator["_Placed"]:
        """Every other instance that has not ended."""
        known = self._placed
        self._placed = {
            name: placed
            for name in folders.listed(self._layout.instances)
            if (placed := known.get(name) or self._read(name)) is not None
        }
        for name, placed in self._placed.items():
            if name != spec.instance_id and not os.path.exists(placed.exit_file):  # noqa: PTH110 - often
                yield placed

    def _read(self, name: InstanceId) -> "_Placed | None":
        path = self._layout.instance(name)
        spec = observing.read_spec(path)
        return _Placed.read(path, spec) if spec is not None and spec.instance_id == name else None


@dataclass(frozen=True, slots=True)
class _Placed:
    """An instance with its folder. Neither its spec nor its place among the others changes."""

    path: Path
    spec: InstanceSpec
    order: tuple[int, str]
    """By when the folder was made; one that is gone comes last."""
    exit_file: str

    @classmethod
    def read(cls, path: Path, spec: InstanceSpec) -> "_Placed":
        try:
            made = (path / folder.SPEC).stat().st_mtime_ns
        except OSError:
            made = 1 << 63
        return cls(path, spec, (made, path.name), str(path / folder.EXIT))


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"
