"""The last use of access keys, as one process saw it: noted at each request, told now and then.

Invariant: bounded, and a key in constant use is told of once a minute; a first use is told of at
once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

TELL_EVERY_S = 60.0
"""Of one key. IAM's own answer is minutes old as well."""
KEYS_MAX = 4_096
"""The keys that are remembered; beyond them the one that was noted first is forgotten."""
REGION_CHARACTERS_MAX = 32


@dataclass(frozen=True, slots=True)
class Use:
    """A request that a key signed: when (epoch seconds), to which service, in which region."""

    at: float
    service: str
    region: str


class Uses:
    """The last uses, and which of them are news."""

    def __init__(self) -> None:
        self._seen: dict[str, Use] = {}
        self._told: dict[str, float] = {}

    def note(self, access_key_id: str, service: str, region: str, at: float) -> None:
        """A key has signed a request that was verified."""
        if access_key_id not in self._seen and len(self._seen) >= KEYS_MAX:
            oldest = next(iter(self._seen))
            del self._seen[oldest]
            self._told.pop(oldest, None)
        self._seen[access_key_id] = Use(at, service, region[:REGION_CHARACTERS_MAX])

    def due(self) -> Mapping[str, Use]:
        """All last uses, if one of them is to be told now; else nothing.

        A key that was used less than a minute after it was told of waits for its next use.
        """
        news = {
            key: use.at
            for key, use in self._seen.items()
            if use.at >= self._told.get(key, -TELL_EVERY_S) + TELL_EVERY_S
        }
        self._told |= news
        return dict(self._seen) if news else {}
