"""What was written is known to the data plane before the writer hears of it.

Invariant: bounded: a gateway that is slow or away delays an answer by at most WAIT_S, and learns of
the change by the next snapshot all the same. It publishes nothing itself: identities have one
writer, the control plane's reading of them.
"""

import asyncio
import contextlib

from hostler.control.plane import ControlPlane
from hostler.snapshot.publisher import Publisher

WAIT_S = 1.0


class Propagation:
    """The ``committed`` hook of the API's rooms."""

    def __init__(self, plane: ControlPlane, publisher: Publisher) -> None:
        self._plane = plane
        self._publisher = publisher

    async def committed(self, service: str) -> None:
        """After a write to IAM: wait until gateways and S3 decide by it."""
        if service != "iam":
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                await self._plane.identities_read()
                while self._plane.publication.pending or not self._acknowledged():
                    await self._plane.progress()

    def _acknowledged(self) -> bool:
        newest = self._publisher.generation
        return all(acked >= newest for _greeting, acked in self._publisher.subscribers())
