"""Watches an instance's memory: the kernel's count of OOM kills, or our own sum where it has none.

Invariant: whoever is killed for memory is known as such afterwards. Shared pages of a zygote count
by share (PSS), read only when the cheap sum of RSS is already above the limit.
"""

from __future__ import annotations

import contextlib
import os
import signal

PERIOD_S, PERIOD_S_MAX = 0.2, 2.0
FILLED_BYTES_S = 4 << 30
"""Hardly anything fills memory faster: while there is much room, the next look can wait."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TELLS_CHILDREN = os.path.exists("/proc/self/task/%d/children" % os.getpid())
"""Whether this kernel was built with it."""
_TEMPORARY = ("/tmp", "/dev/shm")  # noqa: S108 - the sandbox's own


class OomCounter:
    """The ``oom_kill`` line of ``memory.events`` (cgroup v2) or ``memory.oom_control`` (v1)."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._seen = self._count()

    def advanced(self) -> bool:
        """True if the kernel has killed for memory since the last time it was asked."""
        before, self._seen = self._seen, self._count()
        return self._seen > before

    def _count(self) -> int:
        return oom_kills(self._fd) if self._fd >= 0 else 0


def oom_kills(fd: int) -> int:
    """The count in an open ``memory.events`` or ``memory.oom_control``; 0 if it has none."""
    try:
        text = os.pread(fd, 4096, 0)
    except OSError:
        return 0
    for line in text.splitlines():
        name, _, value = line.partition(b" ")
        if name == b"oom_kill" and value.isdigit():
            return int(value)
    return 0


class Watchdog:
    """Kills the largest process below this one when all together exceed the limit."""

    def __init__(self, limit_bytes: int, *, private_temporary: bool) -> None:
        self._limit = limit_bytes
        self._temporary = _TEMPORARY if private_temporary else ()
        self.killed: set[int] = set()

    def check(self) -> float:
        """Look once; when to look again, in seconds."""
        tree = descendants(os.getpid())
        resident = {pid: _resident(pid) for pid in tree}
        temporary = sum(_used(path) for path in self._temporary)
        room = self._limit - sum(resident.values()) - temporary
        if room >= 0:
            return min(max(PERIOD_S, room / FILLED_BYTES_S), PERIOD_S_MAX)
        shares = {pid: _share(pid, size) for pid, size in resident.items()}
        if shares and sum(shares.values()) + temporary > self._limit:
            largest = max(shares, key=lambda pid: shares[pid])
            self.killed.add(largest)
            with contextlib.suppress(ProcessLookupError):
                os.kill(largest, signal.SIGKILL)
        return PERIOD_S

    def blames(self, pid: int) -> bool:
        """True if this process was killed here, or one that it had started."""
        blamed = bool(self.killed)
        self.killed.discard(pid)
        return blamed


def descendants(root: int) -> list[int]:
    """Every process below ``root`` that /proc shows."""
    children = _children if _TELLS_CHILDREN else _parents().get
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children(waiting.pop()) or []
        found += below
        waiting += below
    return found


def _children(pid: int) -> list[int]:
    """Of one process: where there are hundreds of others, much cheaper than to ask each of them."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += map(int, file.read().split())
    return found


def _parents() -> dict[int, list[int]]:
    """The children of every process of the machine (or of this namespace)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    return children


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _share(pid: int, resident: int) -> int:
    """A process's proportional size; its resident size where that is not told."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return resident
    return resident


def _used(path: str) -> int:
    try:
        status = os.statvfs(path)
    except OSError:
        return 0
    return (status.f_blocks - status.f_bfree) * status.f_frsize
