"""What one gateway asks of control for a serverless variant: when to say it, and how much.

Invariant: pure: every moment is given (monotonic s). Something that got lost is said again within
``ASK_AGAIN_S`` for as long as it is needed; nothing is said of a variant that nobody calls.
"""

from dataclasses import dataclass

from hostler.planning.worth import environments

ASK_AGAIN_S = 1.0
REST_S = 10.0
"""Not called for so long, a variant costs its gateway nothing any more."""
REPORT_S = 1.0
"""How often control hears at most that a variant is used."""


@dataclass(frozen=True, slots=True)
class Call:
    """What to tell control: how many environments are needed, or (0) that there are enough."""

    environments: int
    idle_s: float


class Waking:
    """One variant's, as this gateway sees it."""

    __slots__ = ("_answered", "_asked", "_measured", "_news", "_reported", "_used", "in_flight")

    def __init__(self) -> None:
        self.in_flight = 0
        """Of this gateway: requests that have come and are not answered."""
        self._used = 0.0
        """When there was last any."""
        self._news = False
        """Whether control has not heard of that yet."""
        self._answered = 0
        self._measured: float | None = None
        """Since when ``_answered`` counts; None while no environment takes requests."""
        self._asked = self._reported = float("-inf")

    def began(self, now: float) -> None:
        """A request came."""
        self.in_flight += 1
        self._used, self._news = now, True

    def ended(self, now: float) -> None:
        """A request was answered, or given up."""
        self.in_flight -= 1
        self._answered += 1
        self._used, self._news = now, True

    def forget(self) -> None:
        """Control has begun anew: it is to hear everything again."""
        self._asked = self._reported = float("-inf")
        self._news = self._used > 0

    def rests(self, now: float) -> bool:
        """Whether nobody has called for a while, and control knows it."""
        return not self.in_flight and not self._news and now >= self._used + REST_S

    def at_once(self, now: float) -> Call | None:
        """The call that cannot wait: a request came, and no environment is there."""
        if now < self._asked + ASK_AGAIN_S:
            return None
        self._asked = now
        return Call(1, 0.0)

    def due(self, now: float, have: int, total: int) -> Call | None:
        """What is to be said now; asked a few times a second.

        Args:
            now: Monotonic s.
            have: Environments that take requests.
            total: Requests of all gateways that have come and are not answered.
        """
        if self.in_flight:
            self._used, self._news = now, True
        if not self._news:
            return None
        wanted = self._worth(now, have, total)
        if wanted > have:
            if now < self._asked + ASK_AGAIN_S:
                return None  # a report would take back what was asked for
            self._asked = self._reported = now
            return Call(wanted, 0.0)
        if now < self._reported + REPORT_S:
            return None
        self._reported, self._news = now, False
        return Call(0, now - self._used)

    def _worth(self, now: float, have: int, total: int) -> int:
        """How many environments the requests are worth; no more than there are while unknown."""
        if not have:
            self._measured = None
            return environments(0, self.in_flight, 0.0, total) if self.in_flight else 0
        if self._measured is None or not self.in_flight:
            self._measured, self._answered = now, 0
            return 0
        seconds = now - self._measured
        if seconds < REPORT_S:
            return 0
        per_s, self._measured, self._answered = self._answered / seconds, now, 0
        return environments(have, self.in_flight, per_s, total)
