"""Telling processes apart for sure: a pid together with the moment its process began.

Invariant: a signal reaches the process that was meant or nobody: a pid that the kernel gave again
has another start time. What cannot be looked at (too many open files) is an error, never a death.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Sequence

from . import whole

if TYPE_CHECKING:
    from pathlib import Path

KILLED_WITHIN_S = 5.0


@dataclass(frozen=True)
class ProcessId:
    """``start_time`` is in clock ticks since boot (field 22 of /proc/pid/stat)."""

    pid: int
    start_time: int

    @property
    def alive(self) -> bool:
        """Whether that very process runs; a zombie does not, nothing of it runs any more."""
        return start_time(self.pid) == self.start_time

    def handle(self) -> Optional[int]:
        """A pidfd of it while it lives, else None; the caller closes it."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        alive = False
        try:
            alive = self.alive  # asked after the descriptor was taken: it names this one for good
        finally:
            if not alive:
                os.close(descriptor)
        return descriptor if alive else None

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to that very process; False when it is gone."""
        descriptor = self.handle()
        if descriptor is None:
            return False
        try:
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(descriptor)
        return True

    def wait(self, timeout_s: float) -> bool:
        """Wait until it ends; True when it has. Works for processes that are not our children."""
        descriptor = self.handle()
        if descriptor is None:
            return True
        try:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            return bool(poller.poll(timeout_s * 1000)) or not self.alive
        finally:
            os.close(descriptor)


def of(pid: int) -> Optional[ProcessId]:
    """The identity of a running process; None when there is none."""
    began = start_time(pid)
    return None if began is None else ProcessId(pid, began)


def of_record(record: Any) -> Optional[ProcessId]:
    """The process that a record {"pid", "start_time"} names, whether it lives or not."""
    if not isinstance(record, dict):
        return None
    pid, began = record.get("pid"), record.get("start_time")
    return ProcessId(pid, began) if isinstance(pid, int) and isinstance(began, int) else None


def read(path: Path) -> Optional[ProcessId]:
    """The process that a pid file names, if that very process runs."""
    try:
        process = of_record(json.loads(path.read_text()))
    except (OSError, ValueError, RecursionError):
        return None
    return process if process is not None and process.alive else None


def write(path: Path, process: ProcessId) -> None:
    """Record a process, whole or not at all."""
    record = {"pid": process.pid, "start_time": process.start_time}
    whole.write(path, json.dumps(record).encode(), mode=0o644)


def stop_all(processes: Sequence[ProcessId], grace_s: float) -> list[ProcessId]:
    """SIGTERM each, SIGKILL what is left after ``grace_s``; returns those that had to be killed."""
    asked = [process for process in processes if process.signal(signal.SIGTERM)]
    deadline = time.monotonic() + grace_s
    late = [each for each in asked if not each.wait(max(0.0, deadline - time.monotonic()))]
    for process in late:
        process.signal(signal.SIGKILL)
    for process in late:
        process.wait(KILLED_WITHIN_S)
    return late


def start_time(pid: int) -> Optional[int]:
    """When a process began, in clock ticks since boot; None if it does not run."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command, in brackets, may itself hold spaces and brackets.
            words = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if words[0] in (b"Z", b"X") else int(words[19])
