"""Whether a worker is stopped, or waits for a processor: its page cannot say so, the kernel can.

A worker names itself by the pid of its own namespace; seen from here it is the child of its
instance's shim that has this pid there.

Invariant: reads only; what cannot be read counts as running.
"""

import os
from pathlib import Path, PurePath

from hostler.modelserver import folder, identity


def outer_pid(page: str, pid: int) -> int:
    """The pid here of the worker that calls itself ``pid``; 0 where it cannot be found."""
    try:
        directory = folder.open_folder(str(PurePath(page).parent.parent))
    except OSError:
        return 0
    try:
        shim = identity.of_record(folder.read_json(directory, folder.SHIM))
    except OSError:
        return 0
    finally:
        os.close(directory)
    if shim is None or not shim.alive:
        return 0
    try:
        children = Path(f"/proc/{shim.pid}/task/{shim.pid}/children").read_text().split()
    except OSError:
        return 0
    return next((int(child) for child in children if _own_pid(child) == pid), 0)


def is_stopped(pid: int) -> bool:
    """Whether the process (a pid here) is stopped (SIGSTOP, a stopped job; no debugger's stop)."""
    return _state(pid) == b"T"


def is_runnable(pid: int) -> bool:
    """Whether its main thread runs, or would if there were a processor for it."""
    return _state(pid) == b"R"


def _state(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2][1:2]
    except OSError:
        return b""


def _own_pid(pid: str) -> int:
    """A process's pid in its own namespace."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    named = next((line for line in lines if line.startswith("NSpid:")), "NSpid: 0")
    return int(named.split()[-1])
