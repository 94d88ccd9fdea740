"""How much of the bodies of one size a gateway holds at once.

Invariant: what has been granted and not given back is at most the limit, or one single body; who
waits is granted in the order of asking. Who waits is not read, so TCP holds the sender back.
"""

from collections.abc import Callable


class Budget:
    """A number of bytes to share."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._granted = 0
        self._waiting: dict[Callable[[], None], int] = {}

    def ask(self, size: int, granted: Callable[[], None]) -> bool:
        """True when granted at once; else ``granted`` is called later, unless withdrawn."""
        if not self._waiting and self._fits(size):
            self._granted += size
            return True
        self._waiting[granted] = size
        return False

    def give_back(self, size: int) -> None:
        """What was granted is no longer held."""
        self._granted -= size
        while self._waiting:
            granted, wanted = next(iter(self._waiting.items()))
            if not self._fits(wanted):
                return
            del self._waiting[granted]
            self._granted += wanted
            granted()

    def withdraw(self, granted: Callable[[], None]) -> bool:
        """Stop waiting; False when it was granted already."""
        return self._waiting.pop(granted, None) is not None

    def _fits(self, size: int) -> bool:
        return self._granted == 0 or self._granted + size <= self._limit
