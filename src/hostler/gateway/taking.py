"""Whether a client takes its answers: what it has not taken yet, here or in the kernel's queue.

Invariant: only bytes that the other side acknowledged count as taken; a client that takes less than
its rate over a whole window is late, however much is still to come.
"""

import asyncio
import contextlib
import fcntl
import struct
import termios
from time import monotonic

from hostler.gateway.limits import Limits

_COUNT = struct.Struct("i")


class Taking:
    """One client's. ``since``: when it was last judged (monotonic s); 0 while it keeps up."""

    __slots__ = ("_untaken", "since")

    def __init__(self) -> None:
        self.since = 0.0
        self._untaken = 0
        """Bytes it had not taken then."""

    def judge(self, transport: asyncio.Transport, now: float = 0.0) -> None:
        """Remember how much it has not taken."""
        self.since = now or monotonic()
        self._untaken = transport.get_write_buffer_size()
        connection = transport.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):  # it has just ended
                queued = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(_COUNT.size))
                self._untaken += _COUNT.unpack(queued)[0]

    def is_late(self, transport: asyncio.Transport, now: float, limits: Limits) -> bool:
        """Whether it took too little over the window that has ended. A new one then begins."""
        if not self.since or now - self.since <= limits.answer_rate_window_s:
            return False
        wanted = limits.answer_rate_min * (now - self.since)
        before = self._untaken
        self.judge(transport, now)
        return self._untaken > max(0, before - wanted)
