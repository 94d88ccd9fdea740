"""How much an instance may print: so much a second, and ten seconds' worth at once.

Invariant: pure; what is beyond is counted, and told in one line every ``TELL_EVERY_S`` at most.
"""

from __future__ import annotations

from typing import Optional

AT_ONCE_S = 10.0
TELL_EVERY_S = 10.0
LINE_COST = 100
"""What a line costs beside its bytes: short ones are what keeps who stores them busy."""


class Allowance:
    """Counts what was printed against what may be.

    Args:
        bytes_per_s: What may be printed in a second; 0 for as much as comes.
        now: Monotonic s, as everywhere here.
    """

    def __init__(self, bytes_per_s: int, now: float) -> None:
        self._rate = bytes_per_s
        self._left = bytes_per_s * AT_ONCE_S
        self._since = now
        self._lines = self._bytes = 0
        self._told = now - TELL_EVERY_S

    def is_spent(self, now: float) -> bool:
        """Whether nothing may be kept now."""
        if not self._rate:
            return False
        self._left = min(self._left + (now - self._since) * self._rate, self._rate * AT_ONCE_S)
        self._since = now
        return self._left <= 0

    def spend(self, lines: int, size: int) -> None:
        """Count what is kept."""
        if self._rate:
            self._left -= size + lines * LINE_COST

    def drop(self, lines: int, size: int) -> None:
        """Count what is not."""
        self._lines += lines
        self._bytes += size

    def due_in(self, now: float) -> Optional[float]:
        """In how many seconds ``told`` has something to say; None while nothing was dropped."""
        return max(0.0, self._told + TELL_EVERY_S - now) if self._bytes else None

    def told(self, now: float, *, last: bool = False) -> str:
        """What was dropped since it was told last, as a line; empty where it is not yet time.

        There is no later time than the ``last``.
        """
        if not self._bytes or (self.due_in(now) and not last):
            return ""
        text = (
            f"{self._bytes / 1e6:.1f} MB of output ({self._lines} lines) were left out of this "
            f"log: the instance prints more than {self._rate // 1024} KB a second "
            "(instance_kilobytes_per_s below [logs] in hostler.toml)"
        )
        self._lines = self._bytes = 0
        self._told = now
        return text
