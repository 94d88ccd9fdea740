"""How much of a variant's traffic may be sent a second time.

Invariant: over any stretch of time retries are at most ``SHARE`` of what was sent, and ``BURST``
beyond that, so that instances that keep dying are not given a multiple of their load.
"""

SHARE = 0.1
BURST = 256
"""What one lost instance may have held untaken: the lines of two workers."""


class RetryBudget:
    """A bucket of tokens: each request sent brings a share of one, each retry takes one."""

    __slots__ = ("_seen", "_tokens")

    def __init__(self) -> None:
        self._tokens = float(BURST)
        self._seen = 0

    def take(self, sent: int) -> bool:
        """Whether one more may be sent again; ``sent`` counts all that was sent so far."""
        if sent > self._seen:
            self._tokens = min(float(BURST), self._tokens + SHARE * (sent - self._seen))
            self._seen = sent
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
