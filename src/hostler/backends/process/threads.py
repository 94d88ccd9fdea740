"""Long work in threads of its own, which ends soon after nobody waits for it any more.

Invariant: who is cancelled while it waits leaves no thread that works where it tidies up: the work
is told and waited for, but no longer than PATIENCE_S, for a server's silence lasts longer. The
event loop's own threads, by which control reads metrics and logs, are never held by such work.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from hostler.domain.ports import Wanted

PATIENCE_S = 5.0

T = TypeVar("T")


class GivenUpError(Exception):
    """Nobody waits for the work any more; so nobody hears of this."""


class Threads:
    """So many threads at most; they begin when there is work for them."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, work: Callable[[Wanted], T]) -> T:
        """What ``work`` returns; it asks its argument now and then whether to go on."""
        given_up = threading.Event()

        def wanted() -> bool:
            return not given_up.is_set()

        begun = asyncio.get_running_loop().run_in_executor(self._pool, partial(work, wanted))
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            given_up.set()
            begun.add_done_callback(_forget)
            await asyncio.wait({begun}, timeout=PATIENCE_S)
            raise


def _forget(ended: asyncio.Future[T]) -> None:
    """What became of work that was given up is nobody's: asyncio need not complain of it."""
    if not ended.cancelled():
        ended.exception()


def go_on(wanted: Wanted) -> None:
    """Raise GivenUpError if the work is not wanted any more."""
    if not wanted():
        raise GivenUpError
