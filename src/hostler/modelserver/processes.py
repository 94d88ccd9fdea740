"""Processes as /proc shows them: who is below whom, and how large each is.

Invariant: reads only; a process that is gone is empty, never an error.
"""

from __future__ import annotations

import contextlib
import os

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TELLS_CHILDREN = os.path.exists("/proc/self/task/%d/children" % os.getpid())
"""Whether this kernel was built with it."""


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


def resident(pid: int) -> int:
    """What a process has in memory, in bytes, whoever else has it too."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def share(pid: int, resident: int) -> int:
    """A process's proportional size; its resident size where that is not told."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return resident
    return resident
