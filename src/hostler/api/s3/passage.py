"""An upload's bytes on their way through to an external S3. Blocking.

Invariant: the last piece is sent only after length, signature, chunk signatures, MD5 and checksum
are all right, so that a body that is not what was signed is never stored.
"""

import hashlib
from dataclasses import dataclass

from hostler.api.s3.checksums import Algorithm
from hostler.api.s3.incoming import Claims, Digests, incomplete, verify
from hostler.aws.chunked import ChunkedBody
from hostler.aws.external import Exchange

PIECE_BYTES = 1 << 20
"""All pieces have it but the last: the length of a framed body is told before it comes."""


@dataclass(frozen=True, slots=True)
class Trailed:
    """A body whose checksum follows it: chunks, and a trailer."""

    algorithm: Algorithm

    def length(self, size: int) -> int:
        """Of the framed body of so many bytes."""
        whole, rest = divmod(size, PIECE_BYTES)
        framed = whole * (PIECE_BYTES + len(_chunk_head(PIECE_BYTES)) + 2)
        if rest:
            framed += rest + len(_chunk_head(rest)) + 2
        text = "x" * (4 * ((self.algorithm.width + 2) // 3))
        return framed + len(self.end(text))

    def chunk(self, piece: bytes) -> bytes:
        return b"%b%b\r\n" % (_chunk_head(len(piece)), piece) if piece else b""

    def end(self, value: str) -> bytes:
        return f"0\r\n{self.algorithm.header}:{value}\r\n\r\n".encode()


def _chunk_head(size: int) -> bytes:
    return b"%x\r\n" % size


class Passage:
    """One body.

    Args:
        claimed: What must be true of it.
        trailed: The framing it goes on with, if any.
        chunked: Decodes and verifies the framing it comes with, if any.
        exchange: Where it goes.
    """

    def __init__(
        self,
        claimed: Claims,
        trailed: Trailed | None,
        chunked: ChunkedBody | None,
        exchange: Exchange,
    ) -> None:
        self._claimed = claimed
        self._trailed = trailed
        self._chunked = chunked
        self._exchange = exchange
        self._digests = Digests(claimed.algorithm)
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._held = bytearray()

    def take(self, data: bytes) -> None:
        """More of what comes; all but the last piece of what is there goes on."""
        self._held += data if self._chunked is None else self._chunked.feed(data)
        while len(self._held) > PIECE_BYTES:
            piece = bytes(self._held[:PIECE_BYTES])
            del self._held[:PIECE_BYTES]
            self._note(piece)
            self._send(piece)

    def finish(self, data: bytes) -> None:
        """The end of what comes; raises CallerError, and sends no more, where a claim is untrue."""
        self.take(data)
        if self._chunked is not None:
            self._chunked.finish()
        last = bytes(self._held)
        self._note(last)
        if self._size != self._claimed.length:
            raise incomplete()
        verify(self._claimed, self._sha256.hexdigest(), self._digests, self._chunked)
        self._send(last)
        if self._trailed is not None:
            self._exchange.send(self._trailed.end(self._digests.checksum() or ""))

    def _note(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._claimed.length:
            raise incomplete()
        self._digests.take(piece)
        self._sha256.update(piece)

    def _send(self, piece: bytes) -> None:
        framed = piece if self._trailed is None else self._trailed.chunk(piece)
        if framed:
            self._exchange.send(framed)
