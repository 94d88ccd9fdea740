"""Since when this process has watched without a pause.

Invariant: that is never before the machine's last waking. Who waits to see that nothing goes wrong
does not count the time in which nobody could see anything.
"""

from collections.abc import Callable

from hostler.domain.ports import Clock

NOTICED_S = 1.0
"""Two clocks are not read in the same moment."""


class Vigil:
    """Notices that the machine slept.

    Args:
        clock: When it is.
        asleep: Seconds that the machine has slept so far.
    """

    def __init__(self, clock: Clock, asleep: Callable[[], float]) -> None:
        self._clock = clock
        self._asleep = asleep
        self._slept_s = asleep()
        self._since = clock.now()

    @property
    def since(self) -> float:
        """Epoch seconds: of the beginning, or of the first look after the machine woke."""
        slept_s = self._asleep()
        if slept_s - self._slept_s > NOTICED_S:
            self._slept_s, self._since = slept_s, self._clock.now()
        return self._since
