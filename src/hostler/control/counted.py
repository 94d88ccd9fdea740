"""Until when all calls are read: what the gateways say of their spools, put together.

Invariant: ``known_until`` is never later than what is read. A spool that has not said how far it
goes, or a gateway that has none, and nothing is known. What was said before the machine slept is of
a time that cannot be told any more, and counts for nothing.
"""

import time
from collections.abc import Callable, Collection

from hostler.control.vigil import NOTICED_S
from hostler.domain.ports import Clock
from hostler.telemetry.endpoint_metrics import Told


class Counted:
    """What one ingester knows of the spools.

    Args:
        clock: For times since the epoch.
        monotonic: The clock that ``Told.until`` is of.
    """

    def __init__(self, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead_s = clock.now() - monotonic()
        """Of the clock that stands still while the machine sleeps."""
        self._awake_since = 0.0
        """By that clock."""
        self._told: dict[str, Told] = {}
        self._living: Collection[str] = ()
        """The spools that somebody writes, as of the last sweep."""
        self._uncounted = False
        """Whether, at the last sweep, a gateway had no spool."""

    @property
    def known_until(self) -> float | None:
        """Every call that was admitted before is read (epoch s); None while that is not known."""
        if self._uncounted or not self._living or not self._told.keys() >= set(self._living):
            return None
        now, monotonic = self._clock.now(), self._monotonic()
        if now - monotonic - self._ahead_s > NOTICED_S:
            self._ahead_s, self._awake_since = now - monotonic, monotonic
        until = min(self._told[each].until for each in self._living)
        return now - (monotonic - until) if until >= self._awake_since else None

    def told(self, source: str, told: Told) -> None:
        """A spool said how far it goes, and was read until there."""
        self._told[source] = told

    def swept(self, living: Collection[str], connected: int) -> bool:
        """What a sweep found; False where calls may be lost.

        Args:
            living: The spools that somebody writes.
            connected: How many gateways there are, as of before the sweep. One that has no spool
                counts in memory alone; met twice, it is none that was just ending.
        """
        uncounted = connected > len(living)
        lost = uncounted and self._uncounted
        self._told = {source: told for source, told in self._told.items() if source in living}
        self._living, self._uncounted = living, uncounted
        return not lost
