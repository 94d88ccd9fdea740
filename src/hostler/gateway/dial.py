"""Makes the connections to workers, and makes them again for as long as they are wanted.

Invariant: one attempt at a time for each worker, with a capped and jittered back-off, until it
greets or its target is retired.
"""

import asyncio
import random
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from hostler.gateway.link import Link

if TYPE_CHECKING:
    from hostler.gateway.target import Target

PAUSE_S_MIN = 0.02
PAUSE_S_MAX = 1.0

_Pauses = dict[int, float]
"""By slot, of those workers of a target that have not greeted since: what to wait before the next
attempt (s)."""


class Dialer:
    """Connects to Unix sockets on the running loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()
        self._pauses: WeakKeyDictionary[Target, _Pauses] = WeakKeyDictionary()

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
        pauses = self._pauses.setdefault(target, {})
        await asyncio.sleep(max(delay_s, _jittered(pauses.get(slot, 0.0))))
        while not target.retired:
            pauses[slot] = min(pauses.get(slot, PAUSE_S_MIN / 2) * 2, PAUSE_S_MAX)
            try:
                await self._loop.create_unix_connection(
                    lambda: _Dialled(target, slot, pauses), path
                )
            except OSError:
                await asyncio.sleep(_jittered(pauses[slot]))
            else:
                return


class _Dialled(Link):
    """A link after whose end the pauses begin anew, if it was greeted.

    A worker that accepts and ends connections (it is full, or of another version) is as far away as
    one that accepts none.
    """

    __slots__ = ("_pauses",)

    def __init__(self, target: "Target", slot: int, pauses: _Pauses) -> None:
        super().__init__(target, slot)
        self._pauses = pauses

    def connection_lost(self, exc: Exception | None) -> None:
        if self.serial:
            self._pauses.pop(self.slot, None)
        super().connection_lost(exc)


def _jittered(pause: float) -> float:
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - it is no secret
