"""What a process tree costs: CPU time and memory, read from /proc."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """A process, everything below it, and what it left behind in its session."""
    children: dict[int, set[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            pid, stat = int(folder.name), _stat(int(folder.name))
            children.setdefault(int(stat[1]), set()).add(pid)
            children.setdefault(int(stat[3]), set()).add(pid)
    found, waiting = set(), {root}
    while waiting:
        found |= waiting
        waiting = {pid for parent in waiting for pid in children.get(parent, ())} - found
    return sorted(found)


def cpu_s(pids: list[int]) -> float:
    """CPU time used so far, user and system, by processes and the children they waited for."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += sum(map(int, _stat(pid)[11:15]))
    return total / _TICKS


@dataclass(frozen=True, slots=True)
class Memory:
    """Of several processes, in MB."""

    resident: float
    """Every process's resident pages added up: shared ones count in each."""
    proportional: float
    """Shared pages counted once over those who share them."""
    private: float
    """What would be free if these processes ended."""


_FIELDS = {"Rss": "resident", "Pss": "proportional"}
_FIELDS |= {"Private_Clean": "private", "Private_Dirty": "private"}


def memory(pids: list[int]) -> Memory:
    total_kb = dict.fromkeys(_FIELDS.values(), 0)
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _colon, value = line.partition(":")
                if name in _FIELDS:
                    total_kb[_FIELDS[name]] += int(value.split()[0])
    return Memory(**{name: kilobytes / 1024 for name, kilobytes in total_kb.items()})


def identified(root: int) -> list[tuple[int, str]]:
    """The processes of a tree with their start times, which make a pid unmistakable."""
    found = []
    for pid in tree(root):
        with contextlib.suppress(OSError):
            found.append((pid, _stat(pid)[19]))
    return found


def kill(them: list[tuple[int, str]]) -> None:
    """End those that still run."""
    for pid, started in them:
        with contextlib.suppress(OSError):
            if _stat(pid)[19] == started:
                os.kill(pid, signal.SIGKILL)


def _stat(pid: int) -> list[str]:
    """/proc/PID/stat from the state on: [1] parent, [3] session, [11:15] CPU ticks, [19] start."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
