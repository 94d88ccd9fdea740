"""Watches an instance's memory: the kernel's count of OOM kills, or our own sum where it has none.

Invariant: whoever is killed for memory is known as such afterwards. Shared pages of a zygote count
by share (PSS), read only when the cheap sum of RSS is already above the limit.
"""

from __future__ import annotations

import contextlib
import os
import signal

from . import processes

PERIOD_S, PERIOD_S_MAX = 0.2, 2.0
FILLED_BYTES_S = 4 << 30
"""Hardly anything fills memory faster: while there is much room, the next look can wait."""
BLAME_S = 10.0
"""A worker that ends within this after a process was killed may have ended of that: some wait for
what they have started. One that lives on was not hurt by it."""
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
        self._killed: dict[int, float] = {}  # pid → when (monotonic)

    def check(self, now: float) -> float:
        """Look once, ``now`` (monotonic s); when to look again, in seconds."""
        tree = processes.descendants(os.getpid())
        resident = {pid: processes.resident(pid) for pid in tree}
        temporary = sum(_used(path) for path in self._temporary)
        room = self._limit - sum(resident.values()) - temporary
        if room >= 0:
            return min(max(PERIOD_S, room / FILLED_BYTES_S), PERIOD_S_MAX)
        shares = {pid: processes.share(pid, size) for pid, size in resident.items()}
        if shares and sum(shares.values()) + temporary > self._limit:
            largest = max(shares, key=lambda pid: shares[pid])
            self._killed[largest] = now
            with contextlib.suppress(ProcessLookupError):
                os.kill(largest, signal.SIGKILL)
        return PERIOD_S

    def blames(self, pid: int, now: float) -> bool:
        """True if a worker that has ended was killed here just now, or one it may have started."""
        recent = {each: at for each, at in self._killed.items() if now - at < BLAME_S}
        blamed = bool(recent)
        recent.pop(pid, None)
        self._killed = recent
        return blamed


def _used(path: str) -> int:
    try:
        status = os.statvfs(path)
    except OSError:
        return 0
    return (status.f_blocks - status.f_bfree) * status.f_frsize
