"""For how long children have been stopped (SIGSTOP, a stopped job).

Invariant: asks the kernel without taking anything from whoever collects the children.
"""

from __future__ import annotations

import os


class Stops:
    """What was seen of some children, each time they were looked at."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def stopped_s(self, pid: int, now: float) -> float:
        """For how long a child has been stopped at every look; 0.0 for one that runs."""
        if not _is_stopped(pid):
            self._since.pop(pid, None)
            return 0.0
        return now - self._since.setdefault(pid, now)

    def forget(self, pid: int) -> None:
        """It has ended."""
        self._since.pop(pid, None)


def _is_stopped(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False
