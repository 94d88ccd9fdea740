"""What comes with a body and is none of it: chunk sizes, their extensions, trailers.

Invariant: nothing of it is kept, and a body that is nothing else for long is told from one that
comes in small chunks (RFC 9112 section 7.1.1: its length is to be limited).
"""

PAID_BY_BODY = 16
"""Bytes of framing that each byte of a body may cost: one in a chunk of its own costs five."""


class Framing:
    """Of one body that comes in several reads; ``size``: of what came with the first."""

    __slots__ = ("_size", "_unpaid")

    def __init__(self, size: int) -> None:
        self._size = size
        self._unpaid = 0

    def came(self, read: int, size: int) -> int:
        """So many bytes were read, the body has this size: bytes that it has not paid for."""
        grown, self._size = size - self._size, size
        self._unpaid = max(0, self._unpaid + read - grown - PAID_BY_BODY * grown)
        return self._unpaid


class Trailers(list[tuple[bytes, bytes]]):
    """Takes fields, and keeps none."""

    def append(self, field: tuple[bytes, bytes]) -> None:
        """Drop it."""


DROPPED = Trailers()
