"""When a dead worker is started again, and when its instance is beyond help.

Invariant: pure; a worker that lived for ``SETTLED_S`` is no crash loop, however often that happens.
"""

from __future__ import annotations

from typing import Optional

DEATHS_MAX = 5
DEATHS_WINDOW_S = 60.0
PAUSES_S = (0.05, 0.2, 1.0, 3.0)
"""By the number of deaths lately; gateways read a dead worker's page before the next one writes."""
SETTLED_S = 5.0


class Restarts:
    """The early deaths of one instance's workers."""

    def __init__(self) -> None:
        self._early: list[float] = []

    def pause_s(self, now: float, lived_s: float) -> Optional[float]:
        """How long to wait after a death; None when there were too many."""
        if lived_s >= SETTLED_S:
            return PAUSES_S[0]
        self._early = [at for at in self._early if at > now - DEATHS_WINDOW_S] + [now]
        if len(self._early) >= DEATHS_MAX:
            return None
        return PAUSES_S[min(len(self._early), len(PAUSES_S)) - 1]
