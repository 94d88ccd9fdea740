"""What a connection and the handlers of its requests expect of each other.

Invariant: a connection calls ``begin`` once, when every answer before has left; ``body`` and
``complete`` may come earlier; after ``gone`` it calls nothing more.
"""

from enum import Enum
from typing import Protocol


class Handler(Protocol):
    """What serves one request. Its body may begin to come before ``begin``: it waits its turn."""

    keep_alive: bool
    answering: bool
    """Whether a part of the answer, not all, has been written."""
    size: int
    """Bytes of the body that have come."""

    def begin(self) -> None:
        """It is this request's turn to be answered."""

    def body(self, piece: bytes) -> None:
        """More of the body, without chunk framing."""

    def complete(self) -> None:
        """The body has ended."""

    def gone(self) -> None:
        """The client is gone, or the rest of its request is malformed: answer nothing more."""

    def writable(self, *, yes: bool) -> None:
        """Whether the client keeps up with what is sent to it."""


class State(Enum):
    """What a connection does with what it reads."""

    OPEN = "open"
    LAST = "last"
    """No further request is served; it closes after the answers that are owed."""
    LINGER = "linger"
    """All is answered; the rest is dropped for a moment, so that no reset overtakes the answer."""
    CLOSED = "closed"
