"""Request ids in the form of UUIDs: a process's own prefix, then a number.

Invariant: no two requests of a machine have the same id; making one formats nothing.
"""

import uuid
from collections.abc import Iterator
from itertools import count

_NAME = b"x-amzn-RequestId: "
_END = b"\r\n"
_LAST_DIGITS = tuple(b"%03x%b" % (number, _END) for number in range(16**3))


class RequestIds:
    """One process's ids."""

    def __init__(self) -> None:
        self.lines = _numbered(_NAME + str(uuid.uuid4())[:24].encode())
        """Header lines, each with an id of its own."""

    def new(self) -> bytes:
        """An id alone."""
        return next(self.lines)[len(_NAME) : -len(_END)]


def _numbered(before: bytes) -> Iterator[bytes]:
    for number in count():
        digits = b"%b%09x" % (before, number)
        for last in _LAST_DIGITS:
            yield digits + last
