"""What the instances of this machine use: from their control groups, else from their processes.

Invariant: reads only, and little: what does not change is read once an instance, and the sizes that
are costly to ask (a zygote's children share its memory) are asked of a few processes each time.
"""

import contextlib
import errno
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
_V1_PROCESSOR = "cpuacct.usage"
_MEMORY = (
    ("memory.current", b"inactive_file"),
    ("memory.usage_in_bytes", b"total_inactive_file"),
)
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""They pass, and say nothing of the file that was to be opened."""
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Known:
    """What of an instance does not change while it runs."""

    spec: InstanceSpec
    process: ProcessId
    counts: "_Counts"
    gpus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Counts:
    """Where its control groups count what it uses: files, None where no group does."""

    processor: str | None
    """``cpuacct.usage`` or ``cpu.stat``."""
    memory: tuple[str, str, bytes] | None
    """What is in memory, its details, and the line of these that says what could be dropped."""


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
        processor_s = _group_processor_s(known.counts.processor)
        memory = _group_memory(known.counts.memory)
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
    groups = [str(Path(each).parent) for each in launched.plan.cgroup_procs]
    devices: Sequence[object] = given.get("devices") or ()
    try:
        counts = _counts(groups)
    except OSError:  # asked again in the next look
        return None
    return _Known(spec, process, counts, tuple(str(each) for each in devices))


def _counts(groups: Sequence[str]) -> _Counts:
    """Of one group for all controllers, or of one for each; of none that counts, nothing."""
    processor = [f"{group}/{name}" for group in groups for name in (_V1_PROCESSOR, "cpu.stat")]
    memory = [
        (f"{group}/{name}", f"{group}/memory.stat", dropped)
        for group in groups
        for name, dropped in _MEMORY
    ]
    return _Counts(
        next((file for file in processor if _counts_there(file)), None),
        next((files for files in memory if _counts_there(files[0])), None),
    )


def _counts_there(file: str) -> bool:
    try:
        text = _text(file)
    except OSError as error:
        if error.errno in _SHORTAGES:
            raise
        return False
    # The first version's cpu.stat counts no time, only what was throttled.
    return not file.endswith("cpu.stat") or _number(text, b"usage_usec") is not None


def _group_processor_s(file: str | None) -> dict[str, float] | None:
    """Of all processes there were; None where no group counts it, or counts it no more."""
    if file is not None:
        with contextlib.suppress(OSError, ValueError):
            text = _text(file)
            if file.endswith(_V1_PROCESSOR):
                return {_ALL: int(text) / 1e9}
            if (used := _number(text, b"usage_usec")) is not None:
                return {_ALL: used / 1e6}
    return None


def _group_memory(files: tuple[str, str, bytes] | None) -> int | None:
    """What is in memory and could not be dropped; None where no group counts it any more."""
    if files is not None:
        used, details, dropped = files
        with contextlib.suppress(OSError, ValueError):
            return max(0, int(_text(used)) - (_number(_text(details), dropped) or 0))
    return None


def _text(file: str) -> bytes:
    """What a file of the kernel says, all of it."""
    with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - of hundreds, each minute
        return opened.read()


def _number(text: bytes, name: bytes) -> int | None:
    """Of lines of a name and a number."""
    for line in text.splitlines():
        if line.startswith(name + b" "):
            return int(line.split()[1])
    return None


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
