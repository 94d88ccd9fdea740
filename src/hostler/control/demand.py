"""What the gateways say of serverless variants, kept until it is too old to act upon.

Invariant: nothing here is needed again: a control plane that begins anew hears all of it within
``HEARD_AFTER_S``, and until then puts nothing to sleep. What would change nothing any more goes, so
no more is kept than gateways speak of within the time after which variants sleep.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hostler.domain.ports import Clock
from hostler.domain.snapshot import Demand as Said
from hostler.planning.serverless import Demand, Need

HEARD_AFTER_S = 3.0
"""Gateways find a new life within a second, and speak up in the sweep after that."""
STALE_S = 3.0
"""What is needed is said again each second; a gateway that is gone needs nothing."""
LOOK_S = 60.0
"""How often what is too old is looked for."""


@dataclass(frozen=True, slots=True)
class _Heard:
    environments: int
    at: float
    used: float


class Demands:
    """Of every endpoint, by its id; times in epoch seconds."""

    def __init__(self, clock: Clock, idle_s: float) -> None:
        self._clock = clock
        self._idle_s = idle_s
        self._began = clock.now()
        self._heard: dict[str, dict[str, dict[str, _Heard]]] = {}
        """By endpoint, variant and gateway."""
        self._looked = self._began

    def hear(self, gateway: str, said: Iterable[Said]) -> list[str]:
        """Take note; the ids of the endpoints for which something is needed."""
        now, wanting = self._clock.now(), []
        if abs(now - self._looked) >= LOOK_S:
            self._looked = now
            self._drop_old(now)
        for each in said:
            heard = self._heard.setdefault(each.endpoint_id, {}).setdefault(each.variant, {})
            heard[gateway] = _Heard(each.environments, now, now - each.idle_s)
            if each.environments:
                wanting.append(each.endpoint_id)
        return wanting

    def of(self, endpoint_id: str) -> Demand:
        """What is known of an endpoint's use."""
        now = self._clock.now()
        needs = {
            variant: Need(
                environments=max(
                    (each.environments for each in heard.values() if each.at > now - STALE_S),
                    default=0,
                ),
                used=max(each.used for each in heard.values()),
            )
            for variant, heard in self._heard.get(endpoint_id, {}).items()
        }
        return Demand(needs, heard=now >= self._began + HEARD_AFTER_S, idle_s=self._idle_s)

    def __len__(self) -> int:
        """Of how many endpoints something is kept."""
        return len(self._heard)

    def forget(self, endpoint_id: str) -> None:
        """The endpoint is gone."""
        self._heard.pop(endpoint_id, None)

    def _drop_old(self, now: float) -> None:
        """Drop what is as good as nothing heard: a gateway may speak of what was just forgotten."""
        for endpoint_id, variants in list(self._heard.items()):
            for variant, heard in list(variants.items()):
                if all(self._is_old(each, now) for each in heard.values()):
                    del variants[variant]
            if not variants:
                del self._heard[endpoint_id]

    def _is_old(self, heard: _Heard, now: float) -> bool:
        return heard.at <= now - STALE_S and heard.used + self._idle_s <= now
