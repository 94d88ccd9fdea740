"""How many answers a second a variant's instances give when they have all the work they can do.

Invariant: only stretches in which they had more than enough to do count, so that a quiet variant
is not mistaken for a slow one; until there were ``FEW`` answers in such, nothing is claimed.
"""

FEW = 2
MANY = 16
WINDOW_S = 5.0
"""What is older than about this, and than the last ``MANY`` answers, counts ever less."""


class Pace:
    """One variant's. ``per_second``: the estimate; None while nothing is known."""

    __slots__ = ("_answered", "_answers", "_at", "_full", "_seconds", "per_second")

    def __init__(self) -> None:
        self.per_second: float | None = None
        self._at = 0.0
        self._answered = 0
        self._full = False
        self._answers = 0.0
        self._seconds = 0.0

    def saw(self, now: float, answered: int, *, full: bool) -> None:
        """Take note (``now``: monotonic s): answers so far, and whether all are busy and more."""
        seconds, answers = now - self._at, answered - self._answered
        was_full = self._full
        self._at, self._answered, self._full = now, answered, full
        if not (full and was_full) or seconds <= 0 or answers < 0:
            return
        self._answers += answers
        self._seconds += seconds
        if self._answers > MANY and self._seconds > WINDOW_S:
            self._answers /= 2
            self._seconds /= 2
        if self._answers >= FEW:
            lately = answers / seconds if answers >= MANY else 0.0  # it may have been warming up
            self.per_second = max(lately, self._answers / self._seconds)
