"""A request once more, for a shadow: what becomes of it is counted, and told to nobody.

Invariant: a copy ends once, and then holds nothing; it is never sent a second time.
"""

from enum import StrEnum
from functools import partial
from time import monotonic_ns
from typing import TYPE_CHECKING

from hostler.gateway import chain
from hostler.gateway.compare import Answer

if TYPE_CHECKING:
    from hostler.domain.errors import CallerError
    from hostler.gateway.gateway import Gateway
    from hostler.gateway.invocation import Invocation
    from hostler.gateway.link import Link
    from hostler.gateway.shadow import Mirror

EXCERPT = 1024
"""Of each body, the bytes at its beginning that an example has."""


class Drop(StrEnum):
    """Why the shadow did not get, or did not answer, a request that was its share."""

    FULL = "full"
    """It has as many, or as much, waiting and under way as it may."""
    TOO_LARGE = "too_large"
    SESSION = "session"
    """It belongs to a session, which one instance holds."""
    UNREACHABLE = "unreachable"
    LATE = "late"
    """No instance took it in time."""
    LOST = "lost"
    """Its instance ended before it had taken it, or the shadow was taken away."""


class Copy:
    """A request once more, with the answer that its caller was given."""

    pinned = None

    __slots__ = (
        "_answer",
        "_done",
        "_mirror",
        "attempts",
        "deadline_ns",
        "gateway",
        "held",
        "link",
        "link_id",
        "meta",
        "name",
        "pieces",
        "sent_ns",
        "size",
        "started_ns",
    )

    def __init__(
        self, mirror: "Mirror", invocation: "Invocation", pieces: list[bytes], answer: Answer
    ) -> None:
        self._mirror = mirror
        self._answer = answer
        self._done = False
        self.gateway: Gateway = invocation.gateway
        self.name = invocation.name
        self.meta = invocation.meta
        self.pieces = pieces
        self.size = invocation.size
        self.held = invocation.size + len(answer.body)
        """Bytes."""
        self.started_ns = monotonic_ns()
        self.sent_ns = 0
        self.deadline_ns = self.started_ns + self.gateway.invocation_ns
        self.attempts = 0
        self.link: Link | None = None
        self.link_id = 0

    # what instances say of it

    def reply(self, status: int, meta: bytes, body: bytes) -> None:
        if not self._done:
            request = b"".join(self.pieces)[:EXCERPT] if self._mirror.tells_examples else b""
            self._count(status)
            self._end()
            answer = Answer(status, content_type(meta), body)
            compare = partial(self._mirror.compare, request, self._answer, answer)
            chain.attempt(self.gateway, "while comparing with a shadow", compare)

    def reply_begin(self, status: int, meta: bytes, size: int) -> bool:  # noqa: ARG002 - Request's
        """A large answer is not kept."""
        return True

    def reply_more(self, piece: bytes) -> None:
        """Nobody is given it."""

    def reply_end(self, status: int) -> None:
        if not self._done:
            self._count(status)
            self._end()
            self._mirror.counters.compared(None)

    def given_back(self) -> None:
        self._drop(Drop.LOST)

    def lost_untaken(self, lost: "Link") -> None:  # noqa: ARG002 - Request's
        self._drop(Drop.LOST)

    def lost(self, why: str) -> None:  # noqa: ARG002 - Request's
        if not self._done:
            self._mirror.counters.answered(500, model_us=0, overhead_us=0)
            self._end()

    def keep(self) -> None:
        """Copies have little room, and give it back at once."""

    def has_left(self) -> None:
        """Nothing of it is waited for."""

    # what a pool says of it

    def unpinned(self) -> None:
        """A copy is never pinned."""

    def reroute(self) -> None:
        self._drop(Drop.LOST)

    def refuse(self, failure: "CallerError") -> None:  # noqa: ARG002 - Request's
        self._drop(Drop.UNREACHABLE)

    # what its mirror says of it

    def late(self) -> None:
        """Its deadline has passed."""
        if self.link is None:
            self._mirror.pool.leave(self)
            self._drop(Drop.LATE)
        else:
            self._count(500)
            self.give_up()

    def give_up(self) -> None:
        """Nobody wants its answer any more."""
        if self.link is not None:
            self.link.abandon(self.link_id)
        self._end()

    # inside

    def _count(self, status: int) -> None:
        sent_ns = self.sent_ns
        self._mirror.counters.answered(
            status, (monotonic_ns() - sent_ns) // 1000, (sent_ns - self.started_ns) // 1000
        )

    def _drop(self, why: Drop) -> None:
        if not self._done:
            self._mirror.counters.drop(why)
            self._end()

    def _end(self) -> None:
        self._done = True
        self.pieces = []
        self._mirror.ended(self)


def content_type(meta: bytes) -> str:
    """An answer's, of its ``frames.RESPONSE_META``."""
    return meta.partition(b"\0")[0].decode("latin-1")
