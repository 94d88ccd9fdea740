"""Looks once a minute what every instance uses, for CloudWatch and for Prometheus.

Invariant: it reads the world alone, so a control process that begins anew misses a minute at most;
looking takes a thread, never the loop.
"""

import asyncio
from collections.abc import Mapping
from functools import partial

from hostler.domain.ids import InstanceId
from hostler.domain.ports import Clock
from hostler.domain.usage import Usage, UsageSource
from hostler.snapshot import background
from hostler.store.database import Store, StoreUnavailableError
from hostler.telemetry import instance_metrics, metrics

PERIOD_S = 60.0
SOON_S = 5.0
"""After the first look, which knows no processor time, comes a second one."""


class UsageSampler:
    """Samples every instance.

    Args:
        store: The metrics' database.
        source: Looks.
        clock: For the time of a sample.
    """

    def __init__(self, store: Store, source: UsageSource, clock: Clock) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._last: Mapping[InstanceId, Usage] = {}
        self.percents: Mapping[InstanceId, tuple[Usage, Mapping[str, float]]] = {}
        """Each instance as it was last seen, with its metrics in percent."""

    async def run(self) -> None:
        """Sample until cancelled."""
        attempts = background.Attempts("hostler.control", (StoreUnavailableError, OSError))
        await attempts.attempt("what instances use is not seen now", self._look())
        await asyncio.sleep(SOON_S)
        await attempts.repeat("what instances use is not written down now", self.sample, PERIOD_S)

    async def sample(self) -> None:
        """Look once, and write down what was seen."""
        before = self._last
        now = await self._look()
        time_s = self._clock.now()
        found = [
            sample
            for instance_id, usage in now.items()
            for sample in instance_metrics.samples(usage, before.get(instance_id), time_s)
        ]
        self.percents = {
            instance_id: (usage, dict(instance_metrics.values(usage, before.get(instance_id))))
            for instance_id, usage in now.items()
        }
        if found:
            await self._store.write(partial(metrics.put, samples=found, now_s=time_s))

    async def _look(self) -> Mapping[InstanceId, Usage]:
        self._last = await asyncio.to_thread(self._source.read)
        return self._last
