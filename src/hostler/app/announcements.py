"""Lines of progress for whoever watches `hostler up`: carried to the supervisor's desk.

Invariant: in order, from one place; never waited for, and a supervisor that is away loses them (the
same lines are in the log streams of the endpoints that wait).
"""

import asyncio
import contextlib

from hostler.backends.process.zygotes import ZygoteError, exchange
from hostler.domain.layout import Layout

WAITING_MAX = 256


class Announcements:
    """A bounded queue of lines, and the task that carries them."""

    def __init__(self, layout: Layout) -> None:
        self._desk = layout.supervisor_socket
        self._lines: asyncio.Queue[str] = asyncio.Queue(WAITING_MAX)

    def say(self, line: str) -> None:
        """Have a line shown."""
        with contextlib.suppress(asyncio.QueueFull):
            self._lines.put_nowait(line)

    async def run(self) -> None:
        """Carry lines for ever."""
        while True:
            line = await self._lines.get()
            with contextlib.suppress(ZygoteError):
                await exchange(self._desk, {"op": "say", "line": line})
