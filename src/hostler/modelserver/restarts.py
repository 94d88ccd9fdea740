"""When a dead worker is started again, and when its instance is beyond help.

Invariant: pure; a worker that served for ``SETTLED_S`` is no crash loop, however often that is,
and however long loading takes one that does not is.
"""

from __future__ import annotations

from typing import Mapping, Optional

DEATHS_MAX = 5
PAUSES_S = (0.05, 0.2, 1.0, 3.0)
"""By the number of deaths lately; gateways read a dead worker's page before the next one writes."""
SETTLED_S = 5.0


class Restarts:
    """The early deaths of one instance's workers."""

    def __init__(self) -> None:
        self._early: dict[int, int] = {}
        """How many lives of each worker ended early, one after the other."""

    def pause_s(self, index: int, served_s: float, others: Mapping[int, float]) -> Optional[float]:
        """How long to wait after a worker's death; None when there were too many.

        Args:
            index: The worker's.
            served_s: How long it had taken requests; 0 if it died before.
            others: How long each of the others has.
        """
        for other, serves_s in others.items():
            if serves_s >= SETTLED_S:
                self._early.pop(other, None)
        if served_s >= SETTLED_S:
            self._early.pop(index, None)
            return PAUSES_S[0]
        self._early[index] = self._early.get(index, 0) + 1
        early = sum(self._early.values())
        if early >= DEATHS_MAX:
            return None
        return PAUSES_S[min(early, len(PAUSES_S)) - 1]
