"""The product's clock: wall time when `hostler up` began, plus the time that passed since.

Invariant: one clock for every process of a supervisor, also for those that it starts again: a jump
of the machine's clock moves no deadline, with or without a restart. The next `up` sets it anew.
The time that a machine sleeps has passed: what is said at its waking is of now.
"""

import os
import time

EPOCH = "HOSTLER_CLOCK_EPOCH"
"""The environment variable in which a supervisor hands down when the machine started."""


def begin() -> None:
    """Read the wall clock for this process and for all that it will start."""
    os.environ[EPOCH] = repr(time.time() - _running_s())


def asleep_s() -> float:
    """How long the machine has slept, from wherever it is counted: it only grows."""
    return _running_s() - time.monotonic()


def _running_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SystemClock:
    """``domain.ports.Clock`` of a process."""

    def __init__(self) -> None:
        handed_down = os.environ.get(EPOCH)
        self._epoch = float(handed_down) if handed_down else time.time() - _running_s()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._epoch + _running_s()
