"""What clients have not taken of their answers, over all connections together.

Invariant: beyond the limit the connection that holds the most is cut off, until what is left is
within it: who takes their answers is never touched. What a slow client may hold by itself, and for
how long, is ``taking``'s to judge.
"""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostler.gateway.protocol import HttpConnection

log = logging.getLogger(__name__)


class Untaken:
    """The bytes of connections whose clients do not keep up.

    Args:
        limit: Bytes that they may hold together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[HttpConnection, int] = {}
        self.total = 0

    def hold(self, connection: "HttpConnection") -> None:
        """Count what a connection holds now; one that was counted before is counted anew."""
        size = connection.transport.get_write_buffer_size()
        self.total += size - self._held.get(connection, 0)
        self._held[connection] = size
        while self.total > self._limit and self._held:
            largest = max(self._held, key=self._held.__getitem__)
            log.warning(
                "a client that had not taken %d MB of its answers was cut off: all together had "
                "not taken %d MB",
                self._held[largest] >> 20,
                self.total >> 20,
            )
            self.let_go(largest)
            largest.abort()

    def grew(self, connection: "HttpConnection") -> None:
        """More was written to a connection, which may keep up."""
        if connection in self._held:
            self.hold(connection)

    def let_go(self, connection: "HttpConnection") -> None:
        """It keeps up again, or is gone."""
        self.total -= self._held.pop(connection, 0)

    def look(self) -> None:
        """See what has been taken meanwhile."""
        for connection in list(self._held):
            if connection in self._held:  # a look at another may have cut it off
                self.hold(connection)
