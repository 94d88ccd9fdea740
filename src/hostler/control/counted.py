"""Until when all calls are read: what the gateways say of their spools, put together.

Invariant: ``known_until`` is never later than what is read. A spool that has not said how far it
goes, or a gateway that has none, and nothing is known.
"""

import time
from collections.abc import Callable, Collection

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
        behind_s = self._monotonic() - min(self._told[each].until for each in self._living)
        return self._clock.now() - behind_s

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
