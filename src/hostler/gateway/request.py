"""What instances are sent: a caller's invocation, or a shadow's copy of one.

Invariant: pools, targets and links know of a request what is here and no more, so that a copy takes
the same ways as what it was made of, and ends in nobody's answer.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hostler.domain.errors import CallerError
    from hostler.gateway.gateway import Gateway
    from hostler.gateway.link import Link
    from hostler.gateway.target import Target


class Request(Protocol):
    """One request; times are monotonic ns. Hashed by identity."""

    gateway: "Gateway"
    name: str
    """Of the endpoint."""
    meta: bytes
    """What the model server is told of the head; NUL-joined ``frames.REQUEST_META``."""
    pieces: list[bytes]
    """The body."""
    size: int
    """Of the body."""
    started_ns: int
    sent_ns: int
    deadline_ns: int
    attempts: int
    link: "Link | None"
    link_id: int

    @property
    def pinned(self) -> "Target | None":
        """The only instance that may answer it."""

    # what instances say of it

    def reply(self, status: int, meta: bytes, body: bytes) -> None:
        """The answer, whole; it raises nothing, as the connection is others' too."""

    def reply_begin(self, status: int, meta: bytes, size: int) -> bool:
        """A large answer begins; False for one that must be known whole (``reply``)."""

    def reply_more(self, piece: bytes) -> None:
        """More of an answer that was begun."""

    def reply_end(self, status: int) -> None:
        """The end of an answer that was begun."""

    def given_back(self) -> None:
        """An instance that ends did not take it."""

    def lost_untaken(self, lost: "Link") -> None:
        """It was lost on its way to an instance that had not taken it."""

    def lost(self, why: str) -> None:
        """The instance ended after it had taken it; ``why`` in one line, "" if unknown."""

    def keep(self) -> None:
        """Nobody waits for it any more, and its body is still on its way: that takes its room."""

    def has_left(self) -> None:
        """It is no more."""

    # what a pool says of it

    def unpinned(self) -> None:
        """The only instance that may answer it is gone."""

    def refuse(self, failure: "CallerError") -> None:
        """No instance will have it."""
