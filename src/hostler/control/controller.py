"""A keyed queue of reconciliations: woken, repeated when they ask for it, all of them now and then.

Invariant: one run of a key at a time, and a wake during a run leads to another run. Nothing that
must happen depends on a timer kept here: whatever is lost comes back with the next resync.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from hostler.snapshot import background

REQUEUE_S_MIN = 1.0
BACKOFF_S_MAX = 60.0
RESYNC_S = 10.0
RESYNC_KEYS = 10
"""So many keys a resync wakes; the next one goes on where it stopped. What is at rest thus costs
the same however much of it there is, and each of 500 keys has its turn within nine minutes."""
PARALLEL_MAX = 16

Reconcile: TypeAlias = Callable[[str], Awaitable[timedelta | None]]
"""Brings one key's world a step nearer to what is wanted; says when to be called again, if ever."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Key:
    running: bool = False
    again: bool = False
    failures: int = 0
    timer: asyncio.TimerHandle | None = None


class Controller:
    """Runs a reconciler.

    Args:
        name: For the log.
        reconcile: The work for one key.
        keys: Every key there is; asked at the start and at each resync.
        resync_s: Seconds between two resyncs; the first, of every key, is at the start.
        resync_keys: How many one wakes; None for all that are listed.
    """

    def __init__(
        self,
        name: str,
        reconcile: Reconcile,
        keys: Callable[[], Awaitable[Iterable[str]]],
        *,
        resync_s: float = RESYNC_S,
        resync_keys: int | None = RESYNC_KEYS,
    ) -> None:
        self._resync_keys = resync_keys
        self._name = name
        self._reconcile = reconcile
        self._list = keys
        self._resync_s = resync_s
        self._keys: dict[str, _Key] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(PARALLEL_MAX)
        self._closed = False
        self._begun = False
        self._line: deque[str] = deque()
        """Keys that the coming resyncs wake."""

    def wake(self, key: str) -> None:
        """Reconcile a key soon; call it on the event loop."""
        if self._closed:
            return
        state = self._keys.setdefault(key, _Key())
        if state.timer is not None:
            state.timer.cancel()
            state.timer = None
        if state.running:
            state.again = True
            return
        state.running = True
        task = asyncio.get_running_loop().create_task(self._run(key, state))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self) -> None:
        """Resync for ever; cancel it to stop everything."""
        try:
            while True:
                listed = await self._guarded("listing the keys", self._resync())
                if listed:
                    await background.pause(self._resync_s)
                else:
                    await asyncio.sleep(REQUEUE_S_MIN)
        finally:
            await self._close()

    async def _close(self) -> None:
        self._closed = True
        for state in self._keys.values():
            if state.timer is not None:
                state.timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _resync(self) -> None:
        if not self._line:
            self._line.extend(await self._list())
        waiting = len(self._line)
        turn = self._resync_keys if self._begun and self._resync_keys is not None else waiting
        self._begun = True
        for _ in range(min(turn, waiting)):
            self.wake(self._line.popleft())

    async def _run(self, key: str, state: _Key) -> None:
        async with self._slots:
            state.again = False
            after: timedelta | None = None

            async def reconcile() -> None:
                nonlocal after
                after = await self._reconcile(key)

            if await self._guarded(key, reconcile()):
                state.failures = 0
            else:
                state.failures += 1
                seconds = min(BACKOFF_S_MAX, 2.0 ** min(state.failures - 1, 10))
                after = timedelta(seconds=seconds)
        state.running = False
        if state.again:
            self.wake(key)
        elif after is not None and not self._closed:
            delay = max(REQUEUE_S_MIN, after.total_seconds())
            state.timer = asyncio.get_running_loop().call_later(delay, self.wake, key)
        elif not state.failures:
            self._keys.pop(key, None)

    async def _guarded(self, what: str, work: Awaitable[None]) -> bool:
        """Await the work; what goes wrong in it is logged, once, and costs nobody else anything."""
        try:
            await work
        except Exception:
            log.exception("%s: %s failed", self._name, what)
            return False
        return True
