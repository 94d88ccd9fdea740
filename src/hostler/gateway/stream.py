"""A large answer on its way: passed on to the client as it comes from the worker.

Held whole it would stop every other call for as long as its bytes take to be copied. What is no
success is kept to its end: a model's error is told in AWS's words.

Invariant: of its answer a client gets the announced number of bytes, or its connection ends.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostler.gateway.request import Request

STREAM_MIN = 256 * 1024
"""An answer's bytes from which on it is passed on as it comes."""


class Stream:
    """An answer of which a part is here.

    Args:
        link_id: The request's id on its connection.
        invocation: Who asked; None where nobody waits any more.
        status: The model's.
        meta: NUL-joined ``frames.RESPONSE_META``.
        size: Bytes of the body.
    """

    __slots__ = ("_kept", "_meta", "_status", "link_id", "rest")

    def __init__(
        self, link_id: int, invocation: "Request | None", status: int, meta: bytes, size: int
    ) -> None:
        self.link_id = link_id
        self._status = status
        self._meta = meta
        self.rest = size
        """Bytes that are still to come."""
        passes = invocation is not None and invocation.reply_begin(status, meta, size)
        self._kept: list[bytes] | None = None if passes else []

    def take(self, data: bytes, invocation: "Request | None") -> bytes:
        """Pass on what is the answer's of what came; returns the rest."""
        piece = data[: self.rest] if len(data) > self.rest else data
        self.rest -= len(piece)
        if invocation is not None:
            if self._kept is not None:
                self._kept.append(piece)
            else:
                invocation.reply_more(piece)
        return data[len(piece) :]

    def end(self, invocation: "Request | None") -> None:
        """All of it has come."""
        if invocation is None:
            return
        if self._kept is not None:
            invocation.reply(self._status, self._meta, b"".join(self._kept))
        else:
            invocation.reply_end(self._status)
