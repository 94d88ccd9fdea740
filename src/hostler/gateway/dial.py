"""Makes the connections to workers, and makes them again for as long as they are wanted.

Invariant: one attempt at a time for each worker, with a capped and jittered back-off, until it
succeeds or its target is retired.
"""

import asyncio
import random
from typing import TYPE_CHECKING

from hostler.gateway.link import Link

if TYPE_CHECKING:
    from hostler.gateway.target import Target

PAUSE_S_MIN = 0.02
PAUSE_S_MAX = 1.0


class Dialer:
    """Connects to Unix sockets on the running loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, target: "Target", slot: int, delay_s: float) -> None:
        """Connect to a target's worker, not before ``delay_s`` seconds; it hears by ``joined``."""
        task = self._loop.create_task(self._connect(target, slot, delay_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()

    async def _connect(self, target: "Target", slot: int, delay_s: float) -> None:
        path = target.route.sockets[slot]
        pause = PAUSE_S_MIN
        await asyncio.sleep(delay_s)
        while not target.retired:
            try:
                await self._loop.create_unix_connection(lambda: Link(target, slot), path)
            except OSError:
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(pause * 2, PAUSE_S_MAX)
            else:
                return
