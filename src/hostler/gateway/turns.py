"""Large transfers take turns: with each turn of the event loop, one of them may be read on.

A read brings up to 256 KiB, and passing that on takes as long as several calls of a model. Ten
parts of an upload that are all readable would stand before a call each time it needs the loop.

Invariant: who waits is called once, in order, and a turn of the loop calls one.
"""

from collections import deque
from collections.abc import Callable

PIECE_MIN = 64 * 1024
"""Bytes of a read from which on it is a large transfer's. Who sends slowly sends less."""


class Turns:
    """Who waits to go on.

    Args:
        soon: Calls back in the next turn of the loop.
    """

    def __init__(self, soon: Callable[[Callable[[], None]], object]) -> None:
        self._soon = soon
        self._waiting: deque[Callable[[], None]] = deque()

    def wait(self, go_on: Callable[[], None]) -> None:
        """Have ``go_on`` called when it is its turn."""
        if not self._waiting:
            self._soon(self._next)
        self._waiting.append(go_on)

    def _next(self) -> None:
        go_on = self._waiting.popleft()
        if self._waiting:
            self._soon(self._next)
        go_on()
