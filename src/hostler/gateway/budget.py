"""How much of bodies a gateway holds at once: of large ones, and by themselves of medium ones.

Invariant: what has been granted and not given back is at most the limit, or one single body; who
waits is granted in the order of asking, and not for ever. Who waits is not read, so TCP holds the
sender back; and while anybody waits, nobody keeps room for long for a body that does not come.
"""

from time import monotonic
from typing import Protocol

from hostler.gateway.limits import Limits


class Holder(Protocol):
    """A request whose body needs room."""

    def granted(self) -> None:
        """There is room now."""

    def not_granted(self) -> None:
        """It has waited too long: if its body is still to come, it ends."""

    def is_slow(self) -> None:
        """It has had room for long, and others wait for it: if its body still comes, it ends."""


class Budget:
    """A number of bytes to share.

    Args:
        limit: Bytes.
        wait_s: How long one waits for room.
        held_s: How long a body may take to come while others wait.
    """

    def __init__(self, limit: int, wait_s: float, held_s: float) -> None:
        self._limit = limit
        self._wait_s, self._held_s = wait_s, held_s
        self._granted = 0
        self._holding: dict[Holder, tuple[int, float]] = {}
        """Bytes, and since when (monotonic s); so for who waits."""
        self._waiting: dict[Holder, tuple[int, float]] = {}

    def ask(self, size: int, holder: Holder) -> bool:
        """True when granted at once; else the holder hears of it, until it gives its place back."""
        now = monotonic()
        if not self._waiting and self._fits(size):
            self._grant(size, holder, now)
            return True
        self._waiting[holder] = size, now
        return False

    def give_back(self, holder: Holder) -> None:
        """It holds nothing any more, and does not wait either."""
        if self._waiting.pop(holder, None) is None:
            self._granted -= self._holding.pop(holder)[0]
        self._grant_waiting()

    def shrink(self, holder: Holder, size: int) -> None:
        """Its body is whole: it needs room for that alone, not for the longest there may be."""
        if holder in self._waiting:
            self._waiting[holder] = size, self._waiting[holder][1]
        else:
            before, since = self._holding[holder]
            self._granted += size - before
            self._holding[holder] = size, since
        self._grant_waiting()

    def _grant_waiting(self) -> None:
        while self._waiting:
            following, (wanted, _) = next(iter(self._waiting.items()))
            if not self._fits(wanted):
                return
            del self._waiting[following]
            self._grant(wanted, following, monotonic())
            following.granted()

    def sweep(self, now: float) -> None:
        """While anybody waits: end who holds it up, and who has waited too long (monotonic s)."""
        if self._waiting:
            for holder in _before(self._holding, now - self._held_s):
                holder.is_slow()
            for holder in _before(self._waiting, now - self._wait_s):
                if holder in self._waiting:
                    holder.not_granted()

    def _grant(self, size: int, holder: Holder, now: float) -> None:
        self._granted += size
        self._holding[holder] = size, now

    def _fits(self, size: int) -> bool:
        return self._granted == 0 or self._granted + size <= self._limit


def _before(since: dict[Holder, tuple[int, float]], moment: float) -> list[Holder]:
    return [holder for holder, (_, began) in since.items() if began <= moment]


class Bodies:
    """What a gateway holds of bodies that are not small."""

    def __init__(self, limits: Limits) -> None:
        self._small, self._medium = limits.small_body_bytes_max, limits.hash_inline_bytes_max
        waits = limits.bodies_wait_s, limits.body_held_s
        self._of_large = Budget(limits.bodies_bytes_max, *waits)
        self._of_medium = Budget(limits.medium_bodies_bytes_max, *waits)

    def of(self, size: int) -> Budget | None:
        """What a body that is awaited counts towards; None for a small one."""
        if size <= self._small:
            return None
        return self._of_medium if size <= self._medium else self._of_large

    def sweep(self, now: float) -> None:
        """Apply the deadlines (``now``: monotonic s)."""
        self._of_large.sweep(now)
        self._of_medium.sweep(now)
