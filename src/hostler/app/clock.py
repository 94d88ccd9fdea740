"""The product's clock: wall time when `hostler up` began, plus monotonic time since.

Invariant: one clock for every process of a supervisor, also for those that it starts again: a jump
of the machine's clock moves no deadline, with or without a restart. The next `up` sets it anew.
"""

import os
import time

EPOCH = "HOSTLER_CLOCK_EPOCH"
"""The environment variable in which a supervisor hands down when its monotonic clock was zero."""


def begin() -> None:
    """Read the wall clock for this process and for all that it will start."""
    os.environ[EPOCH] = repr(time.time() - time.monotonic())


class SystemClock:
    """``domain.ports.Clock`` of a process."""

    def __init__(self) -> None:
        handed_down = os.environ.get(EPOCH)
        self._epoch = float(handed_down) if handed_down else time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._epoch + time.monotonic()
