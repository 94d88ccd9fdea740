"""The connection to control or S3 for a client of HTTP/1.0, which knows no chunks.

Such a client reads an answer without a length to the connection's end (RFC 9112 section 6.1).

Invariant: of a chunked answer it gets the bytes alone, and its connection is broken off where they
are not all; any other answer goes on as it came.
"""

from typing import TYPE_CHECKING

from hostler.gateway import answers
from hostler.gateway.upstream import Upstream

if TYPE_CHECKING:
    from hostler.gateway.proxy import Relay
    from hostler.gateway.turns import Turns

_ITS_OWN = frozenset({b"transfer-encoding", b"connection"})


class Unchunked(Upstream):
    """The other side of a ``Relay`` whose client speaks HTTP/1.0."""

    __slots__ = ("_begun", "_chunked", "_head", "_pieces")

    def __init__(self, relay: "Relay", turns: "Turns", *, head_only: bool) -> None:
        super().__init__(relay, turns, head_only=head_only)
        self._chunked = False
        self._begun = False
        self._head = b""
        """What came, until it holds a whole head."""
        self._pieces: list[bytes] = []
        """Of the body, since the last bytes came."""

    def _pass_on(self, data: bytes) -> None:
        pieces, self._pieces = self._pieces, []
        if not self._final:
            self._head += data
            return
        head, self._head = self._head, b""
        if not self._chunked:
            super()._pass_on(head + data)
            return
        begin = b"" if self._begun else _without_chunks(head + data)
        self._begun = True
        super()._pass_on(begin + b"".join(pieces))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._chunked and self._final and not self._whole:
            self._relay.connection.abort()
        super().connection_lost(exc)

    # httptools' callbacks

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002 - httptools' signature
        if name.lower() == b"transfer-encoding":
            self._chunked = True

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)


def _without_chunks(data: bytes) -> bytes:
    """The head at the beginning of an answer, as that of one which the connection's end ends."""
    lines = data[: data.index(b"\r\n\r\n")].split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in _ITS_OWN]
    return b"\r\n".join([*kept, answers.CLOSING])
