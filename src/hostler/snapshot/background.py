"""What runs beside a process's main work for as long as it lives, in every process of the planes.

Invariant: none of it ends silently. A part that ends by itself is logged at once, with its
traceback; the main work is told to end, and then the process does not end as if all were well.
What is tried again and again goes on whatever one try meets, and says that once.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, NoReturn

from hostler.domain import ticks

log = logging.getLogger(__name__)


async def pause(about_s: float) -> None:
    """Sleep for about so long, until whatever else pauses so wakes as well (``domain.ticks``)."""
    await asyncio.sleep(ticks.left_s(about_s, asyncio.get_running_loop().time()))


class BackgroundError(Exception):
    """A part that must run for ever has ended; why is in the log."""


@contextlib.asynccontextmanager
async def beside(
    *parts: Coroutine[Any, Any, None], failed: Callable[[], None]
) -> AsyncIterator[None]:
    """Run the parts for as long as the block runs, then cancel them.

    Args:
        parts: What is to run for ever.
        failed: Called when a part has ended before the block; should make the block end.

    Raises:
        BackgroundError: after a block that ended well, if a part had not lasted as long.
    """
    tasks = [asyncio.create_task(part, name=getattr(part, "__qualname__", "")) for part in parts]
    lost: list[str] = []

    def ended(task: asyncio.Task[None]) -> None:
        defect = None if task.cancelled() else task.exception()
        log.critical("%s has ended: so does this process", task.get_name(), exc_info=defect)
        lost.append(task.get_name())
        failed()

    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.remove_done_callback(ended)
            task.cancel()
        for task, end in zip(
            tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True
        ):
            if isinstance(end, Exception) and task.get_name() not in lost:
                log.error("%s did not end well", task.get_name(), exc_info=end)
    if lost:
        raise BackgroundError(f"{', '.join(lost)} ended by itself")


class Attempts:
    """Tries of what must go on: a failure is said when it is new, not each time.

    Args:
        name: Of the logger.
        foreseen: What the surroundings do to it; everything else is a defect of ours.
    """

    def __init__(self, name: str, foreseen: tuple[type[Exception], ...]) -> None:
        self._log = logging.getLogger(name)
        self._foreseen = foreseen
        self._said: dict[str, type[Exception]] = {}
        """The last failure of each, until it succeeds."""

    async def repeat(
        self, what: str, work: Callable[[], Awaitable[object]], pause_s: float
    ) -> NoReturn:
        """Do the work until cancelled: after each time a ``pause``, and half of one at least."""
        while True:
            await self.attempt(what, work())
            await pause(pause_s)

    async def attempt(self, what: str, work: Awaitable[object]) -> bool:
        """Do the work; False when it failed. ``what`` is said of it then."""
        try:
            await work
        except Exception as failure:  # noqa: BLE001 - the next attempt must come
            if self._said.get(what) is not type(failure):
                self._said[what] = type(failure)
                defect = not isinstance(failure, self._foreseen)
                self._log.warning("%s: %s", what, failure, exc_info=defect)
            return False
        self._said.pop(what, None)
        return True
