"""``[cleanup]``: which endpoints are deleted when nobody calls them, and when.

Invariant: pure data with defaults, as all of ``domain.config``; by default nothing is deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hostler.domain import durations
from hostler.domain.setting import Fault, setting

OLDER_THAN_S_MAX = 455 * 86_400
"""Longer ago nobody knows who was called: CloudWatch's own bound."""
_TAG = r"[^=\s][^=]{0,127}(=.{0,256})?"
_A_TAG = "a tag like Project=project-a, Project=* or Keep"


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Endpoints that nobody calls: found, warned of, and deleted.

    How it is known that nobody does: [clean up](../how-to/clean-up.md).
    """

    enabled: bool = setting(False, "find such endpoints, warn of them, and delete them")
    every: str = setting(
        "1h", "how often they are looked for", pattern=durations.PATTERN, wants=durations.WANTS
    )
    older_than: str = setting(
        "7d",
        "an endpoint that was neither called nor changed for so long goes",
        pattern=durations.PATTERN,
        wants=durations.WANTS,
    )
    warn_before: str = setting(
        "1d",
        "how long before that it is warned of; who calls it meanwhile keeps it",
        pattern=durations.PATTERN,
        wants=durations.WANTS,
    )
    environments: tuple[str, ...] = setting(
        ("dev",),
        "of which environments: by the tag Environment, else by -dev- in the name",
        pattern=r"[A-Za-z0-9][A-Za-z0-9-]{0,62}",
        wants="an environment like dev",
    )
    include: tuple[str, ...] = setting(
        (), "endpoints with one of these tags as well", pattern=_TAG, wants=_A_TAG
    )
    exempt: tuple[str, ...] = setting(
        (), "none with one of these tags, whatever else it has", pattern=_TAG, wants=_A_TAG
    )

    @property
    def every_s(self) -> float:
        return _seconds(self.every)

    @property
    def older_than_s(self) -> float:
        return _seconds(self.older_than)

    @property
    def warn_before_s(self) -> float:
        return _seconds(self.warn_before)

    def faults(self) -> Iterator[Fault]:
        """Windows that can be known, and somebody to look at."""
        for key in ("every", "older_than", "warn_before"):
            if not getattr(self, key):
                yield Fault(key, f"it is empty: write {durations.WANTS}")
                return
        for key in ("environments", "include", "exempt"):
            if "" in getattr(self, key):
                yield Fault(key, "an empty text names nobody")
        if self.older_than_s > OLDER_THAN_S_MAX:
            yield Fault("older_than", f"{self.older_than} is too long: calls are known for 455d")
        if self.warn_before_s > OLDER_THAN_S_MAX:
            yield Fault("warn_before", f"{self.warn_before} is too long: at most 455d")
        if self.enabled and not self.environments and not self.include:
            yield Fault("environments", "neither environments nor include name an endpoint")


def _seconds(text: str) -> float:
    found = durations.seconds(text)
    assert found is not None, "the pattern holds"
    return found
