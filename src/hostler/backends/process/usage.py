"""What the instances of this machine use: from their control groups, else from their processes.

Invariant: reads only, and little: what does not change is read once an instance, and the sizes that
are costly to ask (a zygote's children share its memory) are asked of a few processes each time.
"""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostler.backends.process import gpus, observing
from hostler.domain.ids import InstanceId
from hostler.domain.instance import InstanceSpec
from hostler.domain.layout import Layout
from hostler.domain.usage import Extent, GpuUse, Usage
from hostler.modelserver import folder, processes
from hostler.modelserver.identity import ProcessId

SHARES_MAX = 8
"""Processes whose proportional size is asked in one look: each takes up to 10 ms."""
_ALL = "all"
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Known:
    """What of an instance does not change while it runs."""

    spec: InstanceSpec
    process: ProcessId
    groups: tuple[Path, ...]
    """Its control groups, one or one for each controller; none where there are none."""
    gpus: tuple[str, ...]


class ProcessUsage:
    """Looks at the instances of a data directory.

    Args:
        layout: Where their folders are.
        ask: Answers as nvidia-smi does; asked only when an instance has a GPU.
    """

    def __init__(self, layout: Layout, ask: Callable[[], str] = gpus.ask_uses) -> None:
        self._instances = layout.instances
        self._ask = ask
        self._known: dict[InstanceId, _Known] = {}
        self._shares = Shares()

    def read(self) -> Mapping[InstanceId, Usage]:
        """As ``domain.usage.UsageSource`` says."""
        known = dict(self._living())
        self._known = known
        devices: Mapping[str, GpuUse] = {}
        if any(each.gpus for each in known.values()):
            devices = gpus.uses(self._ask())
        found: dict[InstanceId, Usage] = {}
        seen: set[int] = set()
        self._shares.begin()
        disk = _disk(self._instances)
        for instance_id, each in known.items():
            with contextlib.suppress(OSError, ValueError):  # it ends just now
                found[instance_id] = self._usage(each, disk, devices, seen)
        self._shares.keep_only(seen)
        return found

    def _living(self) -> Iterator[tuple[InstanceId, _Known]]:
        with contextlib.suppress(FileNotFoundError):
            for name in sorted(os.listdir(self._instances)):  # noqa: PTH208 - names are all wanted
                instance_id = InstanceId(name)
                known = self._known.get(instance_id) or _read(self._instances / name)
                if known is not None and known.process.alive:
                    yield instance_id, known

    def _usage(
        self, known: _Known, disk: Extent, devices: Mapping[str, GpuUse], seen: set[int]
    ) -> Usage:
        processor_s = _group_processor_s(known.groups)
        memory = _group_memory(known.groups)
        if processor_s is None or memory is None:
            tree = [known.process.pid, *processes.descendants(known.process.pid)]
            seen.update(tree)
            processor_s = processor_s if processor_s is not None else _processor_s(tree)
            memory = memory if memory is not None else self._shares.of(tree)
        return Usage(
            known.spec,
            time.monotonic(),
            processor_s,
            Extent(memory, known.spec.memory_bytes),
            disk,
            [devices[uuid] for uuid in known.gpus if uuid in devices],
        )


class Shares:
    """How large processes are by their share of what several of them have in memory.

    A process's share of its resident size hardly changes, so it is asked now and then, and the
    resident size, which costs nothing, each time.
    """

    def __init__(self) -> None:
        self._ratios: dict[int, float] = {}
        """By pid, the one that was asked longest ago first."""
        self._left = 0

    def begin(self) -> None:
        """A look begins: so many may be asked in it."""
        self._left = SHARES_MAX
        for pid in list(self._ratios)[: SHARES_MAX // 2]:
            self._ask(pid, processes.resident(pid))

    def of(self, tree: Collection[int]) -> int:
        """The bytes of some processes."""
        total = 0.0
        for pid in tree:
            resident = processes.resident(pid)
            if pid not in self._ratios and self._left > 0:
                self._ask(pid, resident)
            total += resident * self._ratios.get(pid, 1.0)
        return int(total)

    def keep_only(self, pids: Collection[int]) -> None:
        """Forget the others, which are gone."""
        self._ratios = {pid: ratio for pid, ratio in self._ratios.items() if pid in pids}

    def _ask(self, pid: int, resident: int) -> None:
        self._left -= 1
        self._ratios.pop(pid, None)
        if resident:
            self._ratios[pid] = min(1.0, processes.share(pid, resident) / resident)


def _read(path: Path) -> _Known | None:
    """An instance that was launched; None for a folder of none."""
    spec = observing.read_spec(path)
    if spec is None:
        return None
    try:
        directory = folder.open_folder(str(path))
    except OSError:
        return None
    try:
        process, launched = observing.read_shim(directory), observing.read_launch(directory)
        given = folder.read_json(directory, folder.GPUS) or {}
    except OSError:
        return None
    finally:
        os.close(directory)
    if process is None or launched is None:
        return None
    groups = tuple(Path(each).parent for each in launched.plan.cgroup_procs)
    devices: Sequence[object] = given.get("devices") or ()
    return _Known(spec, process, groups, tuple(str(each) for each in devices))


def _group_processor_s(groups: Sequence[Path]) -> dict[str, float] | None:
    """Of all processes there were; None where the groups do not count it."""
    for group in groups:
        with contextlib.suppress(OSError, ValueError):
            return {_ALL: int((group / "cpuacct.usage").read_text()) / 1e9}
        with contextlib.suppress(OSError, ValueError, KeyError):
            return {_ALL: _numbers(group / "cpu.stat")["usage_usec"] / 1e6}
    return None


def _group_memory(groups: Sequence[Path]) -> int | None:
    """What is in memory and could not be dropped; None where the groups do not count it."""
    for group in groups:
        for name, dropped in (
            ("memory.current", "inactive_file"),
            ("memory.usage_in_bytes", "total_inactive_file"),
        ):
            with contextlib.suppress(OSError, ValueError):
                used = int((group / name).read_text())
                return max(0, used - _numbers(group / "memory.stat").get(dropped, 0))
    return None


def _numbers(file: Path) -> dict[str, int]:
    """A file of lines of a name and a number."""
    lines = (line.split() for line in file.read_text().splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2}


def _processor_s(tree: Collection[int]) -> dict[str, float]:
    """By process; one that ended meanwhile is left out."""
    found: dict[str, float] = {}
    for pid in tree:
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            ticks, began = int(fields[11]) + int(fields[12]), fields[19].decode()
            found[f"{pid}-{began}"] = ticks * _TICK_S
    return found


def _disk(place: Path) -> Extent:
    """The file system that a folder lies on; what only root may still use counts as used."""
    try:
        status = os.statvfs(place)
    except OSError:
        return Extent(0, 0)
    used = (status.f_blocks - status.f_bfree) * status.f_frsize
    return Extent(used, used + status.f_bavail * status.f_frsize)
