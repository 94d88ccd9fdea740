"""Control groups: the kernel's limits on an instance's memory, processor time and processes.

Invariant: a group is made before the instance's first process and removed after its last one; its
paths are kept in the instance's launch plan, so that removal needs no memory of how it was made.
"""

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ROOT = Path("/sys/fs/cgroup")
PARENT = "hostler"
PROCESSES_MAX = 4096
_PERIOD_US = 100_000
_SHARES, _WEIGHT = 1024, 100
"""What a group has of processor time, by default, in either version's measure."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What an instance may use; ``cpus`` None leaves processor time to the scheduler.

    Where others want it too, one in the ``background`` gets a tenth of what they get.
    """

    memory_bytes: int
    cpus: int | None = None
    background: bool = False


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A made group: the files by which a process joins, and the one that counts OOM kills.

    Who joins writes ``0`` ("myself") to each, while it has one thread only.
    """

    procs: tuple[Path, ...]
    oom_file: Path


class CgroupDriver(Protocol):
    """Makes groups; raises OSError when the machine does not let us."""

    @property
    def parents(self) -> Sequence[Path]:
        """The folders below which the groups lie, one for each controller."""
        ...

    def create(self, name: str, limits: Limits) -> Cgroup: ...


def name_of(folder: Path) -> str:
    """What the group of the instance in this folder is called.

    All data directories of the machine share the common parent, and a copied one has the same
    instance ids: so the name tells both.
    """
    place = hashlib.sha256(os.fsencode(folder.parent)).hexdigest()[:12]
    return f"{place}-{folder.name}"


class CgroupV1:
    """One hierarchy a controller; our groups lie below the group that each runs us in.

    A process of one thread joins by ``tasks``: ``cgroup.procs`` would first have the kernel wait
    until no process is just being forked anywhere, 5 to 10 ms (an RCU grace period).
    """

    def __init__(self, parents: Mapping[str, Path]) -> None:
        self._parents = {
            name: parents[name] / PARENT for name in ("memory", "cpu", "pids") if name in parents
        }
        if "memory" not in self._parents:
            raise OSError("no memory controller")

    @property
    def parents(self) -> Sequence[Path]:
        return tuple(self._parents.values())

    def create(self, name: str, limits: Limits) -> Cgroup:
        groups = {controller: parent / name for controller, parent in self._parents.items()}
        for group in groups.values():
            _make(group)
        memory = groups["memory"]
        (memory / "memory.limit_in_bytes").write_text(str(limits.memory_bytes))
        with contextlib.suppress(OSError):  # only where swap is accounted for
            (memory / "memory.memsw.limit_in_bytes").write_text(str(limits.memory_bytes))
        if "pids" in groups:
            (groups["pids"] / "pids.max").write_text(str(PROCESSES_MAX))
        if "cpu" in groups and limits.cpus is not None:
            (groups["cpu"] / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (groups["cpu"] / "cpu.cfs_quota_us").write_text(str(limits.cpus * _PERIOD_US))
        if "cpu" in groups and limits.background:
            (groups["cpu"] / "cpu.shares").write_text(str(_SHARES // 10))
        procs = tuple(group / "tasks" for group in groups.values())
        return Cgroup(procs, memory / "memory.oom_control")


class CgroupV2:
    """The unified hierarchy; our groups lie below ``parent``/hostler."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent / PARENT

    @property
    def parents(self) -> Sequence[Path]:
        return (self._parent,)

    def create(self, name: str, limits: Limits) -> Cgroup:
        group = self._parent / name
        _make(group)
        for folder in (self._parent.parent, self._parent):
            control = folder / "cgroup.subtree_control"
            enabled = set(control.read_text().split())
            for controller in ("memory", "cpu", "pids"):
                if controller not in enabled:
                    control.write_text(f"+{controller}")
        (group / "memory.max").write_text(str(limits.memory_bytes))
        with contextlib.suppress(OSError):  # only where swap is accounted for
            (group / "memory.swap.max").write_text("0")
        (group / "pids.max").write_text(str(PROCESSES_MAX))
        if limits.cpus is not None:
            (group / "cpu.max").write_text(f"{limits.cpus * _PERIOD_US} {_PERIOD_US}")
        if limits.background:
            (group / "cpu.weight").write_text(str(_WEIGHT // 10))
        return Cgroup((group / "cgroup.procs",), group / "memory.events")


def detect(root: Path = ROOT, own: str | None = None) -> CgroupDriver | None:
    """The driver that works here, tried by making a group; None where none does."""
    text = Path("/proc/self/cgroup").read_text() if own is None else own
    for driver in _candidates(root, text):
        name = f"probe-{os.getpid()}"
        try:
            group = driver.create(name, Limits(64 << 20, cpus=1))
            present = group.oom_file.exists()
            remove(group.procs)
        except OSError:
            continue
        if present:
            return driver
    return None


def remove(procs: Sequence[Path]) -> bool:
    """Remove the groups that these files are in; False while a process is still in one."""
    gone = True
    for file in procs:
        try:
            file.parent.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            gone = False
        with contextlib.suppress(OSError):  # the last one takes the common parent along
            file.parent.parent.rmdir()
    return gone


def sweep(driver: CgroupDriver, older_than: float) -> None:
    """Remove empty groups made before a moment: of instances whose data directory is gone.

    The kernel refuses where a process is left; a group that is just being filled is younger.
    """
    for parent in driver.parents:
        with contextlib.suppress(FileNotFoundError):
            for group in parent.iterdir():
                with contextlib.suppress(OSError):
                    if group.is_dir() and group.stat().st_mtime < older_than:
                        group.rmdir()


def _make(group: Path) -> None:
    """Make a group and its parent, which whoever removes the last group may take away meanwhile."""
    for left in reversed(range(_TRIES)):
        try:
            group.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:
            if not left:
                raise
        else:
            return


def _candidates(root: Path, own: str) -> list[CgroupDriver]:
    if (root / "cgroup.controllers").exists():
        # Below the root: a group that holds processes, as our own does, may not divide itself.
        return [CgroupV2(root)]
    parents: dict[str, Path] = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if (root / controller).is_dir():
                parents[controller] = root / controller / path.lstrip("/")
    return [CgroupV1(parents)] if "memory" in parents else []
